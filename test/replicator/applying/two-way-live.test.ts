/** Two sites that both write, with real replicators between them, and what becomes of their conflicts. */
import t from 'tap';
import {
  countConflicts,
  listConflicts,
  readConflict,
  resolveConflict,
} from '../../../replicator/applying/conflicts.ts';
import { applyTwoWay } from '../../../replicator/applying/two-way.ts';
import { promote } from '../../../replicator/failover/failover.ts';
import { DEFAULT_POLICIES, type Policies } from '../../../replicator/policy.ts';
import { realRuntime as runtime } from '../../../replicator/runtime.ts';
import type { Store, Writer } from '../../../store/contract.ts';
import { article } from '../../contract/samples.ts';
import { failureOf, put } from '../../contract/with-store.ts';
import { until } from '../../rig/until.ts';
import { differences, putArticles, sqlitePair, start } from '../sending/pair.ts';

const subscription = (title: string) => ({ user: 'r', feed: 'f', title, folder: null, addedAt: 1 });
const mark = (read: number[]) => ({ kind: 'mark' as const, user: 'r', feed: 'f', upTo: 0, read, unread: [] });

/** A replicator each way, until the sites are alike. */
async function exchange(a: Store, b: Store, policies: Policies = DEFAULT_POLICIES): Promise<number> {
  const there = start(a, b, { direction: 'two-way', name: 'b', policies });
  const back = start(b, a, { direction: 'two-way', name: 'a', policies });
  const isQuiet = () => [there, back].every((one) => one.status().state === 'tailing' && one.status().docsToDo === 0);
  await until(async () => isQuiet() && (await differences(a, b)).length === 0, 'both sites are alike');
  await Promise.all([there.stop(), back.stop()]);
  return (await there.ended).metrics.conflicts + (await back.ended).metrics.conflicts;
}

async function stableOf(store: Store): Promise<number[]> {
  const slots = await Promise.all([store.articles, store.states].map(({ changes }) => changes.slots()));
  return slots.map(([slot]) => slot?.stable ?? 0);
}

t.test('two sites that write at the same time become alike, and then nothing is written any more', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'a', 300);
  await putArticles(b, 'b', 300);
  await put(a.states, { id: 'r.f', content: mark([1]) });
  await put(b.states, { id: 'r.f', content: mark([2]) });
  const there = start(a, b, { direction: 'two-way', name: 'b' });
  const back = start(b, a, { direction: 'two-way', name: 'a' });
  for (let i = 0; i < 20; i += 1) {
    await put(a.articles, { id: `live${i}`, content: article({ title: `a${i}`, fingerprint: `a${i}` }) });
    await put(b.articles, { id: `live${i}`, content: article({ title: `b${i}`, fingerprint: `b${i}` }) });
  }
  await until(async () => (await differences(a, b)).length === 0, 'both sites are alike');
  t.equal(await a.articles.count(), 620);
  t.match(await a.states.get('r.f'), { content: { read: [1, 2] } });
  const before = [await stableOf(a), await stableOf(b)];
  const looks = there.status().lagMs;
  t.ok(looks === null || looks.p99 >= 0);
  await put(a.users, { id: 'u', content: { num: 0, name: 'u', addedAt: 1 } });
  await until(async () => (await b.users.get('u')) !== undefined, 'something later is there');
  t.strictSame([await stableOf(a), await stableOf(b)], before, 'no document goes round');
  const listed = [...(await listConflicts(a.control)).conflicts, ...(await listConflicts(b.control)).conflicts];
  for (const { id, loser } of listed)
    t.ok(id.startsWith('live') && loser.content !== null, `${id} was written at both`);
  await Promise.all([there.stop(), back.stop()]);
});

t.test('three sites in a ring pass on what they get, and it ends', async (t) => {
  await using pair = await sqlitePair();
  const sites = [pair.a, pair.b, await pair.another()];
  const replicators = sites.map((site, i) => {
    const next = sites[(i + 1) % sites.length];
    return next ? start(site, next, { direction: 'two-way', name: `next${i}` }) : undefined;
  });
  for (let round = 0; round < 10; round += 1) {
    for (const [i, site] of sites.entries()) {
      await put(site.states, { id: 'r.f', content: mark([100 * i + round + 1]) });
      await put(site.subscriptions, { id: `s${round % 3}`, content: subscription(`${round} at ${i}`) });
      await putArticles(site, `site${i}-${round}-`, 5);
    }
  }
  const [a, b, c] = sites;
  if (!a || !b || !c) return;
  const areAlike = async () => (await differences(a, b)).length === 0 && (await differences(b, c)).length === 0;
  await until(async () => (await a.articles.count()) === 150 && (await areAlike()), 'the ring is alike');
  const before = await Promise.all(sites.map(stableOf));
  await put(a.users, { id: 'u', content: { num: 0, name: 'u', addedAt: 1 } });
  await until(async () => (await c.users.get('u')) !== undefined, 'something later went all the way');
  t.strictSame(await Promise.all(sites.map(stableOf)), before, 'no document goes round');
  await Promise.all(replicators.map((one) => one?.stop()));
});

