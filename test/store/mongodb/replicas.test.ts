import t, { type Test } from 'tap';
import type { Replica, SiteId, Store, Version, Versioned } from '../../../store/contract.ts';
import type { User } from '../../../store/documents.ts';
import { bucketOf } from '../../../store/envelope.ts';
import type { Faults } from '../../../store/faults.ts';
import { BULK_WINDOW, WINDOW } from '../../../store/mongodb/slots.ts';
import { openMongodb } from '../../../store/mongodb/store.ts';
import { writeVersion } from '../../../store/version.ts';
import { NOON, user } from '../../contract/samples.ts';
import { failureOf, openWriter, withStore } from '../../contract/with-store.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { mongodbEngine, withDatabase } from './engine.ts';

const ELSEWHERE = 'elsewher' as SiteId;

function at(ms: number): Version {
  return writeVersion(NOON + ms, 0, ELSEWHERE);
}

function replica(id: string, ms: number, more: Partial<Replica<User>> = {}): Replica<User> {
  return {
    id,
    ver: at(ms),
    org: ELSEWHERE,
    vv: null,
    delAt: null,
    content: user({ num: 1, name: `${id}${ms}` }),
    ...more,
  };
}

/** The answer to each write is lost the first `times` times. */
function losing(times: number): Faults {
  let left = times;
  return {
    at(point) {
      if (point === 'written' && left-- > 0) throw new Error('the answer is lost');
    },
  };
}

function damage(url: string, id: string, change: Record<string, unknown>): Promise<void> {
  return withDatabase(url, async (db) => {
    await db.collection<{ _id: string }>('users').updateOne({ _id: id }, { $set: change });
  });
}

async function stored(store: Store, id: string): Promise<Versioned<User> | undefined> {
  return (await store.users.versions([id])).get(id);
}

