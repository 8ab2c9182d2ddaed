import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { countConflicts } from '../../../replicator/applying/conflicts.ts';
import { promote } from '../../../replicator/failover/failover.ts';
import { previewRejoin, type RejoinPoint, rejoin } from '../../../replicator/failover/rejoin.ts';
import type { Unseen } from '../../../replicator/failover/unseen.ts';
import { DEFAULT_POLICIES } from '../../../replicator/policy.ts';
import { readRole } from '../../../replicator/role.ts';
import { realRuntime as runtime } from '../../../replicator/runtime.ts';
import type { Store } from '../../../store/contract.ts';
import { article, user } from '../../contract/samples.ts';
import { failureOf, put } from '../../contract/with-store.ts';
import { differences, putArticles, sqlitePair, start, targetOf } from '../sending/pair.ts';

const POINTS: readonly RejoinPoint[] = ['fenced', 'exported', 'merging', 'merged', 'role-written', 'opened'];

const mark = (read: number[]) => ({ kind: 'mark' as const, user: 'r', feed: 'f', upTo: 0, read, unread: [] });
const subscription = (title: string) => ({ user: 'r', feed: 'f', title, folder: null, addedAt: 1 });

/** `a` was the primary of `b`; then `b` was promoted, and both went on. */
async function replaced(t: Test) {
  const pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 30);
  await put(a.states, { id: 'r.f', content: mark([1]) });
  await put(a.subscriptions, { id: 'r.f', content: subscription('before') });
  await start(a, b, { once: true }).ended;
  await putArticles(a, 'unseen', 250);
  await put(a.articles, { id: 'x1', content: article({ title: 'changed at a' }) }, { id: 'x2', content: null });
  await put(a.states, { id: 'r.f', content: mark([1, 2]) });
  await put(a.subscriptions, { id: 'r.f', content: subscription('at a') });
  await promote(b, { runtime });
  await put(b.states, { id: 'r.f', content: mark([1, 3]) });
  await put(b.subscriptions, { id: 'r.f', content: subscription('at b') });
  await put(b.articles, { id: 'x3', content: article({ title: 'changed at b' }) });
  const exportPath = join(t.testdir(), 'unseen.jsonl');
  return { pair, a, b, exportPath };
}

function options(a: Store, b: Store, exportPath: string) {
  return { store: a, target: targetOf(b), policies: DEFAULT_POLICIES, runtime, exportPath };
}

