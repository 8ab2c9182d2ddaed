import { join } from 'node:path';
import t, { type Test } from 'tap';
import { countConflicts } from '../../../replicator/applying/conflicts.ts';
import { type Checkpoint, checkpointFrom } from '../../../replicator/checkpoint.ts';
import { promote } from '../../../replicator/failover/failover.ts';
import { rejoin } from '../../../replicator/failover/rejoin.ts';
import { DEFAULT_POLICIES } from '../../../replicator/policy.ts';
import { readRole } from '../../../replicator/role.ts';
import { realRuntime } from '../../../replicator/runtime.ts';
import { storeEnd } from '../../../replicator/verify/ends.ts';
import type { RepairEnd } from '../../../replicator/verify/repair.ts';
import { verify } from '../../../replicator/verify/verify.ts';
import { type RepairedReport, verifyAndRepair } from '../../../replicator/verify/verify-and-repair.ts';
import type { Store } from '../../../store/contract.ts';
import { article } from '../../contract/samples.ts';
import { failureOf, put } from '../../contract/with-store.ts';
import { until } from '../../rig/until.ts';
import { differences, putArticles, sqlitePair, start, targetOf } from '../sending/pair.ts';
import { SqliteTamper } from './tamper.ts';
import { namesIn } from './verify-live.ts';

const fast = { ...realRuntime, sleep: (_ms: number, signal?: AbortSignal) => realRuntime.sleep(1, signal) };

function endOf(store: Store): RepairEnd {
  return { end: storeEnd(store), target: targetOf(store), store };
}

interface How {
  readonly force?: boolean;
  readonly remoteSource?: boolean;
}

function repair(a: Store, b: Store, { force = false, remoteSource = false }: How = {}): Promise<RepairedReport> {
  const source = { ...endOf(a), ...(remoteSource && { store: null }) };
  return verifyAndRepair({ source, destination: endOf(b), databases: ['articles'], runtime: fast, deep: true, force });
}

async function replicated(a: Store, b: Store): Promise<void> {
  await start(a, b, { once: true }).ended;
}

async function alike(a: Store, b: Store): Promise<void> {
  await until(async () => (await differences(a, b)).length === 0, 'both have the same');
}

/** `a` with a hundred articles and a tombstone, `b` its replica. */
async function pairOfSites(t: Test): Promise<{ a: Store; b: Store; here: SqliteTamper; there: SqliteTamper }> {
  const pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 100);
  await put(a.articles, { id: 'x0', content: null });
  await replicated(a, b);
  const [here, there] = [new SqliteTamper(a.url), new SqliteTamper(b.url)];
  t.teardown(async () => {
    here[Symbol.dispose]();
    there[Symbol.dispose]();
    await pair[Symbol.asyncDispose]();
  });
  return { a, b, here, there };
}

t.test('one-way, the destination gets what the source has', async (t) => {
  const { a, b, there } = await pairOfSites(t);
  const before = there.row('x2');
  await put(a.articles, { id: 'x1', content: article({ title: 'Later' }) }, { id: 'x2', content: null });
  const older = there.row('x1');
  await replicated(a, b);
  there.putBack(older);
  there.putBack(before);
  there.drop('x3');
  there.drop('x0');
  there.rewrite('x4', (content) => ({ ...content, title: 'Rewritten' }));
  there.flipBit('x5', 'ello');
  there.flipBit('x6', '{');
  there.set('x7', { h2: 5 });
  const { found, repaired, after } = await repair(a, b);
  t.same(namesIn(found), [
    'missing x0',
    'missing x3',
    'older x1',
    'undeleted x2',
    'content x4',
    'damaged x5 destination',
    'damaged x6 destination',
    'damaged x7 destination',
  ]);
  t.same(repaired.articles, { sent: 8, fetched: 0, healed: 0, forced: 0, left: {} });
  t.equal(after.verdict, 'equal');
  t.same(await differences(a, b), []);
});

