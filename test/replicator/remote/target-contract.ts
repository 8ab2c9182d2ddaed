/** What every `Target` does, whether the store is at hand or behind a wire. */
import type { Test } from 'tap';
import type { Checkpoint } from '../../../replicator/checkpoint.ts';
import { DEFAULT_POLICIES } from '../../../replicator/policy.ts';
import type { Hello, Push, Target } from '../../../replicator/target.ts';
import type { Replica, Store, Versioned } from '../../../store/contract.ts';
import { DATABASE_NAMES } from '../../../store/documents.ts';
import { article, feed } from '../../contract/samples.ts';
import { failureOf, put } from '../../contract/with-store.ts';
import { differences, putArticles, sqlitePair } from '../sending/pair.ts';

/** A target on a store; the test ends it. */
export type MakeTarget = (t: Test, store: Store) => Promise<Target>;

export function hello(source: Store, over: Partial<Hello> = {}): Hello {
  return {
    ...{ session: `of-${source.site}`, site: source.site, epoch: 0, direction: 'one-way', databases: DATABASE_NAMES },
    ...{ policies: DEFAULT_POLICIES, adopt: false, docsToDo: 0 },
    ...over,
  };
}

export function pushOf(docs: readonly Replica<unknown>[], over: Partial<Push> = {}): Push {
  return { database: 'articles', docs, checkpoint: null, caughtUp: false, ...over };
}

export async function articlesOf(store: Store): Promise<Versioned<unknown>[]> {
  return (await store.articles.changes.read(1, 0, 10_000)).docs;
}

export function checkpoint(over: Partial<Checkpoint> = {}): Checkpoint {
  const history = [{ session: 's1', vector: { 1: 7 }, at: 1_763_726_400_000 }];
  return { session: 's1', vector: { 1: 7 }, seed: { 1: 2 }, history, at: 1_763_726_400_000, ...over };
}