t.test('replicas in MongoDB', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  const engine = mongodbEngine(server.url);
  const test = (title: string, use: (t: Test, store: Store, url: string) => Promise<void>) =>
    t.test(title, (t) => withStore(engine, (store, url) => use(t, store, url)));

  await test('a replica that names a version is written once, whatever answers are lost', async (t, store, url) => {
    for (const times of [1, 2, 3]) {
      const lossy = await openMongodb(url, {}, losing(times));
      const writer = await openWriter(lossy.users);
      const id = `doc${times}`;
      t.match(await writer.apply([replica(id, 1, { ifVer: null })]), [{ result: 'written' }], 'over nothing');
      t.match(await writer.apply([replica(id, 2, { ifVer: at(1) })]), [{ result: 'written' }], 'over a version');
      t.match(await writer.apply([replica(id, 3, { ifVer: at(1) })]), [{ result: 'conflict' }], 'over a replaced one');
      t.match(await writer.apply([replica(id, 4, { ifVer: null })]), [{ result: 'conflict' }]);
      t.match(await writer.apply([replica(id, 2, { ifVer: at(2) })]), [{ result: 'stale' }]);
      t.match(await writer.apply([replica(`${id}.none`, 2, { ifVer: at(1) })]), [{ result: 'conflict' }]);
      t.equal((await stored(store, id))?.ver, at(2));
      t.equal(await stored(store, `${id}.none`), undefined);
      await writer.settle();
      await lossy.close();
    }
  });

  await test('of many that replace one version at once, one is written', async (t, store, url) => {
    const lossy = await openMongodb(url, {}, losing(2));
    const writers = await Promise.all([store, lossy, store, lossy].map(({ users }) => openWriter(users)));
    for (let round = 0; round < 5; round += 1) {
      const id = `doc${round}`;
      await writers[0]?.apply([replica(id, 1)]);
      const outcomes = await Promise.all(
        writers.map((writer, i) => writer.apply([replica(id, 10 + i, { ifVer: at(1) })])),
      );
      const written = outcomes.flat().filter(({ result }) => result === 'written');
      t.equal(
        written.length,
        1,
        outcomes
          .flat()
          .map(({ result }) => result)
          .join(' '),
      );
      const [one] = written;
      t.equal((await stored(store, id))?.ver, one?.result === 'written' && one.ver);
    }
    await Promise.all(writers.map((writer) => writer.close()));
    await lossy.close();
  });

  await test('healing replaces a damaged body or damaged words once, and leaves what is sound', async (t, store, url) => {
    const lossy = await openMongodb(url, {}, losing(2));
    const writer = await openWriter(lossy.users);
    await writer.apply([replica('a', 1), replica('b', 1), replica('c', 1), replica('d', 2)]);
    await damage(url, 'a', { name: 'somebody else' });
    await damage(url, 'b', { h2: 7 });
    const heal = ['a', 'b', 'c', 'd', 'e'].map((id) => replica(id, 1, { heal: true }));
    const results = (await writer.apply(heal)).map(({ result }) => result);
    t.same(results, ['written', 'written', 'stale', 'stale', 'written']);
    t.ok(
      (await writer.apply(heal)).every(({ result }) => result === 'stale'),
      'nothing is left to heal',
    );
    t.equal((await store.users.get('a'))?.content.name, 'a1');
    t.equal((await store.users.get('d'))?.content.name, 'd2');
    const { digests } = await store.users.digests({ limit: 100, deep: true });
    t.ok(digests.length === 5 && digests.every(({ sound }) => sound));
    await writer.settle();
    const { docs } = await store.users.changes.read(writer.slot, 4, 10);
    t.same(docs.map(({ id }) => id).toSorted(), ['a', 'b', 'e'], 'what was healed is a change');
    await lossy.close();
  });

  await test('what is stored as no JSON is unsound, and can be healed', async (t, store, url) => {
    const writer = await openWriter(store.users);
    await writer.apply([replica('a', 1)]);
    await damage(url, 'a', { name: new Date(0), num: Number.NaN });
    t.match(await store.users.digests({ limit: 9, deep: true }), { digests: [{ id: 'a', sound: false }] });
    t.match(await store.users.digests({ limit: 9 }), { digests: [{ id: 'a', sound: null }] });
    t.match(await writer.apply([replica('a', 1, { heal: true })]), [{ result: 'written' }]);
    t.match(await store.users.digests({ limit: 9, deep: true }), { digests: [{ id: 'a', sound: true }] });
    await writer.close();
  });

  await test('replicas that meet older and newer ones end as they should, whichever way they are sent', async (t, store) => {
    const writer = await openWriter(store.users);
    const all = Array.from({ length: 300 }, (_, i) => `u${i}`);
    await writer.apply(all.filter((_, i) => i % 3 > 0).map((id, i) => replica(id, i % 2 ? 1 : 9)));
    for (let round = 0; round < 3; round += 1) await writer.apply(all.map((id) => replica(id, 5)));
    const versions = await store.users.versions(all);
    t.equal(versions.size, 300);
    t.same(new Set([...versions.values()].map(({ ver }) => ver)), new Set([at(5), at(9)]));
    await writer.settle();
    t.equal(await store.users.changes.remaining(writer.slot, 0), 300);
    await writer.close();
  });

  await test('a bulk writer numbers further, and its takeover fills as far; the next one has the usual window', async (t, store, url) => {
    const bulk = await store.users.openWriter({ owner: 'load', durability: 'lazy', bulk: true });
    t.match(await store.users.changes.slots(), [{ window: BULK_WINDOW }]);
    await bulk.apply(Array.from({ length: 1000 }, (_, i) => replica(`u${i}`, 1)));
    await bulk.settle();
    const { stable } = await store.users.changes.takeOver(bulk.slot);
    t.equal(stable, 1000 + BULK_WINDOW);
    t.equal(await failureOf(bulk.apply([replica('late', 1)])), 'WRITER_FENCED');
    t.equal(await store.users.changes.remaining(bulk.slot, 0), 1000, 'fillers are nothing that remains');
    t.equal(await store.users.changes.remaining(bulk.slot, 990), 10);
    const next = await openWriter(store.users);
    t.match(await store.users.changes.slots(), [{ slot: bulk.slot, window: WINDOW }]);
    await next.apply([replica('a', 1)]);
    await next.settle();
    t.equal((await store.users.changes.takeOver(next.slot)).stable, stable + 1 + WINDOW);
    const taken = await withDatabase(url, (db) => db.collection('users').countDocuments({ slot: bulk.slot }));
    t.equal(taken, stable + 1 + WINDOW, 'every number is taken');
  });

  await test('a note of a process that was stopped does not undo that of its successor', async (t, store, url) => {
    const woken = Promise.withResolvers<void>();
    const asleep = Promise.withResolvers<void>();
    const stalled = await openMongodb(
      url,
      {},
      {
        async at(point) {
          if (point !== 'written') return;
          asleep.resolve();
          await woken.promise;
        },
      },
    );
    const zombie = await openWriter(stalled.users);
    const late = failureOf(zombie.apply([replica('a', 1)], { id: 'checkpoint', value: 'old' }));
    await asleep.promise;
    await store.users.changes.takeOver(zombie.slot);
    const writer = await openWriter(store.users);
    await writer.apply([replica('b', 1)], { id: 'checkpoint', value: 'new' });
    woken.resolve();
    await late;
    t.equal((await store.control.get('checkpoint'))?.value, 'new');
    t.equal(
      await failureOf(zombie.apply([], { id: 'checkpoint', value: 'none' })),
      'WRITER_FENCED',
      'without documents',
    );
    t.equal(await failureOf(zombie.apply([replica('a', 1)], { id: 'checkpoint', value: 'stale' })), 'WRITER_FENCED');
    t.equal((await store.control.get('checkpoint'))?.value, 'new');
    await writer.close();
    await stalled.close();
  });

  await test('a change of mode that died before it fenced anybody is carried on', async (t, store, url) => {
    const writer = await openWriter(store.users);
    await withDatabase(url, async (db) => {
      const change = { $set: { mode: 'replica', unfenced: 'by a process that died' } };
      await db.collection<{ _id: string }>('control').updateOne({ _id: 'mode/users' }, change);
    });
    t.equal(await failureOf(writer.edit([{ id: 'a', content: user() }])), 'none');
    await store.users.setMode('replica');
    t.equal(await failureOf(writer.edit([{ id: 'b', content: user() }])), 'DATABASE_READ_ONLY');
    t.equal(await failureOf(writer.apply([replica('b', 1)])), 'WRITER_FENCED');
    const next = await openWriter(store.users);
    await store.users.setMode('replica');
    t.equal(await failureOf(next.apply([replica('b', 1)])), 'none', 'the same mode again fences nobody');
    await next.close();
  });

  await test('digests come page by page, each once, of all buckets or of some', async (t, store) => {
    const writer = await openWriter(store.users);
    const ids = Array.from({ length: 500 }, (_, i) => `u${i}`);
    await writer.apply(ids.map((id) => replica(id, 1)));
    await store.users.changes.takeOver(writer.slot);
    const buckets = ids.slice(0, 50).map(bucketOf);
    for (const query of [{ limit: 1000 }, { limit: 7 }, { limit: 1000, buckets }, { limit: 3, buckets, deep: true }]) {
      const found: string[] = [];
      let cursor: string | null | undefined;
      while (cursor !== null) {
        const page = await store.users.digests({ ...query, ...(cursor && { cursor }) });
        t.ok(page.digests.length <= query.limit || page.digests.every(({ sound }) => sound));
        found.push(...page.digests.map(({ id }) => id));
        ({ cursor } = page);
      }
      const wanted = ids.filter((id) => query.buckets?.includes(bucketOf(id)) ?? true);
      t.same(found.toSorted(), wanted.toSorted());
    }
    const named = await store.users.digests({ ids: ['u1', 'u2', 'none'], limit: 9 });
    t.same(named.digests.map(({ id }) => id).toSorted(), ['u1', 'u2']);
    t.equal(named.cursor, null);
  });

  await test('a page of changes ends after the characters that were asked for', async (t, store) => {
    const writer = await openWriter(store.users);
    await writer.apply([
      replica('small', 1),
      replica('large', 1, { content: user({ num: 1, name: 'x'.repeat(50_000) }) }),
    ]);
    await writer.apply(Array.from({ length: 20 }, (_, i) => replica(`u${i}`, 1)));
    await writer.settle();
    const ids: string[] = [];
    let after = 0;
    let pages = 0;
    for (let isThrough = false; !isThrough; pages += 1) {
      const page = await store.users.changes.read(writer.slot, after, 10, 1000);
      ids.push(...page.docs.map(({ id }) => id));
      after = page.through;
      t.ok(page.docs.length >= 1 && page.docs.length <= 10);
      isThrough = after === page.stable;
    }
    t.equal(ids.length, 22);
    t.ok(pages >= 4, `${pages} pages`);
    t.equal(new Set(ids).size, 22);
    await writer.close();
  });
});