t.test('what was damaged at the source comes back from the destination', async (t) => {
  const { a, b, here } = await pairOfSites(t);
  here.flipBit('x1', 'ello');
  here.flipBit('x2', '{');
  here.set('x3', { h1: 5 });
  const { found, repaired, after } = await repair(a, b);
  t.equal(found.databases[0]?.counts.damaged, 3);
  t.same(repaired.articles, { sent: 0, fetched: 0, healed: 3, forced: 0, left: {} });
  t.equal(after.verdict, 'equal');
  t.match((await a.articles.get('x1'))?.content.html, '<p>Hello</p>');
});

t.test('what is damaged at the source never goes over, and nothing sound is lost', async (t) => {
  const { a, b, here, there } = await pairOfSites(t);
  here.flipBit('x1', 'ello');
  there.drop('x1');
  here.flipBit('x2', 'ello');
  there.flipBit('x2', 'title');
  // Replicated after it was damaged: sound there, and yet not what was written.
  here.flipBit('x3', 'ello');
  there.rewrite('x3', (content) => ({ ...content, html: '<p>Iello</p>', summary: 'Else' }));
  const { repaired, after } = await repair(a, b);
  t.same(repaired.articles, { sent: 0, fetched: 0, healed: 0, forced: 0, left: { 'damaged-source': 3 } });
  t.equal(after.verdict, 'differing');
  t.equal(await b.articles.get('x1'), undefined);
});

t.test('what only the destination has is left alone, and discarded with force', async (t) => {
  const { a, b } = await pairOfSites(t);
  await b.articles.setMode('read-write');
  await put(b.articles, { id: 'x1', content: article({ title: 'Mine' }) }, { id: 'extra', content: article() });
  await put(b.articles, { id: 'x0', content: article({ title: 'Not deleted' }) });
  await b.articles.setMode('replica');
  const kept = await repair(a, b);
  t.same(namesIn(kept.found), ['extra extra', 'newer x0', 'newer x1']);
  t.same(kept.repaired.articles?.left, { 'only-at-destination': 3 });
  t.equal(kept.after.verdict, 'differing');
  t.equal((await b.articles.get('x1'))?.content.title, 'Mine');

  const remote = await repair(a, b, { force: true, remoteSource: true });
  t.same(remote.repaired.articles?.left, { 'source-remote': 3 });

  const forced = await repair(a, b, { force: true });
  t.equal(forced.repaired.articles?.forced, 3);
  t.equal(forced.after.verdict, 'equal');
  t.equal((await b.articles.get('x1'))?.content.title, 'A title');
  t.same([await b.articles.get('extra'), await b.articles.get('x0')], [undefined, undefined]);
  await using more = await sqlitePair();
  const c = more.a;
  await replicated(b, c);
  t.equal((await c.articles.get('x1'))?.content.title, 'A title', 'also further down');
});

t.test('two-way, each side gets what the other has', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 50);
  const both = [start(a, b, { direction: 'two-way' }), start(b, a, { direction: 'two-way', name: 'a' })];
  await alike(a, b);
  await put(b.articles, { id: 'y1', content: article() }, { id: 'x1', content: article({ title: 'From b' }) });
  await alike(a, b);
  await Promise.all(both.map((one) => one.stop()));
  using here = new SqliteTamper(a.url);
  using there = new SqliteTamper(b.url);
  here.drop('y1');
  there.drop('x2');
  there.flipBit('x3', 'ello');
  here.flipBit('x4', 'ello');
  const { found, repaired, after } = await repair(a, b);
  t.same(namesIn(found), ['missing x2', 'damaged x3 destination', 'damaged x4 source', 'extra y1']);
  t.same(repaired.articles, { sent: 2, fetched: 1, healed: 1, forced: 0, left: {} });
  t.equal(after.verdict, 'equal');
});