t.test('a site of a lower epoch joins in once it is promoted to the same one', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await put(a.subscriptions, { id: 'a', content: subscription('a') });
  await promote(b, { runtime, epoch: 3 });
  const refused = start(a, b, { direction: 'two-way', once: true }).ended;
  t.equal(await failureOf(refused), 'REPLICATION_EPOCH_OLDER');
  t.equal(await a.subscriptions.mode(), 'read-only', 'it could be an old primary');
  await promote(a, { runtime, epoch: 3 });
  await put(a.subscriptions, { id: 'more', content: subscription('more') });
  await exchange(a, b);
  t.ok(await b.subscriptions.get('more'));
});

t.test('the losing side is shown, kept out of the way, or written again', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  for (const id of ['one', 'two']) {
    await put(a.subscriptions, { id, content: subscription(`${id} at a`) });
    await put(b.subscriptions, { id, content: subscription(`${id} at b`) });
  }
  t.ok((await exchange(a, b)) >= 2);
  t.match(await b.subscriptions.get('one'), { content: { title: 'one at b' } }, 'the later one wins');
  const site = (await countConflicts(a.control)).subscriptions === 2 ? a : b;
  const { conflicts, next } = await listConflicts(site.control, { limit: 1 });
  t.match(conflicts, [{ database: 'subscriptions', id: 'one', loser: { content: { title: 'one at a' } } }]);
  t.match(await listConflicts(site.control, { after: next ?? '' }), { conflicts: [{ id: 'two' }], next: null });
  t.match(await listConflicts(site.control, { database: 'articles' }), { conflicts: [], next: null });
  const [one, two] = (await listConflicts(site.control)).conflicts;
  t.ok(one && two);
  if (!one || !two) return;
  t.match(await readConflict(site.control, one.key), { id: 'one' });
  await resolveConflict(site, one.key, 'keep', 1);
  await resolveConflict(site, two.key, 'restore', 1);
  t.strictSame(await countConflicts(site.control), {});
  t.equal(await failureOf(readConflict(site.control, one.key)), 'CONFLICT_UNKNOWN');
  t.equal(await failureOf(resolveConflict(site, 'conflict/none', 'keep', 1)), 'CONFLICT_UNKNOWN');
  t.equal(await failureOf(resolveConflict(site, 'site/role', 'keep', 1)), 'CONFLICT_UNKNOWN');
  await exchange(a, b);
  t.match(await a.subscriptions.get('one'), { content: { title: 'one at b' } });
  t.match(await b.subscriptions.get('two'), { content: { title: 'two at a' } }, 'the restored one is everywhere');
  t.strictSame(await countConflicts(site.control), {}, 'and nothing is listed again');
});

t.test('a resolved conflict stays resolved when the loser arrives once more', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await put(a.subscriptions, { id: 's', content: subscription('at a') });
  const [early] = (await a.subscriptions.versions(['s'])).values();
  await put(b.subscriptions, { id: 's', content: subscription('at b') });
  await using writer = (await b.subscriptions.openWriter({ owner: 't', durability: 'lazy' })) as Writer<unknown>;
  const context = { store: b, database: 'subscriptions', writer, policy: 'keep', runtime } as const;
  t.ok(early);
  if (!early) return;
  t.strictSame(await applyTwoWay(context, [early]), { written: 0, stale: 1, conflicts: 1 });
  const [conflict] = (await listConflicts(b.control)).conflicts;
  await resolveConflict(b, conflict?.key ?? '', 'keep', 1);
  t.strictSame(await applyTwoWay(context, [early]), { written: 0, stale: 1, conflicts: 1 });
  t.strictSame(await countConflicts(b.control), {});
});

t.test('under the policy `newest` losers are counted and not kept', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await put(a.subscriptions, { id: 's', content: subscription('at a') });
  await put(b.subscriptions, { id: 's', content: subscription('at b') });
  t.ok((await exchange(a, b, { ...DEFAULT_POLICIES, subscriptions: 'newest' })) >= 1);
  t.strictSame([await countConflicts(a.control), await countConflicts(b.control)], [{}, {}]);
});

t.test('the note is put after everything is applied, also where nothing is', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 3);
  const docs = [...(await a.articles.versions(['x0', 'x1', 'x2'])).values()];
  await using writer = (await b.articles.openWriter({ owner: 't', durability: 'lazy' })) as Writer<unknown>;
  const context = { store: b, database: 'articles', writer, policy: 'keep', runtime } as const;
  const failing = { ...context, writer: { ...writer, apply: async () => Promise.reject(new Error('full')) } };
  t.match(await failureOf(applyTwoWay(failing, docs, { id: 'note', value: 1 })), /full/);
  t.equal(await b.control.get('note'), undefined);
  t.strictSame(await applyTwoWay(context, docs, { id: 'note', value: 2 }), { written: 3, stale: 0, conflicts: 0 });
  t.match(await b.control.get('note'), { value: 2 });
  t.strictSame(await applyTwoWay(context, docs, { id: 'note', value: 3 }), { written: 0, stale: 3, conflicts: 0 });
  t.match(await b.control.get('note'), { value: 3 });
});
