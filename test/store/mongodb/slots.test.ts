import t, { type Test } from 'tap';
import type { Store } from '../../../store/contract.ts';
import type { Faults } from '../../../store/faults.ts';
import { DEAD_LOOK_MS } from '../../../store/mongodb/change-feed.ts';
import { HEARTBEAT_MS } from '../../../store/mongodb/publisher.ts';
import { LEASE_MS_MAX, WINDOW } from '../../../store/mongodb/slots.ts';
import { openMongodb } from '../../../store/mongodb/store.ts';
import { user } from '../../contract/samples.ts';
import { failureOf, openWriter, put, withStore } from '../../contract/with-store.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { mongodbEngine, withDatabase } from './engine.ts';

interface Raw {
  _id: string;
  slot?: number;
  n?: number;
  fill?: number;
}

/** Everything at the numbers of one slot, fillers included, as an operator with a shell sees it. */
function rawNumbers(url: string, slot: number): Promise<{ n: number; isFiller: boolean }[]> {
  return withDatabase(url, async (db) => {
    const found = await db.collection<Raw>('users').find({ slot }).sort({ n: 1 }).toArray();
    return found.map(({ n = 0, fill }) => ({ n, isFiller: fill === 1 }));
  });
}

function changeSlot(url: string, slot: number, change: Record<string, unknown>): Promise<void> {
  return withDatabase(url, async (db) => {
    await db.collection<Raw>('control').updateOne({ _id: `slot/users/${slot}` }, { $set: change });
  });
}

/** A fault that holds writes at a point until they are let go. */
function gate(point: 'numbered' | 'published'): Faults & { readonly held: Promise<void>; open(): void } {
  const opened = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  return {
    held: reached.promise,
    open: opened.resolve,
    async at(where) {
      if (where !== point) return;
      reached.resolve();
      await opened.promise;
    },
  };
}

/** What would run every so often, to be run at once. */
function captureIntervals(t: Test): (() => void)[] {
  const captured: (() => void)[] = [];
  const original = globalThis.setInterval;
  const capturing = (run: () => void, ms: number): NodeJS.Timeout => {
    if (ms === HEARTBEAT_MS) captured.push(run);
    return original(() => {}, ms);
  };
  t.intercept(globalThis, 'setInterval', { value: capturing });
  return captured;
}