async function linesOf(path: string): Promise<Unseen[]> {
  const [, ...lines] = (await readFile(path, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Unseen);
}

/** The new primary has what the old one had, as the rules say; and the old one gets all of it. */
async function agree(t: Test, a: Store, b: Store): Promise<void> {
  t.equal(await b.articles.count(), 30 + 250 - 1, 'everything that was never seen is there');
  t.match(await b.articles.get('x1'), { content: { title: 'changed at a' } });
  t.match(await b.articles.get('x3'), { content: { title: 'changed at b' } });
  t.match(await b.states.get('r.f'), { content: { read: [1, 2, 3] } }, 'marks of both are merged');
  t.match(await b.subscriptions.get('r.f'), { content: { title: 'at b' } }, 'the later edit wins');
  t.same(await countConflicts(b.control), { subscriptions: 1 }, 'and the other one is listed');
  t.match(await readRole(a.control), { role: 'replica', epoch: 1, primary: b.site });
  t.equal(await failureOf(put(a.users, { id: 'u', content: user() })), 'DATABASE_READ_ONLY');
  await start(b, a, { once: true, name: 'a' }).ended;
  t.strictSame(await differences(a, b), []);
}

t.test('what the new primary never saw is exported, listed, merged, and the old one follows', async (t) => {
  const { pair, a, b, exportPath } = await replaced(t);
  await using _ = pair;
  const seen: Unseen[] = [];
  const done = await rejoin({ ...options(a, b, exportPath), onUnseen: (unseen) => seen.push(unseen) });
  t.match(done, { site: a.site, primary: b.site, epoch: 1, unseen: 254, written: 253, conflicts: 2, refused: [] });
  const exported = await linesOf(exportPath);
  t.equal(exported.length, 254);
  t.same(
    seen.map(({ database, doc, why }) => [database, doc.id, why]),
    exported.map(({ database, doc, why }) => [database, doc.id, why]),
  );
  const why = (id: string) => exported.find(({ doc, database }) => database === 'articles' && doc.id === id)?.why;
  t.same([why('unseen1'), why('x1'), why('x2')], ['missing', 'newer', 'newer']);
  t.match(
    exported.filter((one) => one.why === 'concurrent').map(({ database }) => database),
    ['subscriptions', 'states'],
  );
  t.notOk(
    exported.some(({ doc }) => doc.id === 'x3' || doc.id === 'x0'),
    'what it has seen is left out',
  );
  await agree(t, a, b);
});

for (const point of POINTS) {
  t.test(`killed at "${point}" and run again it ends the same`, async (t) => {
    const { pair, a, b, exportPath } = await replaced(t);
    await using _ = pair;
    const at = (here: RejoinPoint) => {
      if (here === point) throw new Error('killed');
    };
    t.match(await failureOf(rejoin({ ...options(a, b, exportPath), at })), /killed/);
    await rejoin(options(a, b, exportPath));
    t.equal((await linesOf(exportPath)).length, 254);
    await agree(t, a, b);
    await rejoin(options(a, b, exportPath));
    await agree(t, a, b);
  });
}

t.test('a dry run lists the same, and changes nothing', async (t) => {
  const { pair, a, b } = await replaced(t);
  await using _ = pair;
  const seen: Unseen[] = [];
  const { exportPath: __, ...rest } = options(a, b, '');
  t.match(await previewRejoin({ ...rest, onUnseen: (unseen) => seen.push(unseen) }), { unseen: 254, epoch: 1 });
  t.equal(seen.length, 254);
  t.match(await readRole(a.control), { role: 'primary', epoch: 0 });
  await put(a.users, { id: 'u', content: user() });
  t.equal(await b.articles.count(), 30);
});

t.test('without a checkpoint everything is looked at, and only what is unknown is merged', async (t) => {
  const { pair, a, b, exportPath } = await replaced(t);
  await using _ = pair;
  for (const { id } of await b.control.list('replication/from/')) await b.control.delete(id);
  let looked = 0;
  const onEvent = (event: { step: string; docs?: number }) => {
    if (event.step === 'looking') looked = event.docs ?? 0;
  };
  t.match(await rejoin({ ...options(a, b, exportPath), onEvent }), { unseen: 254 });
  t.equal(looked, 30 + 250 + 2);
  await agree(t, a, b);
});

t.test('a document that was put aside long ago is not forgotten', async (t) => {
  const { pair, a, b, exportPath } = await replaced(t);
  await using _ = pair;
  const [old] = (await a.articles.versions(['x5'])).values();
  t.ok(old);
  // As if the new primary had refused it then.
  await using other = await sqlitePair();
  await start(a, other.a, { once: true, name: 'other' }).ended;
  await a.control.put('replication/aside/b/articles/only-here', { code: 'BATCH_INVALID' });
  await put(a.articles, { id: 'only-here', content: article() });
  const vector = { '1': 1_000_000 };
  const checkpoint = { session: 's', vector, seed: {}, history: [{ session: 's', vector, at: 0 }], at: 0 };
  await b.control.put(`replication/from/${a.site}/articles`, checkpoint);
  await a.control.put(`replication/to/${b.site}/articles`, checkpoint);
  await rejoin(options(a, b, exportPath));
  const articles = (await linesOf(exportPath)).filter(({ database }) => database === 'articles');
  t.same(
    articles.map(({ doc }) => doc.id),
    ['only-here'],
  );
  t.ok(await b.articles.get('only-here'));
});

t.test('only the URL of a newer primary will do', async (t) => {
  const { pair, a, b, exportPath } = await replaced(t);
  await using _ = pair;
  t.equal(await failureOf(rejoin(options(b, a, exportPath))), 'REJOIN_NOT_NEWER');
  t.equal(await failureOf(rejoin(options(a, a, exportPath))), 'REPLICATION_SAME_SITE');
  const c = await pair.another();
  await start(b, c, { once: true, name: 'c' }).ended;
  t.equal(await failureOf(rejoin(options(a, c, exportPath))), 'REJOIN_NOT_PRIMARY');
  await put(a.users, { id: 'u', content: user() });
  t.match(await readRole(a.control), { role: 'primary' }, 'and nothing was changed');
});

t.test('a file of somebody else is not overwritten', async (t) => {
  const { pair, a, b } = await replaced(t);
  await using _ = pair;
  const folder = t.testdir({ 'notes.txt': 'my notes\n' });
  t.equal(await failureOf(rejoin(options(a, b, join(folder, 'notes.txt')))), 'REJOIN_FILE_UNUSABLE');
  t.equal(await readFile(join(folder, 'notes.txt'), 'utf8'), 'my notes\n');
  t.equal(await failureOf(rejoin(options(a, b, join(folder, 'no/such/folder.jsonl')))), 'REJOIN_FILE_UNUSABLE');
  t.equal(await b.articles.count(), 30, 'nothing was merged');
});

t.test(
  'a former primary follows another one than it came back to only once that was handed everything, too',
  async (t) => {
    const { pair, a, b, exportPath } = await replaced(t);
    await using _ = pair;
    const c = await pair.another();
    await put(a.subscriptions, { id: 'r.g', content: subscription('at a') });
    // What a hands over to b never gets to c.
    await start(b, c, { once: true, name: 'c' }).ended;
    await rejoin(options(a, b, exportPath));
    await start(b, a, { once: true, name: 'a' }).ended;
    await promote(b, { runtime, epoch: 2 });
    await start(b, a, { once: true, name: 'a' }).ended;
    t.match(
      await readRole(a.control),
      { primary: b.site, epoch: 2, wrote: true },
      'the same one may be promoted again',
    );
    await promote(c, { runtime, epoch: 3 });
    await put(c.subscriptions, { id: 'r.g', content: subscription('at c') });
    t.equal(await failureOf(start(c, a, { once: true, name: 'a' }).ended), 'REPLICATION_REFUSED');
    t.match((await a.subscriptions.get('r.g'))?.content, { title: 'at a' }, 'nothing of it gave way');
    await rejoin(options(a, c, `${exportPath}-2`));
    t.strictSame(await countConflicts(c.control), { subscriptions: 1 });
    await start(c, a, { once: true, name: 'a' }).ended;
    t.strictSame(await differences(c, a), []);
    t.match(await readRole(a.control), { primary: c.site, epoch: 3, wrote: true });
  },
);

t.test('another replica hands over what only it got before the primary was lost', async (t) => {
  const { pair, a, b, exportPath } = await replaced(t);
  await using _ = pair;
  const c = await pair.another();
  await start(a, c, { once: true, name: 'c' }).ended;
  t.match(await rejoin(options(c, b, exportPath)), { unseen: 254 });
  await start(b, c, { once: true, name: 'c' }).ended;
  t.strictSame(await differences(b, c), []);
  t.equal(await b.articles.count(), 279);
});

t.test('a replica of some databases counts as a former primary once it has handed over the others', async (t) => {
  const { pair, a, b, exportPath } = await replaced(t);
  await using _ = pair;
  const c = await pair.another();
  await start(b, c, { once: true, name: 'c', databases: ['articles'] }).ended;
  await put(c.subscriptions, { id: 'r.g', content: subscription('at c') });
  await rejoin(options(c, b, exportPath));
  t.match(await readRole(c.control), { primary: b.site, wrote: true });
  await start(b, c, { once: true, name: 'c' }).ended;
  t.strictSame(await differences(b, c), []);
  // What c handed over to b never gets to a.
  await promote(a, { runtime, epoch: 9 });
  await put(a.subscriptions, { id: 'r.g', content: subscription('at a') });
  t.equal(await failureOf(start(a, c, { once: true, name: 'c' }).ended), 'REPLICATION_REFUSED');
  t.match((await c.subscriptions.get('r.g'))?.content, { title: 'at c' }, 'nothing of it gave way');
});

t.test('a file from an attempt before is used no more once more was written here', async (t) => {
  const { pair, a, b, exportPath } = await replaced(t);
  await using _ = pair;
  const killed = new Error('killed');
  const at = (point: RejoinPoint) => {
    if (point === 'exported') throw killed;
  };
  await t.rejects(rejoin({ ...options(a, b, exportPath), at }), killed);
  // Somebody thought better of it, for a while.
  await promote(a, { runtime });
  await put(a.articles, { id: 'second thoughts', content: article() });
  t.equal(await failureOf(rejoin(options(a, b, exportPath))), 'REJOIN_FILE_UNUSABLE');
  t.equal(await b.articles.get('second thoughts'), undefined, 'nothing was merged');
  await rejoin(options(a, b, `${exportPath}-2`));
  t.ok(await b.articles.get('second thoughts'));
});
