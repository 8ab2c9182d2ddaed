import type { Test } from 'tap';
import type { Engine } from './engine.ts';
import { user } from './samples.ts';
import { openWriter, put, rejectsWith, withStore } from './with-store.ts';

export async function writers(t: Test, engine: Engine): Promise<void> {
  await t.test('a batch larger than the window goes in whole, in order', async (t) => {
    await withStore(engine, async (store) => {
      const ids = Array.from({ length: 1500 }, (_, i) => `u${i}`);
      const outcomes = await put(store.users, ...ids.map((id) => ({ id, content: user({ name: id }) })));
      t.same(
        outcomes.map((outcome) => outcome.id),
        ids,
      );
      const ns = outcomes.map((outcome) => (outcome.result === 'written' ? outcome.n : -1));
      t.equal(new Set(ns).size, ids.length, 'each has its own number');
      t.equal(await store.users.count(), ids.length);
    });
  });

  await t.test('concurrent batches of one writer all go in', async (t) => {
    await withStore(engine, async (store) => {
      const writer = await openWriter(store.users);
      const batches = Array.from({ length: 40 }, (_, b) =>
        writer.edit(Array.from({ length: 20 }, (_, i) => ({ id: `${b}.${i}`, content: user({ name: `${b}` }) }))),
      );
      const outcomes = (await Promise.all(batches)).flat();
      t.ok(outcomes.every((outcome) => outcome.result === 'written'));
      await writer.settle();
      const slot = (await store.users.changes.slots()).find((state) => state.slot === writer.slot);
      const highest = Math.max(...outcomes.map((outcome) => (outcome.result === 'written' ? outcome.n : 0)));
      t.ok(slot !== undefined && slot.stable >= highest, 'settle waits until stable covers them');
      t.equal(await store.users.count(), 800);
      await writer.close();
    });
  });

  await t.test('a closed writer refuses to write; closing twice is harmless', async (t) => {
    await withStore(engine, async (store) => {
      const writer = await openWriter(store.users);
      await writer.edit([{ id: 'a', content: user() }]);
      await writer.close();
      await writer.close();
      await rejectsWith(t, writer.edit([{ id: 'b', content: user() }]), 'WRITER_CLOSED', 'edit');
      await rejectsWith(t, writer.apply([]), 'WRITER_CLOSED', 'apply');
      t.equal(await store.users.get('b'), undefined);
    });
  });

  await t.test('close covers what is under way', async (t) => {
    await withStore(engine, async (store) => {
      const writer = await openWriter(store.users);
      const pending = writer.edit(Array.from({ length: 300 }, (_, i) => ({ id: `u${i}`, content: user() })));
      await writer.close();
      t.ok((await pending).every((outcome) => outcome.result === 'written'));
      t.equal(await store.users.count(), 300);
    });
  });

  await t.test('operators see who writes', async (t) => {
    await withStore(engine, async (store) => {
      const writer = await openWriter(store.users, 'crawl of tests');
      const state = (await store.users.changes.slots()).find((slot) => slot.slot === writer.slot);
      t.match(state?.owner, 'crawl of tests');
      t.equal(state?.epoch, writer.epoch);
      await writer.close();
      const after = (await store.users.changes.slots()).find((slot) => slot.slot === writer.slot);
      t.equal(after?.owner, '', 'nobody after close');
    });
  });

  await t.test('after a takeover the old writer is fenced, and the slot is free', async (t) => {
    await withStore(engine, async (store, url) => {
      const other = await engine.open(url);
      const old = await openWriter(store.users);
      await old.edit([{ id: 'a', content: user({ name: 'kept' }) }]);
      const state = await other.users.changes.takeOver(old.slot);
      t.equal(state.slot, old.slot);
      t.ok(state.epoch > old.epoch);
      t.equal(state.owner, '');
      await rejectsWith(t, old.edit([{ id: 'b', content: user() }]), 'WRITER_FENCED', 'edit');
      await rejectsWith(t, old.edit([{ id: 'c', content: user() }]), 'WRITER_FENCED', 'and ever after');
      await old.close();
      const again = await other.users.changes.takeOver(old.slot);
      t.equal(again.stable, state.stable, 'a second takeover changes nothing that counts');
      const next = await openWriter(other.users);
      const [outcome] = await next.edit([{ id: 'd', content: user() }]);
      t.ok(outcome?.result === 'written' && (next.slot !== state.slot || outcome.n > state.stable));
      await next.close();
      t.same(
        (await store.users.scan({ limit: 9 })).map((doc) => doc.id),
        ['a', 'd'],
      );
      await other.close();
    });
  });

  await t.test('the databases are independent: fencing one leaves the others', async (t) => {
    await withStore(engine, async (store) => {
      const users = await openWriter(store.users);
      const states = await openWriter(store.states);
      await store.users.changes.takeOver(users.slot);
      const mark = { kind: 'mark', user: 'u', feed: 'f', upTo: 1, read: [], unread: [] } as const;
      await states.edit([{ id: 'u.f', content: { ...mark, read: [], unread: [] } }]);
      t.equal(await store.states.count(), 1);
      await users.close();
      await states.close();
    });
  });
}
