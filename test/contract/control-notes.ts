import type { Test } from 'tap';
import type { Engine } from './engine.ts';
import { withStore } from './with-store.ts';

export async function controlNotes(t: Test, engine: Engine): Promise<void> {
  await t.test('a note is put, read, changed and deleted', async (t) => {
    await withStore(engine, async ({ control }) => {
      t.equal(await control.get('a'), undefined);
      const value = { text: 'ü', list: [1, null, true], nested: { deep: { n: 2 ** 53 - 1 } } };
      const first = await control.put('a', value);
      t.same(await control.get('a'), { id: 'a', rev: first, value });
      const second = await control.put('a', 'text');
      t.ok(first !== null && second !== null && second !== first);
      t.same(await control.get('a'), { id: 'a', rev: second, value: 'text' });
      await control.put('empty', null);
      t.same((await control.get('empty'))?.value, null);
      await control.delete('a');
      await control.delete('a');
      t.equal(await control.get('a'), undefined);
    });
  });

  await t.test('put with ifRev is compare-and-set', async (t) => {
    await withStore(engine, async ({ control }) => {
      t.equal(await control.put('a', 1, 5), null, 'a revision is wanted and nothing is there');
      const first = await control.put('a', 1, 0);
      t.ok(first !== null && Number.isSafeInteger(first) && first > 0);
      t.equal(await control.put('a', 2, 0), null, 'create only, but it is there');
      const second = await control.put('a', 2, first ?? -1);
      t.ok(second !== null);
      t.equal(await control.put('a', 3, first ?? -1), null, 'an old revision');
      t.equal((await control.get('a'))?.value, 2);
      await control.delete('a');
      t.equal(await control.put('a', 4, second ?? -1), null, 'after deletion');
      const again = await control.put('a', 5, 0);
      t.ok(again !== null && again !== first && again !== second, 'a revision is not used twice');
    });
  });

  await t.test('of many that put at once with one revision, one wins', async (t) => {
    await withStore(engine, async (store, url) => {
      const other = await engine.open(url);
      let rev = 0;
      for (let round = 0; round < 4; round += 1) {
        const from = rev;
        const tries = Array.from({ length: 6 }, (_, i) => (i % 2 ? store : other).control.put('a', [round, i], from));
        const won = (await Promise.all(tries)).filter((one) => one !== null);
        t.equal(won.length, 1);
        rev = won[0] ?? -1;
      }
      await other.close();
    });
  });

  await t.test('list goes by prefix, in the order of ids', async (t) => {
    await withStore(engine, async ({ control }) => {
      for (const id of ['move.2', 'move.10', 'mover', 'a', 'move.\u{1f600}']) await control.put(id, id);
      t.same(
        (await control.list('move.')).map((note) => note.value),
        ['move.10', 'move.2', 'move.\u{1f600}'],
      );
      const all = (await control.list('')).map((note) => note.id);
      t.same(
        all.filter((id) => ['a', 'mover'].includes(id)),
        ['a', 'mover'],
        'an empty prefix lists all',
      );
    });
  });

  await t.test('list goes page by page', async (t) => {
    await withStore(engine, async ({ control }) => {
      const ids = ['a/1', 'a/2', 'a/3', 'a/\u{1f600}', 'b/1'];
      for (const id of ids) await control.put(id, id);
      const page = async (prefix: string, after?: string, limit?: number) => {
        const options = { ...(after !== undefined && { after }), ...(limit !== undefined && { limit }) };
        return (await control.list(prefix, options)).map((note) => note.id);
      };
      t.same(await page('a/', undefined, 2), ['a/1', 'a/2']);
      t.same(await page('a/', 'a/2', 2), ['a/3', 'a/\u{1f600}']);
      t.same(await page('a/', 'a/\u{1f600}', 2), []);
      t.same(await page('a/', 'a/1'), ids.slice(1, 4), 'without a limit');
      t.same(await page('a/', 'a/2x'), ids.slice(2, 4), 'after an id that is not there');
      t.same(await page('b/', 'a/1', 1), ['b/1'], 'a place before the prefix');
      t.same(await page('a/', 'b/1'), [], 'a place past the prefix');
    });
  });

  await t.test('a lazy note is there at once, for everybody', async (t) => {
    await withStore(engine, async (store, url) => {
      const other = await engine.open(url);
      const rev = await store.control.put('a', { at: 1 }, undefined, 'lazy');
      t.same(await other.control.get('a'), { id: 'a', rev, value: { at: 1 } });
      t.equal(await other.control.put('a', 2, (rev ?? 0) + 1, 'lazy'), null, 'compare-and-set holds');
      t.ok((await other.control.put('a', 2, rev ?? -1, 'lazy')) !== null);
      t.equal((await store.control.get('a'))?.value, 2);
      await other.close();
    });
  });
}
