import type { Test } from 'tap';
import type { ChangeFeed } from '../../store/contract.ts';
import type { Engine } from './engine.ts';
import { user } from './samples.ts';
import { openWriter, put, withStore } from './with-store.ts';

export async function changeReading(t: Test, engine: Engine): Promise<void> {
  await t.test('changes come in the order of their numbers, page by page, tombstones included', async (t) => {
    await withStore(engine, async (store) => {
      const writer = await openWriter(store.users);
      const { slot } = writer;
      const ids = Array.from({ length: 25 }, (_, i) => `u${i}`);
      await writer.edit(ids.map((id) => ({ id, content: user({ name: id }) })));
      await writer.edit([{ id: 'u3', content: null }]);
      await writer.settle();
      const { seen, through, pages } = await readAll(store.users.changes, slot, 0, 10);
      t.ok(pages >= 3, 'a page holds at most the limit');
      const expected = [...ids.filter((id) => id !== 'u3'), 'u3'];
      t.same(
        seen.map((doc) => doc.id),
        expected,
        'each document once, at its latest place',
      );
      t.same(
        seen.map((doc) => doc.n),
        seen.map((doc) => doc.n).toSorted((a, b) => a - b),
      );
      t.equal(seen.at(-1)?.content, null);
      t.ok(seen.every((doc) => doc.slot === slot));
      const state = (await store.users.changes.slots()).find((one) => one.slot === slot);
      t.equal(through, state?.stable, 'a last page reaches stable');
      const empty = await store.users.changes.read(slot, through, 10);
      t.same(empty.docs, []);
      t.equal(empty.through, through);
      await writer.edit([{ id: 'u1', content: user({ name: 'again' }) }]);
      await writer.settle();
      const later = await readAll(store.users.changes, slot, through, 10);
      t.same(
        later.seen.map((doc) => [doc.id, doc.content?.name]),
        [['u1', 'again']],
      );
      await writer.close();
    });
  });

  await t.test('conflicts and stale replicas leave nothing in the change feed', async (t) => {
    await withStore(engine, async (store) => {
      const writer = await openWriter(store.users);
      await writer.edit([{ id: 'a', content: user() }]);
      const doc = await store.users.get('a');
      await writer.edit([{ id: 'a', content: user({ name: 'no' }), ifVer: null }]);
      if (doc) await writer.apply([doc]);
      await writer.edit([{ id: 'b', content: user() }]);
      await writer.settle();
      const { seen } = await readAll(store.users.changes, writer.slot, 0, 10);
      t.same(
        seen.map((one) => one.id),
        ['a', 'b'],
      );
      await writer.close();
    });
  });

  await t.test('numbers go on rising through closes, takeovers and reopened stores', async (t) => {
    await withStore(engine, async (store, url) => {
      const last = new Map<number, number>();
      for (let round = 0; round < 6; round += 1) {
        const other = await engine.open(url);
        const writer = await openWriter(other.users);
        const [outcome] = await writer.edit([{ id: `u${round % 2}`, content: user({ name: `${round}` }) }]);
        const n = outcome?.result === 'written' ? outcome.n : 0;
        t.ok(n > (last.get(writer.slot) ?? 0), 'above all before it in its slot');
        last.set(writer.slot, n);
        if (round % 3 === 0) await other.users.changes.takeOver(writer.slot);
        if (round % 3 === 1) await writer.close();
        await other.close();
      }
      for (const [slot, n] of last) {
        const state = await store.users.changes.takeOver(slot);
        t.ok(state.stable >= n, 'and stable covers them in the end');
      }
    });
  });

  await t.test('the change feeds of two databases have nothing to do with each other', async (t) => {
    await withStore(engine, async (store) => {
      await put(store.users, { id: 'a', content: user() });
      t.same(await idsOfAllSlots(store.users.changes), ['a']);
      t.same(await idsOfAllSlots(store.states.changes), []);
    });
  });

  await t.test('a page ends once its bodies exceed what was asked for, and holds one at least', async (t) => {
    await withStore(engine, async (store) => {
      const writer = await openWriter(store.users);
      const ids = Array.from({ length: 12 }, (_, i) => `u${i}`);
      await writer.edit(ids.map((id) => ({ id, content: user({ name: 'x'.repeat(1000) }) })));
      await writer.settle();
      const { changes } = store.users;
      const one = await changes.read(writer.slot, 0, 100, 1);
      t.equal(one.docs.length, 1);
      t.equal(one.through, one.docs[0]?.n, 'the checkpoint is after that one');
      const some = await changes.read(writer.slot, one.through, 100, 3500);
      t.ok(some.docs.length >= 3 && some.docs.length <= 5, `${some.docs.length} of 1,000 characters in 3,500`);
      const { seen, through } = await readAll(changes, writer.slot, 0, 100, 2500);
      t.same(
        seen.map((doc) => doc.id),
        ids,
        'none is left out',
      );
      t.equal(through, one.stable);
      await writer.close();
    });
  });

  await t.test('remaining counts the documents that a reader has before it', async (t) => {
    await withStore(engine, async (store) => {
      const writer = await openWriter(store.users);
      const { changes } = store.users;
      t.equal(await changes.remaining(writer.slot, 0), 0);
      const ids = Array.from({ length: 40 }, (_, i) => `u${i}`);
      await writer.edit(ids.map((id) => ({ id, content: user({ name: id }) })));
      await writer.edit([
        { id: 'u3', content: null },
        { id: 'u4', content: user({ name: 'again' }) },
      ]);
      await writer.settle();
      t.equal(await changes.remaining(writer.slot, 0), 40, 'each document once, tombstones too');
      const page = await changes.read(writer.slot, 0, 15);
      t.equal(await changes.remaining(writer.slot, page.through), 40 - page.docs.length);
      t.equal(await changes.remaining(writer.slot, page.stable), 0);
      t.equal(await changes.remaining(writer.slot, page.stable + 1000), 0, 'past the end');
      t.equal(await changes.remaining(999, 0), 0, 'a slot that is not there');
      await changes.takeOver(writer.slot);
      t.equal(await changes.remaining(writer.slot, 0), 40, 'fillers don’t count');
      await writer.close();
    });
  });

  await t.test('a slot that is not there reads as empty', async (t) => {
    await withStore(engine, async (store) => {
      t.same(await store.users.changes.read(999, 0, 10), { docs: [], through: 0, stable: 0 });
    });
  });
}

async function idsOfAllSlots(changes: ChangeFeed<unknown>): Promise<string[]> {
  const ids: string[] = [];
  for (const { slot } of await changes.slots())
    ids.push(...(await readAll(changes, slot, 0, 100)).seen.map((doc) => doc.id));
  return ids;
}

async function readAll<C>(changes: ChangeFeed<C>, slot: number, from: number, limit: number, charsMax?: number) {
  const seen: Awaited<ReturnType<ChangeFeed<C>['read']>>['docs'] = [];
  let through = from;
  for (let pages = 1; ; pages += 1) {
    const page = await changes.read(slot, through, limit, charsMax);
    if (page.docs.length > limit) throw new Error(`${page.docs.length} documents in a page of ${limit}`);
    seen.push(...page.docs);
    if (page.through === through) return { seen, through, pages };
    through = page.through;
  }
}
