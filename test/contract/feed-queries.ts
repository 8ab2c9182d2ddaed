import type { Test } from 'tap';
import type { DueFeed } from '../../store/contract.ts';
import type { Engine } from './engine.ts';
import { feed, NOON } from './samples.ts';
import { put, withStore } from './with-store.ts';

export async function feedQueries(t: Test, engine: Engine): Promise<void> {
  await t.test('due feeds are active and their time has come; the longest due come first', async (t) => {
    await withStore(engine, async (store) => {
      t.equal(await store.feeds.nextDueAt(), null);
      const url = (id: string) => `https://${id}.example/feed`;
      const add = (id: string, nextAt: number, state: 'active' | 'gone' | 'paused' = 'active') => ({
        id,
        content: feed({ url: url(id), nextAt, state }),
      });
      await put(
        store.feeds,
        add('d', NOON - 5),
        add('c', NOON - 5),
        add('b', NOON),
        add('a', NOON + 1),
        add('gone', NOON - 90, 'gone'),
        add('paused', NOON - 91, 'paused'),
        add('removed', NOON - 92),
      );
      await put(store.feeds, { id: 'removed', content: null });
      const expected = [
        { id: 'c', url: url('c'), nextAt: NOON - 5 },
        { id: 'd', url: url('d'), nextAt: NOON - 5 },
        { id: 'b', url: url('b'), nextAt: NOON },
      ];
      t.same(await store.feeds.due({ now: NOON, limit: 10 }), expected);
      t.equal(await store.feeds.nextDueAt(), NOON - 5);
      const walked: DueFeed[] = [];
      for (;;) {
        const last = walked.at(-1);
        const page = await store.feeds.due({ now: NOON, limit: 1, ...(last ? { after: last } : {}) });
        if (page.length === 0) break;
        walked.push(...page);
      }
      t.same(walked, expected, 'page by page');
      await put(store.feeds, add('c', NOON + 60), add('d', NOON + 70));
      t.same(
        (await store.feeds.due({ now: NOON, limit: 10 })).map((due) => due.id),
        ['b'],
        'a fetched feed is due later',
      );
    });
  });

  await t.test('byUrl finds feeds by the URL that they are fetched from, whatever their state', async (t) => {
    await withStore(engine, async (store) => {
      const url = 'https://a.example/feed?x=1';
      await put(
        store.feeds,
        { id: 'a', content: feed({ url }) },
        { id: 'b', content: feed({ url, state: 'gone' }) },
        { id: 'c', content: feed({ url, state: 'paused' }) },
        { id: 'd', content: feed({ url: `${url}2` }) },
        { id: 'e', content: feed({ url }) },
      );
      await put(store.feeds, { id: 'e', content: null });
      const found = await store.feeds.byUrl([url, `${url}2`, 'https://b.example/']);
      t.same([...found.keys()].toSorted(), [url, `${url}2`]);
      t.same(found.get(url)?.toSorted(), ['a', 'b', 'c']);
      t.same(found.get(`${url}2`), ['d']);
      t.equal((await store.feeds.byUrl([])).size, 0);
    });
  });

  await t.test('byNum finds feeds by their integer ids', async (t) => {
    await withStore(engine, async (store) => {
      await put(store.feeds, { id: 'a', content: feed({ num: 3 }) }, { id: 'b', content: feed({ num: 4 }) });
      await put(store.feeds, { id: 'b', content: null });
      t.same([...(await store.feeds.byNum([3, 4, 5]))], [[3, 'a']]);
      t.equal((await store.feeds.byNum([])).size, 0);
    });
  });
}