export async function targetContract(t: Test, make: MakeTarget): Promise<void> {
  async function setting(t: Test): Promise<{ a: Store; b: Store; target: Target }> {
    const pair = await sqlitePair();
    t.teardown(() => pair[Symbol.asyncDispose]());
    return { ...pair, target: await make(t, pair.b) };
  }

  await t.test('it tells which site it is, and its role and clock', async (t) => {
    const { b, target } = await setting(t);
    const { clock, ...info } = await target.inspect();
    t.strictSame(info, {
      site: b.site,
      engine: 'sqlite',
      role: { role: 'primary', epoch: 0, primary: null, since: 0 },
    });
    t.ok(Math.abs(clock - Date.now()) < 60_000);
  });

  await t.test('documents and tombstones arrive as they are; a second time they are stale', async (t) => {
    const { a, b, target } = await setting(t);
    await putArticles(a, 'x', 120, 'Ünï – \u{1F600} <b>"\\u2028\u2028"</b>');
    await put(a.articles, { id: 'x7', content: null });
    const docs = await articlesOf(a);
    await using session = await target.connect(hello(a));
    t.strictSame(session.checkpoints, Object.fromEntries(DATABASE_NAMES.map((name) => [name, null])));
    t.equal(session.info.site, b.site);
    t.equal(session.info.role.role, 'replica');
    const first = await session.push(pushOf(docs));
    t.match(first, { written: 120, stale: 0, conflicts: 0 });
    t.ok(first.appliedMs >= 0);
    t.strictSame(await differences(a, b), []);
    t.match(await session.push(pushOf(docs)), { written: 0, stale: 120 });
  });

  await t.test('checkpoints are kept with the documents, and told to the next session', async (t) => {
    const { a, target } = await setting(t);
    await putArticles(a, 'x', 3);
    const kept = checkpoint();
    {
      await using session = await target.connect(hello(a));
      await session.push(pushOf(await articlesOf(a), { checkpoint: kept }));
      await session.push(pushOf([], { database: 'feeds', checkpoint: checkpoint({ vector: {} }), caughtUp: true }));
    }
    await using session = await target.connect(hello(a, { session: 's2' }));
    t.strictSame(session.checkpoints.articles, kept);
    t.strictSame(session.checkpoints.feeds?.vector, {});
    t.equal(session.checkpoints.users, null);
  });

  await t.test('version vectors and conditions come through', async (t) => {
    const { a, b, target } = await setting(t);
    await putArticles(a, 'x', 2);
    const [first, second] = await articlesOf(a);
    if (!first || !second) throw new Error('two were written');
    const vv = { [a.site]: first.ver.slice(0, 17), zzzzzzzz: '000000000001-0000' };
    await using session = await target.connect(hello(a));
    await session.push(
      pushOf([
        { ...first, vv },
        { ...second, ifVer: first.ver },
      ]),
    );
    const there = await b.articles.versions(['x0', 'x1']);
    t.strictSame(there.get('x0')?.vv, vv);
    t.notOk(there.has('x1'), 'the condition did not hold');
    await session.push(pushOf([{ ...second, ifVer: null }]));
    t.ok((await b.articles.versions(['x1'])).has('x1'));
  });

  await t.test('many pushes at once all arrive', async (t) => {
    const { a, b, target } = await setting(t);
    await putArticles(a, 'x', 1000);
    const docs = await articlesOf(a);
    await using session = await target.connect(hello(a));
    const parts = Array.from({ length: 40 }, (_, i) => docs.slice(i * 25, i * 25 + 25));
    const pushed = await Promise.all(parts.map((part) => session.push(pushOf(part))));
    t.equal(
      pushed.reduce((sum, { written }) => sum + written, 0),
      1000,
    );
    t.strictSame(await differences(a, b), []);
  });

  await t.test('two senders at once do not disturb each other', async (t) => {
    const { a, b, target } = await setting(t);
    await putArticles(a, 'x', 50);
    await put(a.feeds, { id: 'f', content: feed() });
    await using one = await target.connect(hello(a, { databases: ['articles'] }));
    await using two = await target.connect(hello(a, { databases: ['feeds'], session: 'another' }));
    const feeds = (await a.feeds.changes.read(1, 0, 10)).docs;
    await Promise.all([one.push(pushOf(await articlesOf(a))), two.push(pushOf(feeds, { database: 'feeds' }))]);
    t.strictSame(await differences(a, b), []);
  });

  await t.test('who is refused learns the code', async (t) => {
    const { a, b, target } = await setting(t);
    t.equal(await failureOf(target.connect(hello(b))), 'REPLICATION_SAME_SITE');
    await putArticles(b, 'own', 1);
    t.equal(await failureOf(target.connect(hello(a))), 'REPLICATION_TARGET_HAS_DATA');
    const adopted = await target.connect(hello(a, { adopt: true, epoch: 3 }));
    await adopted.close();
    t.equal(await failureOf(target.connect(hello(a, { epoch: 2 }))), 'REPLICATION_EPOCH_OLDER');
  });

  await t.test(
    'a document that no store takes spoils its push with BATCH_INVALID, and the session goes on',
    async (t) => {
      const { a, b, target } = await setting(t);
      await putArticles(a, 'x', 2);
      const docs = await articlesOf(a);
      await using session = await target.connect(hello(a));
      const bad = docs.map((doc) => ({ ...doc, content: { ...article(), n: 1 }, body: '{"n":1}' }));
      t.equal(await failureOf(session.push(pushOf(bad))), 'BATCH_INVALID');
      await session.push(pushOf(docs));
      t.strictSame(await differences(a, b), []);
    },
  );

  await t.test('a sender whose right to write was revoked gets nothing through', async (t) => {
    const { a, b, target } = await setting(t);
    await putArticles(a, 'x', 2);
    await using session = await target.connect(hello(a));
    await b.articles.setMode('read-only');
    const code = await failureOf(session.push(pushOf(await articlesOf(a))));
    t.ok(['WRITER_FENCED', 'DATABASE_READ_ONLY'].includes(code), code);
    t.equal(await b.articles.count(), 0);
  });

  await t.test('after closing nothing is taken', async (t) => {
    const { a, target } = await setting(t);
    const session = await target.connect(hello(a));
    await session.close();
    await session.close();
    const code = await failureOf(session.push(pushOf([])));
    t.ok(['WRITER_CLOSED', 'RECEIVER_SESSION_UNKNOWN'].includes(code), code);
  });

  await t.test('sums, digests and versions are those of the store', async (t) => {
    const { a, b, target } = await setting(t);
    await putArticles(b, 'x', 300);
    await put(b.articles, { id: 'x1', content: null });
    await putArticles(a, 'y', 1);
    const side = target.compare('articles');
    const own = await b.articles.bucketSums();
    t.strictSame(await side.bucketSums(), own);
    t.strictSame(await side.bucketSums(b.articles.bucketSums()), own, 'beside equal sums');
    t.strictSame(await side.bucketSums(a.articles.bucketSums()), own, 'beside other sums');
    t.strictSame(await side.bucketSums(Promise.resolve([])), own, 'beside none');
    const query = { limit: 100, deep: true };
    const first = await side.digests(query);
    t.strictSame(first, await b.articles.digests(query));
    if (first.cursor === null) throw new Error('there are more than 100');
    t.strictSame(
      await side.digests({ limit: 100, cursor: first.cursor, buckets: own.slice(0, 200).map((sum) => sum.b) }),
      await b.articles.digests({ limit: 100, cursor: first.cursor, buckets: own.slice(0, 200).map((sum) => sum.b) }),
    );
    t.strictSame(
      await side.digests({ ids: ['x1', 'x2', 'nobody'], limit: 10 }),
      await b.articles.digests({ ids: ['x1', 'x2', 'nobody'], limit: 10 }),
    );
    const ids = ['x0', 'x1', 'nobody'];
    const [here, there] = [await b.articles.versions(ids), await side.versions(ids)];
    t.strictSame([...there.keys()].sort(), [...here.keys()].sort());
    for (const [id, doc] of here) t.match(there.get(id), doc, id);
  });
}
