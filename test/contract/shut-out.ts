import type { Test } from 'tap';
import type { Store } from '../../store/contract.ts';
import { shutOutNote } from '../../store/shut-out.ts';
import type { Engine } from './engine.ts';
import { user } from './samples.ts';
import { failureOf, openWriter, rejectsWith, withStore } from './with-store.ts';

/** Writers of one kind that may not write for a while: those of crawlers that are paused. */
export async function shutOut(t: Test, engine: Engine): Promise<void> {
  const edits = (id: string) => [{ id, content: user() }];
  const shut = (store: Store, isShut: boolean) => store.control.put(shutOutNote('crawler'), { shut: isShut });

  await t.test('a kind of writers that is shut out neither writes nor opens, in any process', async (t) => {
    await withStore(engine, async (store, url) => {
      const other = await engine.open(url);
      const here = await openWriter(store.users, 'crawler: serve');
      const there = await openWriter(other.users, 'crawler: crawl');
      await here.edit(edits('a'));
      await there.edit(edits('b'));
      await shut(store, true);
      const fenced = await store.users.shutOut('crawler');
      t.same(fenced.map(({ owner }) => owner).toSorted(), ['crawler: crawl', 'crawler: serve']);
      t.same(await other.users.shutOut('crawler'), [], 'once more: nobody is left');
      await rejectsWith(t, here.edit(edits('c')), 'WRITER_SHUT_OUT', 'a writer here');
      await rejectsWith(t, there.edit(edits('d')), 'WRITER_SHUT_OUT', 'a writer of another process');
      await rejectsWith(t, openWriter(store.users, 'crawler: serve'), 'WRITER_SHUT_OUT', 'opening');
      await rejectsWith(t, openWriter(other.feeds, 'crawler: crawl'), 'WRITER_SHUT_OUT', 'another database');
      t.notMatch((await store.users.changes.slots()).map(({ owner }) => owner).join(), 'crawler');
      t.equal(await store.users.count(), 2);
      await here.close();
      await there.close();
      await other.close();
    });
  });

  await t.test('writers of other kinds, and of none, write on through the same slot numbers', async (t) => {
    await withStore(engine, async (store) => {
      await using crawler = await openWriter(store.users, 'crawler: serve');
      await using site = await openWriter(store.users, 'site');
      await using crawlerish = await openWriter(store.users, 'crawlers: none');
      await crawler.edit(edits('a'));
      await shut(store, true);
      await store.users.shutOut('crawler');
      t.match(await site.edit(edits('b')), [{ result: 'written' }]);
      t.match(await crawlerish.edit(edits('c')), [{ result: 'written' }]);
      await using opened = await openWriter(store.users, 'feeds add');
      t.match(await opened.edit(edits('d')), [{ result: 'written' }]);
      await site.settle();
    });
  });

  await t.test('let in again, who was fenced stays so and others open', async (t) => {
    await withStore(engine, async (store) => {
      const before = await openWriter(store.users, 'crawler: serve');
      await before.edit(edits('a'));
      await shut(store, true);
      await store.users.shutOut('crawler');
      await shut(store, false);
      t.equal(await failureOf(before.edit(edits('b'))), 'WRITER_FENCED');
      await before.close();
      await using after = await openWriter(store.users, 'crawler: serve');
      t.match(await after.edit(edits('c')), [{ result: 'written' }]);
      await store.control.delete(shutOutNote('crawler'));
      await using last = await openWriter(store.users, 'crawler: serve');
      t.match(await last.edit(edits('d')), [{ result: 'written' }]);
      t.equal(await store.users.count(), 3);
    });
  });

  await t.test('a write is either acknowledged before it is shut out, or refused', async (t) => {
    await withStore(engine, async (store, url) => {
      const other = await engine.open(url);
      const acknowledged: string[] = [];
      const writeOn = async (name: string): Promise<string> => {
        const writer = await openWriter(other.users, 'crawler: serve');
        try {
          for (let i = 0; ; i += 1) {
            await writer.edit(edits(`${name}${i}`));
            acknowledged.push(`${name}${i}`);
          }
        } catch (error) {
          return failureOf(Promise.reject(error));
        } finally {
          await writer.close();
        }
      };
      const writing = ['a', 'b', 'c'].map(writeOn);
      while (acknowledged.length < 20) await new Promise((resolve) => setImmediate(resolve));
      await shut(store, true);
      await store.users.shutOut('crawler');
      const found = (await store.users.scan({ limit: 10_000 })).map(({ id }) => id);
      t.same(await Promise.all(writing), ['WRITER_SHUT_OUT', 'WRITER_SHUT_OUT', 'WRITER_SHUT_OUT']);
      t.equal(await store.users.count(), found.length, 'nothing came after');
      t.same(
        acknowledged.filter((id) => !found.includes(id)),
        [],
        'what was acknowledged is there',
      );
      await other.close();
    });
  });
}