t.test('slots in MongoDB', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  const engine = mongodbEngine(server.url);
  const test = (title: string, use: (t: Test, store: Store, url: string) => Promise<void>) =>
    t.test(title, (t) => withStore(engine, (store, url) => use(t, store, url)));

  await test('a zombie that wakes after its slot was taken over writes nothing', async (t, store, url) => {
    const asleep = gate('numbered');
    const zombieStore = await openMongodb(url, {}, asleep);
    const zombie = await openWriter(zombieStore.users);
    const writing = failureOf(zombie.edit([{ id: 'a', content: user(), ifVer: null }]));
    await asleep.held;
    const state = await store.users.changes.takeOver(zombie.slot);
    t.match(state, { epoch: zombie.epoch + 1, stable: WINDOW, owner: '' });
    const next = await openWriter(store.users);
    t.equal(next.slot, zombie.slot, 'the slot is used again');
    await next.edit([{ id: 'b', content: user() }]);
    asleep.open();
    t.equal(await writing, 'WRITER_FENCED');
    t.equal(await store.users.get('a'), undefined);
    await next.close();
    const page = await store.users.changes.read(zombie.slot, 0, 10);
    t.same(
      page.docs.map(({ id, n }) => [id, n]),
      [['b', WINDOW + 1]],
    );
    await zombieStore.close();
  });

  await test('a takeover fills what the writer may have used, and nothing else', async (t, store, url) => {
    const writer = await openWriter(store.users);
    await writer.edit([
      { id: 'a', content: user() },
      { id: 'b', content: user() },
    ]);
    await writer.settle();
    const { stable } = await store.users.changes.takeOver(writer.slot);
    t.equal(stable, 2 + WINDOW);
    const numbers = await rawNumbers(url, writer.slot);
    t.same(
      numbers.map(({ n }) => n),
      Array.from({ length: stable }, (_, i) => i + 1),
    );
    t.same(
      numbers.filter(({ isFiller }) => !isFiller).map(({ n }) => n),
      [1, 2],
    );
  });

  await test('fillers show nowhere', async (t, store) => {
    const writer = await openWriter(store.users);
    await writer.edit([{ id: 'a', content: user() }]);
    const sums = await store.users.bucketSums();
    await store.users.changes.takeOver(writer.slot);
    t.same(
      (await store.users.scan({ limit: 1000, deleted: true })).map(({ id }) => id),
      ['a'],
    );
    t.equal(await store.users.count(), 1);
    t.same(await store.users.bucketSums(), sums);
    const filler = `!${writer.slot}:${WINDOW}`;
    t.equal(await store.users.get(filler), undefined);
    t.equal((await store.users.getMany([filler])).size, 0);
    t.same((await store.users.changes.read(writer.slot, 0, 1000)).docs.length, 1);
    t.equal(await failureOf(put(store.users, { id: filler, content: user() })), 'BATCH_INVALID');
  });

  await test('several that take one slot over at once come to the same end', async (t, store, url) => {
    const other = await openMongodb(url);
    for (let round = 0; round < 5; round += 1) {
      const writer = await openWriter(store.users);
      await writer.edit([{ id: `${round}`, content: user() }]);
      const takers = [store, other, store, other].map((taker) => taker.users.changes.takeOver(writer.slot));
      const states = await Promise.all(takers);
      t.equal(new Set(states.map(({ stable }) => stable)).size, 1, 'one stable');
      const state = (await store.users.changes.slots()).find(({ slot }) => slot === writer.slot);
      t.match(state, { stable: states[0]?.stable, owner: '' });
      t.equal((await store.users.changes.takeOver(writer.slot)).stable, states[0]?.stable, 'and again changes nothing');
    }
    await other.close();
  });

  await test('a takeover that died is carried on by the next one', async (t, store, url) => {
    const writer = await openWriter(store.users);
    await writer.edit([{ id: 'a', content: user() }]);
    await writer.settle();
    await changeSlot(url, writer.slot, { state: 'taking', owner: '', epoch: writer.epoch + 1 });
    await withDatabase(url, async (db) => {
      await db.collection<Raw>('users').insertOne({ _id: `!${writer.slot}:2`, slot: writer.slot, n: 2, fill: 1 });
    });
    t.equal(await failureOf(writer.edit([{ id: 'b', content: user(), ifVer: null }])), 'WRITER_FENCED');
    const state = await store.users.changes.takeOver(writer.slot);
    t.match(state, { epoch: writer.epoch + 1, stable: 1 + WINDOW, owner: '' });
    t.equal((await rawNumbers(url, writer.slot)).length, 1 + WINDOW);
  });

  await test('a slot that gave no sign of life is taken over by whoever opens next, a live one is not', async (t, store, url) => {
    const dead = await openWriter(store.users);
    const live = await openWriter(store.users);
    await dead.edit([{ id: 'a', content: user() }]);
    await dead.settle();
    await changeSlot(url, dead.slot, { heartbeat: new Date(Date.now() - LEASE_MS_MAX - 10_000) });
    const next = await openWriter(store.users);
    t.equal(next.slot, dead.slot);
    t.ok(next.epoch > dead.epoch);
    t.equal(await failureOf(dead.edit([{ id: 'b', content: user() }])), 'WRITER_FENCED');
    t.equal(await failureOf(live.edit([{ id: 'b', content: user() }])), 'none');
    await next.close();
    await live.close();
  });

  await test('a heartbeat shows that the writer lives, and takes the dead over', async (t, store, url) => {
    const beats = captureIntervals(t);
    const writer = await openWriter(store.users);
    const dead = await openWriter(store.users);
    await dead.edit([{ id: 'a', content: user() }]);
    await dead.settle();
    const longAgo = new Date(Date.now() - LEASE_MS_MAX - 10_000);
    for (const { slot } of [writer, dead]) await changeSlot(url, slot, { heartbeat: longAgo });
    beats[0]?.();
    let owners: string[] = [];
    while (!owners.includes('')) owners = (await store.users.changes.slots()).map(({ owner }) => owner);
    t.same(owners, ['test', ''], 'only the one that gave no sign');
    t.match(await writer.edit([{ id: 'b', content: user() }]), [{ result: 'written' }]);
    t.equal(await failureOf(dead.edit([{ id: 'c', content: user() }])), 'WRITER_FENCED');
    t.same(
      (await store.users.changes.read(dead.slot, 0, 9)).docs.map(({ id }) => id),
      ['a'],
      'and what the dead had written is there for tailers',
    );
    await writer.close();
  });

  await test('a tailer takes the dead over, where no other writer comes', async (t, store, url) => {
    const began = performance.now();
    const later = { ms: 0 };
    const dead = await openWriter(store.users);
    await dead.edit([{ id: 'a', content: user() }]);
    await dead.settle();
    await changeSlot(url, dead.slot, { heartbeat: new Date(Date.now() - LEASE_MS_MAX - 10_000) });
    t.match(await store.users.changes.slots(), [{ owner: 'test' }], 'asked once it only tells');
    t.intercept(performance, 'now', { value: () => began + later.ms });
    later.ms = DEAD_LOOK_MS + 1_000;
    t.match(await store.users.changes.slots(), [{ owner: '', epoch: dead.epoch + 1 }]);
    t.equal(await failureOf(dead.edit([{ id: 'b', content: user() }])), 'WRITER_FENCED');
  });

  await test('a closed writer’s slot goes on where it ended, without fillers', async (t, store, url) => {
    for (let round = 1; round <= 3; round += 1) {
      const writer = await openWriter(store.users);
      t.match(await writer.edit([{ id: `${round}`, content: user() }]), [{ n: round }]);
      await writer.close();
    }
    t.same(
      (await rawNumbers(url, 1)).map(({ n }) => n),
      [1, 2, 3],
    );
    t.match(await store.users.changes.slots(), [{ slot: 1, stable: 3, owner: '' }]);
  });

  await test('publications are gathered: many writes, few of them, and the last covers all', async (t, _store, url) => {
    let publications = 0;
    const faults: Faults = {
      at(point) {
        if (point === 'published') publications += 1;
      },
    };
    const store = await openMongodb(url, {}, faults);
    const writer = await openWriter(store.users);
    const edits = Array.from({ length: 200 }, (_, i) => writer.edit([{ id: `${i}`, content: user(), ifVer: null }]));
    await Promise.all(edits);
    await writer.settle();
    t.match(await store.users.changes.slots(), [{ stable: 200 }]);
    t.ok(publications < 100, `${publications} publications`);
    await store.close();
  });

  await test('a writer waits at the end of its window until stable is published', async (t, store, url) => {
    const stuck = gate('published');
    const slow = await openMongodb(url, {}, stuck);
    const writer = await openWriter(slow.users);
    await writer.edit([{ id: 'first', content: user(), ifVer: null }]);
    await stuck.held;
    const ids = Array.from({ length: WINDOW + 100 }, (_, i) => `${i}`);
    const writing = writer.edit(ids.map((id) => ({ id, content: user(), ifVer: null })));
    const highest = async () => (await rawNumbers(url, writer.slot)).at(-1)?.n ?? 0;
    while ((await highest()) < WINDOW - 64) await new Promise((resolve) => setImmediate(resolve));
    t.ok((await highest()) <= 1 + WINDOW, 'no number beyond stable and the window');
    t.match(await store.users.changes.slots(), [{ stable: 1 }]);
    stuck.open();
    t.equal((await writing).length, ids.length);
    t.equal(await highest(), 1 + ids.length);
    await slow.close();
  });

  await test('a store that closes lets nobody wait for a publication', async (t, _store, url) => {
    const stuck = gate('published');
    const slow = await openMongodb(url, {}, stuck);
    const writer = await openWriter(slow.users);
    await writer.edit([{ id: 'first', content: user(), ifVer: null }]);
    await stuck.held;
    await writer.edit([{ id: 'second', content: user(), ifVer: null }]);
    const settling = failureOf(writer.settle());
    await slow.close();
    t.equal(await settling, 'STORE_CLOSED');
    stuck.open();
  });

  await test('a closed writer has settled', async (t, store) => {
    const writer = await openWriter(store.users);
    await writer.edit([{ id: 'a', content: user() }]);
    await writer.close();
    t.equal(await failureOf(writer.settle()), 'none');
    t.match(await store.users.changes.slots(), [{ stable: 1, owner: '' }]);
  });

  await test('no writer gets past a database that is being set read-only', async (t, store, url) => {
    const other = await openMongodb(url);
    for (let round = 0; round <= 6; round += 1) {
      const openings = Array.from({ length: 6 }, (_, i) => openWriter((i % 2 ? store : other).users));
      const opening = Promise.allSettled(openings);
      await Promise.all(openings.slice(0, round));
      await store.users.setMode('read-only');
      const opened = (await opening).flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
      for (const [i, writer] of opened.entries())
        t.equal(await failureOf(writer.edit([{ id: `${round}.${i}`, content: user() }])), 'DATABASE_READ_ONLY');
      t.equal(await store.users.count(), 0);
      for (const writer of opened) await writer.close();
      t.ok(
        (await store.users.changes.slots()).every(({ owner }) => owner === ''),
        `${opened.length} had opened`,
      );
      await store.users.setMode('read-write');
    }
    await other.close();
  });

  await test('two processes never lease one slot', async (t, store, url) => {
    const other = await openMongodb(url);
    for (let round = 0; round < 3; round += 1) {
      const writers = await Promise.all(Array.from({ length: 8 }, (_, i) => openWriter((i % 2 ? store : other).users)));
      t.equal(new Set(writers.map(({ slot }) => slot)).size, 8);
      await Promise.all(writers.map((writer) => writer.close()));
    }
    await other.close();
  });
});
