import t, { type Test } from 'tap';
import { realRuntime } from '../../../replicator/runtime.ts';
import { storeEnd } from '../../../replicator/verify/ends.ts';
import type { DatabaseReport, Finding, VerifyReport } from '../../../replicator/verify/report.ts';
import { type VerifyOptions, verify } from '../../../replicator/verify/verify.ts';
import type { Store } from '../../../store/contract.ts';
import { article } from '../../contract/samples.ts';
import { put } from '../../contract/with-store.ts';
import { putArticles, sqlitePair, start } from '../sending/pair.ts';
import { SqliteTamper } from './tamper.ts';

/** `FEEDFERRY_TEST_LONG=1`: among a million. */
const isLong = process.env.FEEDFERRY_TEST_LONG === '1';
const DOCS = isLong ? 1_000_000 : 5_000;
if (isLong) t.setTimeout(3_600_000);

const fast = { ...realRuntime, sleep: (_ms: number, signal?: AbortSignal) => realRuntime.sleep(1, signal) };

function compare(source: Store, destination: Store, over: Partial<VerifyOptions> = {}): Promise<VerifyReport> {
  const ends = { source: storeEnd(source), destination: storeEnd(destination) };
  return verify({ ...ends, databases: ['articles'], runtime: fast, ...over });
}

function only(report: VerifyReport): DatabaseReport {
  const [found] = report.databases;
  if (!found || report.databases.length > 1) throw new Error('not one database');
  return found;
}

function shown({ id, kind, damaged, fields }: Finding): string {
  return [kind, id, ...damaged, ...(fields ?? []).map(({ field }) => field)].join(' ');
}

async function copied(t: Test, source: Store, destination: Store): Promise<void> {
  const { docs } = await start(source, destination, { once: true }).ended;
  t.ok(docs > 0, `${docs} documents copied`);
}

t.test('what was done to one side is found, by id and field, and nothing else', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', DOCS);
  using there = new SqliteTamper(b.url);
  await copied(t, a, b);
  const before = there.row('x1');
  await put(a.articles, { id: 'x1', content: null }, { id: 'gone', content: null });
  await copied(t, a, b);
  const equal = await compare(a, b);
  t.equal(equal.verdict, 'equal');
  t.same(only(equal).docs, { source: DOCS + 1, destination: DOCS + 1 });
  t.equal(only(equal).bucketsDiffering, 0);

  there.drop('x2');
  there.putBack(before);
  there.rewrite('x3', (content) => ({ ...content, title: 'Another title', authors: ['Ada', 'Bob'] }));
  there.flipBit('x4', 'ello');
  const shallow = await compare(a, b);
  t.equal(shallow.verdict, 'differing');
  t.same(only(shallow).findings.map(shown), ['missing x2', 'undeleted x1 ', 'content x3 authors[1] title']);
  t.same(only(shallow).findings[2]?.fields, [
    { field: 'authors[1]', source: null, destination: '"Bob"' },
    { field: 'title', source: '"A title"', destination: '"Another title"' },
  ]);

  using here = new SqliteTamper(a.url);
  here.flipBit('x5', 'A title');
  const deep = await compare(a, b, { deep: true });
  t.same(only(deep).findings.map(shown), [
    'missing x2',
    'undeleted x1 ',
    'content x3 authors[1] title',
    'damaged x4 destination html',
    'damaged x5 source title',
  ]);
  t.equal(only(deep).hashed, 2 * DOCS + 1, 'all bodies of both sides');
});

t.test('edits of a replica, and what only it has, are differences', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 10);
  await copied(t, a, b);
  await b.articles.setMode('read-write');
  await put(b.articles, { id: 'x1', content: article({ title: 'Mine' }) }, { id: 'extra', content: article() });
  await put(b.articles, { id: 'x2', content: null });
  t.same(only(await compare(a, b)).findings.map(shown), ['extra extra', 'newer x1 guid title', 'newer x2 ']);
  t.same(only(await compare(b, a)).findings.map(shown), ['missing extra', 'older x1 guid title', 'undeleted x2 ']);
});

t.test('documents past the checkpoint are in flight; without one they are missing', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 10);
  await copied(t, a, b);
  await putArticles(a, 'later', 3);
  const report = await compare(a, b);
  t.equal(report.verdict, 'in-flight');
  t.equal(only(report).checkpoint, true);
  t.same(only(report).inFlight, { count: 3, ids: only(report).inFlight.ids });
  t.same(only(report).inFlight.ids.toSorted(), ['later0', 'later1', 'later2']);

  const c = await pair.another();
  const unknown = await compare(a, c);
  t.equal(unknown.verdict, 'differing');
  t.equal(only(unknown).checkpoint, false);
  t.equal(only(unknown).counts.missing, 13);
});

t.test('a body that is no JSON any more is found all the same', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 30);
  await copied(t, a, b);
  using there = new SqliteTamper(b.url);
  for (const id of ['x1', 'x2']) there.flipBit(id, '{');
  there.set('x3', { h1: 7 });
  const { findings } = only(await compare(a, b, { deep: true }));
  t.same(findings.map(shown), ['damaged x1 destination', 'damaged x2 destination', 'damaged x3 destination']);
  t.equal(findings[0]?.fields, null, 'its fields are not to be told');
  t.same(findings[2]?.fields, [], 'only the words differ');
});

t.test('of many differences all are counted, and the first thousand of a kind are named', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 2500);
  const report = only(await compare(a, b));
  t.equal(report.counts.missing, 2500);
  t.equal(report.findings.length, 1000);
});

t.test('progress is told, and a signal ends it', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 100);
  const phases = new Set<string>();
  await compare(a, b, { deep: true, onProgress: ({ phase }) => phases.add(phase) });
  t.same([...phases], ['sums', 'listing', 'checking', 'hashing']);
  const end = new AbortController();
  const ending = compare(a, b, { signal: end.signal, onProgress: () => end.abort(new Error('enough')) });
  await t.rejects(ending, { message: 'enough' });
});
