import type { Test } from 'tap';
import { canonicalJson, fingerprints } from '../../store/envelope.ts';
import type { Engine } from './engine.ts';
import { NOON, user } from './samples.ts';
import { put, withStore, writtenVer } from './with-store.ts';

/** In this order by UTF-8 bytes; by UTF-16 units the last two would change places. */
const ORDERED = ['A', 'a', 'a.b', 'aa', 'b', 'ä', '\u{ff5e}', '\u{1f600}'];

export async function reading(t: Test, engine: Engine): Promise<void> {
  await t.test('a document comes back with its envelope', async (t) => {
    await withStore(engine, async (store) => {
      t.equal(await store.states.get('nobody'), undefined);
      const star = {
        kind: 'star',
        user: 'u',
        feed: 'f',
        article: 'f.a',
        articleNum: 1,
        articleAt: 2,
        starredAt: 3,
      } as const;
      const [outcome] = await put(store.states, { id: 'u.f', content: star });
      const doc = await store.states.get('u.f');
      t.same(doc?.content, star);
      t.equal(doc?.id, 'u.f');
      t.equal(doc?.ver, writtenVer(outcome));
      t.equal(doc?.org, store.site);
      t.equal(doc?.vv, null);
      t.equal(doc?.delAt, null);
      t.ok(doc !== undefined && doc.n > 0 && Number.isSafeInteger(doc.n));
      t.ok(doc !== undefined && doc.slot > 0 && Number.isSafeInteger(doc.slot));
    });
  });

  await t.test('getMany finds those that are there', async (t) => {
    await withStore(engine, async (store) => {
      await put(store.users, ...['a', 'b', 'c'].map((id) => ({ id, content: user({ name: id }) })));
      await put(store.users, { id: 'b', content: null });
      const found = await store.users.getMany(['c', 'b', 'a', 'nobody', 'a']);
      t.same([...found.keys()].sort(), ['a', 'c']);
      t.equal(found.get('c')?.content.name, 'c');
      t.equal((await store.users.getMany([])).size, 0);
      const many = Array.from({ length: 3000 }, (_, i) => `x${i}`);
      t.equal((await store.users.getMany([...many, 'a'])).size, 1, 'more ids than a statement has parameters');
    });
  });

  await t.test('scan goes by the bytes of the ids, from a place, within a prefix', async (t) => {
    await withStore(engine, async (store) => {
      const shuffled = ORDERED.toReversed();
      await put(store.users, ...shuffled.map((id) => ({ id, content: user({ name: id }) })));
      const ids = async (options: { prefix?: string; after?: string; limit: number; deleted?: boolean }) =>
        (await store.users.scan(options)).map((doc) => doc.id);
      t.same(await ids({ limit: 100 }), ORDERED);
      t.same(await ids({ limit: 3 }), ORDERED.slice(0, 3));
      t.same(await ids({ limit: 100, after: 'aa' }), ORDERED.slice(4));
      t.same(await ids({ limit: 100, after: 'a0' }), ORDERED.slice(3), 'after an id that is not there');
      t.same(await ids({ limit: 100, prefix: 'a' }), ['a', 'a.b', 'aa']);
      t.same(await ids({ limit: 100, prefix: 'a.' }), ['a.b'], 'a dot is a dot');
      t.same(await ids({ limit: 100, prefix: 'a', after: 'a' }), ['a.b', 'aa']);
      t.same(await ids({ limit: 100, prefix: '\u{1f600}' }), ['\u{1f600}']);
      t.same(await ids({ limit: 100, prefix: 'a', after: 'b' }), [], 'a place past the prefix');
      t.same(await ids({ limit: 1, prefix: 'b', after: 'A' }), ['b'], 'a place before the prefix');
    });
  });

  await t.test('deleted documents show only to a scan that asks for them', async (t) => {
    await withStore(
      engine,
      async (store) => {
        await put(store.users, { id: 'a', content: user() }, { id: 'b', content: user() });
        const [outcome] = await put(store.users, { id: 'a', content: null });
        t.equal(await store.users.get('a'), undefined);
        t.equal(await store.users.count(), 1);
        t.same(
          (await store.users.scan({ limit: 9 })).map((doc) => doc.id),
          ['b'],
        );
        const all = await store.users.scan({ limit: 9, deleted: true });
        t.same(
          all.map((doc) => [doc.id, doc.content === null, doc.delAt]),
          [
            ['a', true, NOON],
            ['b', false, null],
          ],
        );
        t.equal(all[0]?.ver, writtenVer(outcome));
        await put(store.users, { id: 'a', content: user({ name: 'back' }) });
        const back = await store.users.get('a');
        t.equal(back?.content.name, 'back', 'a deleted document can be made again');
        t.equal(back?.delAt, null);
      },
      { clock: () => NOON },
    );
  });

  await t.test('bucket sums are those of the documents, tombstones included', async (t) => {
    await withStore(engine, async (store) => {
      t.same(await store.users.bucketSums(), []);
      const ids = Array.from({ length: 300 }, (_, i) => `user-${i}`);
      await put(store.users, ...ids.map((id) => ({ id, content: user({ name: `${id} é` }) })));
      await put(store.users, ...ids.slice(0, 20).map((id) => ({ id, content: null })));
      const expected = new Map<number, { b: number; count: number; s1: number; s2: number; s3: number }>();
      for (const doc of await store.users.scan({ limit: 1000, deleted: true })) {
        const prints = fingerprints(doc.id, canonicalJson(doc.content), doc.ver, doc.content === null);
        const sum = expected.get(prints.b) ?? { b: prints.b, count: 0, s1: 0, s2: 0, s3: 0 };
        expected.set(prints.b, {
          b: prints.b,
          count: sum.count + 1,
          s1: sum.s1 + prints.h1,
          s2: sum.s2 + prints.h2,
          s3: sum.s3 + prints.h3,
        });
      }
      const byBucket = (x: { b: number }, y: { b: number }) => x.b - y.b;
      t.same((await store.users.bucketSums()).toSorted(byBucket), [...expected.values()].toSorted(byBucket));
    });
  });
}
