import type { Test } from 'tap';
import type { Store } from '../../store/contract.ts';
import type { Engine } from './engine.ts';
import { article, feed, NOON } from './samples.ts';
import { put, withStore } from './with-store.ts';

/** Whichever way an engine takes `deferred`, readers are told the truth before and after. */
export async function indexes(t: Test, engine: Engine): Promise<void> {
  await t.test('readers find the same with indexes deferred, built after, and never deferred', async (t) => {
    await withStore(engine, async (kept) => {
      await withStore(engine, async (store) => {
        const deferred = await store.articles.setIndexes('deferred');
        await store.feeds.setIndexes('deferred');
        t.equal(await store.articles.setIndexes('deferred'), deferred, 'twice is once');
        await fill(kept);
        await fill(store);
        const expected = await found(kept);
        t.same(await found(store), expected, 'deferred');
        t.equal(await store.articles.setIndexes('kept'), deferred);
        await store.feeds.setIndexes('kept');
        t.equal(await store.articles.setIndexes('kept'), false, 'there is nothing more to build');
        t.same(await found(store), expected, 'built after');
        await put(store.articles, { id: 'f.late', content: article({ num: 999, at: NOON + 999 }) });
        t.equal((await store.articles.timeline({ limit: 1 }))[0]?.id, 'f.late', 'and kept from then on');
      });
    });
  });

  await t.test('a database that holds something keeps its indexes', async (t) => {
    await withStore(engine, async (store) => {
      await put(store.articles, { id: 'f.1', content: article() });
      t.equal(await store.articles.setIndexes('deferred'), false);
      t.equal(await store.articles.setIndexes('kept'), false);
      t.equal((await store.articles.timeline({ limit: 9 })).length, 1);
    });
  });

  await t.test('a store that was closed with deferred indexes opens with all of them', async (t) => {
    await withStore(engine, async (store, url) => {
      await store.articles.setIndexes('deferred');
      await fill(store);
      const expected = await found(store);
      await store.close();
      const again = await engine.open(url);
      t.equal(await again.articles.setIndexes('kept'), false, 'they are there');
      t.same(await found(again), expected);
      await again.close();
    });
  });
}

async function fill(store: Store): Promise<void> {
  const feeds = ['aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb'];
  const articles = Array.from({ length: 120 }, (_, i) => ({
    id: `f.${i}`,
    content: article({ feed: feeds[i % 2] ?? '', num: i + 1, at: NOON - ((i * 37) % 100) }),
  }));
  await put(store.articles, ...articles);
  await put(store.articles, { id: 'f.7', content: null });
  await put(store.feeds, ...feeds.map((id, i) => ({ id, content: feed({ num: i + 1, nextAt: NOON + i }) })));
}

async function found({ articles, feeds }: Store): Promise<unknown> {
  const first = await articles.timeline({ limit: 50 });
  const last = first.at(-1);
  return {
    first,
    second: await articles.timeline({ limit: 50, ...(last && { before: last }) }),
    ofOne: await articles.timeline({ feed: 'aaaaaaaaaaaaaaaa', limit: 200 }),
    above: Object.fromEntries(await articles.countAbove([{ feed: 'bbbbbbbbbbbbbbbb', num: 60 }])),
    byNum: Object.fromEntries(await articles.byNum([5, 8, 77])),
    due: await feeds.due({ now: NOON + 9, limit: 9 }),
    nextDue: await feeds.nextDueAt(),
    feedByNum: Object.fromEntries(await feeds.byNum([1, 2, 3])),
    count: await articles.count(),
  };
}