t.test(
  'two-way, of two edits that know nothing of each other the later one wins, and the other is listed',
  async (t) => {
    await using pair = await sqlitePair();
    const { a, b } = pair;
    await putArticles(a, 'x', 2);
    const both = [start(a, b, { direction: 'two-way' }), start(b, a, { direction: 'two-way', name: 'a' })];
    await alike(a, b);
    await Promise.all(both.map((one) => one.stop()));
    await put(b.articles, { id: 'x0', content: article({ title: 'At b', fingerprint: 'b' }) });
    await put(a.articles, { id: 'x0', content: article({ title: 'At a', fingerprint: 'a' }) });
    await put(a.articles, { id: 'x1', content: article({ title: 'At a', fingerprint: 'a' }) });
    await put(b.articles, { id: 'x1', content: article({ title: 'At b', fingerprint: 'b' }) });
    // As if both had come over once, and were lost with an older copy.
    for (const [from, to] of [[a, b] as const, [b, a] as const]) {
      const id = checkpointFrom(from.site, 'articles');
      const note = (await to.control.get(id))?.value as Checkpoint;
      await to.control.put(id, { ...note, vector: { 1: 1_000_000 } });
    }
    const { found, after } = await repair(a, b);
    t.same(namesIn(found), ['older x0', 'newer x1']);
    t.equal(after.verdict, 'equal');
    t.equal((await b.articles.get('x0'))?.content.title, 'At a');
    t.equal((await a.articles.get('x1'))?.content.title, 'At b');
    t.same([await countConflicts(a.control), await countConflicts(b.control)], [{ articles: 1 }, { articles: 1 }]);
  },
);

t.test('a store of its own is not filled by a repair', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 10);
  await putArticles(b, 'y', 10);
  t.equal(await failureOf(repair(a, b)), 'REPLICATION_TARGET_HAS_DATA');
  t.equal(await b.articles.count(), 10);
});

t.test('after a failover the way that documents took before it counts no more', async (t) => {
  const { a, b, here } = await pairOfSites(t);
  await promote(b, { runtime: realRuntime });
  await put(a.articles, { id: 'late', content: article() });
  const ends = { source: storeEnd(b), destination: storeEnd(a), databases: ['articles'] as const, runtime: fast };
  t.same(
    namesIn(await verify(ends)),
    ['extra late'],
    'nothing brings what the old primary wrote after it was replaced',
  );
  const [target, exportPath] = [targetOf(b), join(t.testdir(), 'unseen.jsonl')];
  await rejoin({ store: a, target, exportPath, policies: DEFAULT_POLICIES, runtime: realRuntime });
  await replicated(b, a);
  t.equal((await verify(ends)).verdict, 'equal');
  here.drop('x3');
  await a.articles.setMode('read-write');
  await put(a.articles, { id: 'mine', content: article() });
  await a.articles.setMode('replica');
  const { found, repaired } = await repair(b, a);
  t.same(namesIn(found), ['missing x3', 'extra mine']);
  t.match(repaired.articles, { sent: 1, fetched: 0, left: { 'only-at-destination': 1 } });
  t.match(await readRole(a.control), { role: 'replica', primary: b.site });
  const around = await verify({ ...ends, source: storeEnd(a), destination: storeEnd(b) });
  t.same(namesIn(around), ['missing mine'], 'the other way round, too');
  t.equal(await failureOf(repair(a, b)), 'REPLICATION_TARGET_PRIMARY', 'where nothing is repaired');
});

t.test('repairing from one replica to another does not win it over', async (t) => {
  const { a, b, there } = await pairOfSites(t);
  await using pair = await sqlitePair();
  const c = pair.a;
  await replicated(a, c);
  await promote(c, { runtime: realRuntime });
  await replicated(c, b);
  const [target, exportPath] = [targetOf(c), join(t.testdir(), 'unseen.jsonl')];
  await rejoin({ store: a, target, exportPath, policies: DEFAULT_POLICIES, runtime: realRuntime });
  there.drop('x3');
  t.equal(await failureOf(repair(a, b)), 'REPLICATION_REFUSED');
  t.match(await readRole(b.control), { role: 'replica', primary: c.site });
  t.match((await repair(c, b)).repaired.articles, { sent: 1 });
});
