import t, { type Test as Tap } from 'tap';
import { newSiteMetrics } from '../../site/metrics.ts';
import { Reading } from '../../site/reading.ts';
import { DEFAULT_USER, subscriptionId } from '../../site/subscriptions.ts';
import type { Position, Store } from '../../store/contract.ts';
import { mongodbUrl } from '../rig/mongodb.ts';
import { skipLoudly } from '../rig/skip.ts';
import { until } from '../rig/until.ts';
import { mongodbEngine } from '../store/mongodb/engine.ts';
import { addArticles, addFeeds, articleOf, emptyStore, feedOf, HOUR, NOON, removeArticles } from './made-up.ts';
import { follow } from './running.ts';

t.test('reading, over SQLite', (t) => cases(t, (t) => emptyStore(t)));

t.test('reading, over MongoDB', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  const engine = mongodbEngine(server.url);
  await cases(t, (t) => emptyStore(t, Date.now, engine));
});

async function readerOf(t: Tap, store: Store, clock: () => number = Date.now): Promise<Reading> {
  const reading = await Reading.open({ store, user: DEFAULT_USER, clock, metrics: newSiteMetrics() });
  t.teardown(() => reading.close());
  return reading;
}

const names = (n: number): [string][] => Array.from({ length: n }, (_, i) => [`a${i}`]);

async function cases(t: Tap, empty: (t: Tap) => Promise<Store>): Promise<void> {
  await t.test('unread counts follow what is read, unread, removed and new, exactly', async (t) => {
    const store = await empty(t);
    await addFeeds(store, [['one'], ['two']]);
    await addArticles(store, 'one', names(10));
    await addArticles(store, 'two', names(3));
    await follow(store, ['one', 'two']);
    const reading = await readerOf(t, store);
    const unread = async (name: string) => (await reading.shelf()).byId.get(feedOf(name))?.unread;

    t.equal(await unread('one'), 10);
    await reading.states.setRead(articleOf('one', 'a3'), true);
    await reading.states.setRead(articleOf('one', 'a4'), true);
    t.equal(await unread('one'), 8);
    await reading.states.setRead(articleOf('one', 'a3'), false);
    t.equal(await unread('one'), 9);
    const bound = await reading.markBound(await reading.shelf(), { kind: 'feed', feed: feedOf('one') });
    await reading.markAllRead(await reading.shelf(), { kind: 'feed', feed: feedOf('one') }, bound);
    t.equal(await unread('one'), 0);
    await reading.states.setRead(articleOf('one', 'a7'), false);
    t.equal(await unread('one'), 1);
    t.equal((await reading.shelf()).unread, 4);

    await addArticles(store, 'one', [['later']]);
    await addFeeds(store, [['one', { changedAt: NOON + 1 }]]);
    t.equal(await unread('one'), 2, 'a new article, once the crawler has written its feed');
  });

  await t.test('exceptions of articles that are gone count for nothing', async (t) => {
    const store = await empty(t);
    await addFeeds(store, [['one']]);
    await addArticles(store, 'one', names(6));
    await follow(store, ['one']);
    const reading = await readerOf(t, store);
    const unread = async () => (await reading.shelf()).unread;
    await reading.states.setRead(articleOf('one', 'a0'), true);
    await reading.states.setRead(articleOf('one', 'a1'), true);
    t.equal(await unread(), 4);

    await removeArticles(store, [articleOf('one', 'a0'), articleOf('one', 'a2')]);
    await addFeeds(store, [['one', { changedAt: NOON + 1 }]]);
    t.equal(await unread(), 3, 'a3, a4 and a5');

    await reading.states.markUpTo([feedOf('one')], Number.MAX_SAFE_INTEGER);
    await reading.states.setRead(articleOf('one', 'a3'), false);
    await reading.states.setRead(articleOf('one', 'a4'), false);
    t.equal(await unread(), 2);
    await removeArticles(store, [articleOf('one', 'a3')]);
    await addFeeds(store, [['one', { changedAt: NOON + 2 }]]);
    t.equal(await unread(), 1);
  });

  await t.test('a feed that was removed and added again starts unread', async (t) => {
    const store = await empty(t);
    await addFeeds(store, [['one']]);
    const ids = await addArticles(store, 'one', names(5));
    await follow(store, ['one']);
    const reading = await readerOf(t, store);
    await reading.states.setRead(articleOf('one', 'a1'), true);
    await reading.states.setRead(articleOf('one', 'a2'), true);
    await removeArticles(store, ids);
    await addArticles(store, 'one', names(5));
    await addFeeds(store, [['one', { changedAt: NOON + 1 }]]);
    t.equal((await reading.shelf()).unread, 5);
  });

  await t.test('counts notice articles that came without their feed, as from a replicator', async (t) => {
    let now = NOON;
    const store = await empty(t);
    await addFeeds(store, [['one']]);
    await addArticles(store, 'one', names(2));
    await follow(store, ['one']);
    const reading = await readerOf(t, store, () => now);
    t.equal((await reading.shelf()).unread, 2);
    await addArticles(store, 'one', [['late']]);
    now += 10_000;
    t.equal((await reading.shelf()).unread, 3);
  });

  await t.test('a mark is made smaller without changing what is unread', async (t) => {
    const store = await empty(t);
    await addFeeds(store, [['one']]);
    const ids = await addArticles(store, 'one', names(80));
    await follow(store, ['one']);
    const reading = await readerOf(t, store, () => Date.now() + HOUR);
    const skipped = new Set([40, 60]);
    for (const [i, id] of ids.entries()) {
      if (i < 64 && !skipped.has(i)) await reading.states.setRead(id, true);
    }
    const shelf = await reading.shelf();
    t.equal(shelf.unread, 18);
    const mark = (await store.states.get(subscriptionId(DEFAULT_USER, feedOf('one'))))?.content;
    const size = mark?.kind === 'mark' ? mark.read.length + mark.unread.length : -1;
    t.ok(size >= 0 && size < 32, `${size} exceptions stand for 62 read articles`);
    const list = await reading.list(shelf, { scope: { kind: 'all' }, unreadOnly: true, before: null });
    t.strictSame(list.items.map((item) => item.id).sort(), ids.filter((_, i) => i >= 64 || skipped.has(i)).sort());
  });

  await t.test('marking all read leaves what arrived after the page was made', async (t) => {
    const store = await empty(t);
    await addFeeds(store, [['one'], ['two']]);
    await addArticles(store, 'one', names(5));
    await addArticles(store, 'two', names(5));
    await follow(store, ['one', 'two']);
    const reading = await readerOf(t, store);
    const shelf = await reading.shelf();
    const bound = await reading.markBound(shelf, { kind: 'all' });
    await addArticles(store, 'one', [['meanwhile', { at: NOON - 99 * HOUR }]]);
    await reading.markAllRead(shelf, { kind: 'all' }, bound);
    await addFeeds(store, [['one', { changedAt: NOON + 1 }]]);
    const after = await reading.shelf();
    const left = await reading.list(after, { scope: { kind: 'all' }, unreadOnly: true, before: null });
    t.strictSame(
      left.items.map((item) => item.id),
      [articleOf('one', 'meanwhile')],
    );
  });

  await t.test(
    'the bound is right where the clock that numbers articles is ahead of ours, or far behind',
    async (t) => {
      for (const [what, ours] of [
        ['ahead', Date.now() - 40 * 24 * HOUR],
        ['behind', Date.now() + 40 * 24 * HOUR],
      ] as const) {
        const store = await empty(t);
        await addFeeds(store, [['one']]);
        await addArticles(store, 'one', names(5));
        await follow(store, ['one']);
        const reading = await readerOf(t, store, () => ours);
        const shelf = await reading.shelf();
        const bound = await reading.markBound(shelf, { kind: 'all' });
        await reading.markAllRead(shelf, { kind: 'all' }, bound);
        t.equal((await reading.shelf()).unread, 0, what);
        if (what === 'behind') continue;
        await addArticles(store, 'one', [['meanwhile']]);
        await addFeeds(store, [['one', { changedAt: NOON + 1 }]]);
        t.equal((await reading.shelf()).unread, 1, what);
      }
    },
  );

  await t.test('a list pages without gap or repeat while articles arrive and are read', async (t) => {
    for (const followed of [40, 3, 1]) {
      const store = await empty(t);
      const names = Array.from({ length: followed }, (_, i) => `f${i}`);
      const addAll = (over: object) =>
        addFeeds(
          store,
          [...names, 'other'].map((name) => [name, over]),
        );
      await addAll({});
      await addArticles(store, 'other', [['x'], ['y']]);
      const all: string[] = [];
      for (const name of names) all.push(...(await addArticles(store, name, [['a'], ['b'], ['c'], ['d'], ['e']])));
      await follow(store, names);
      const reading = await readerOf(t, store);
      const seen: string[] = [];
      for (let before: Position | null = null; ; ) {
        const query = { scope: { kind: 'all' }, unreadOnly: true, before, limit: 3 } as const;
        const list = await reading.list(await reading.shelf(), query);
        seen.push(...list.items.map((item) => item.id));
        const [first] = list.items;
        if (first !== undefined) await reading.states.setRead(first.id, true);
        await addArticles(store, 'f0', [[`new${seen.length}`, { at: NOON + seen.length }]]);
        await addAll({ changedAt: NOON + seen.length });
        if (list.next === null) break;
        before = list.next;
      }
      t.equal(seen.length, new Set(seen).size, 'no repeat');
      t.strictSame(seen.toSorted(), all.toSorted(), `${followed} feeds`);
    }
  });

  await t.test('two servers over one store lose no edit of each other', async (t) => {
    const store = await empty(t);
    await addFeeds(store, [['one']]);
    const ids = await addArticles(store, 'one', names(20));
    await follow(store, ['one']);
    const [left, right] = [await readerOf(t, store), await readerOf(t, store)];
    await Promise.all(ids.map((id, i) => (i % 2 === 0 ? left : right).states.setRead(id, true)));
    const marks = (await store.states.get(subscriptionId(DEFAULT_USER, feedOf('one'))))?.content;
    t.equal(marks?.kind === 'mark' && marks.read.length, 20);
    // What the other server wrote last is published a moment after it was acknowledged.
    for (const reading of [left, right]) await until(async () => (await reading.shelf()).unread === 0, 'all 20 show');
  });

  await t.test('what another process wrote shows on the next page', async (t) => {
    const store = await empty(t);
    const reading = await readerOf(t, store);
    t.equal((await reading.shelf()).feeds.length, 0);
    await addFeeds(store, [['one', { title: 'As it was' }]]);
    await follow(store, ['one']);
    t.strictSame(
      (await reading.shelf()).feeds.map((feed) => feed.title),
      ['As it was'],
    );
    await addFeeds(store, [['one', { title: 'As it is' }]]);
    t.strictSame(
      (await reading.shelf()).feeds.map((feed) => feed.title),
      ['As it is'],
    );
  });

  await t.test('following again finds what was read', async (t) => {
    const store = await empty(t);
    await addFeeds(store, [['one']]);
    await addArticles(store, 'one', names(4));
    await follow(store, ['one']);
    const reading = await readerOf(t, store);
    await reading.states.setRead(articleOf('one', 'a1'), true);
    t.equal(await reading.following.unfollow(feedOf('one')), true);
    t.equal(await reading.following.unfollow(feedOf('one')), false);
    t.equal((await reading.shelf()).unread, 0);
    t.equal(await reading.following.follow([{ feed: feedOf('one'), title: '  My \n name ', folder: ' ' }]), 1);
    const [feed] = (await reading.shelf()).feeds;
    t.match(feed, { title: 'My name', folder: null, unread: 3 });
  });

  await t.test('stars are paged, and outlive their articles', async (t) => {
    const store = await empty(t);
    await addFeeds(store, [['one']]);
    const ids = await addArticles(store, 'one', names(45));
    await follow(store, ['one']);
    const reading = await readerOf(t, store);
    for (const id of ids) await reading.states.setStar(id, true);
    await reading.states.setStar(articleOf('one', 'a0'), false);
    await removeArticles(store, [articleOf('one', 'a1')]);
    const shelf = await reading.shelf();
    const first = await reading.starred(shelf, null);
    const second = await reading.starred(shelf, first.next);
    t.equal(second.next, null);
    t.strictSame(
      [...first.items, ...second.items].map((item) => item.id),
      ids.slice(1).reverse(),
    );
    t.equal(second.items.at(-1)?.article, null);
    await reading.states.setStar(articleOf('one', 'a1'), false);
    t.equal(reading.states.stars().length, 43);
    await t.rejects(reading.states.setStar(articleOf('one', 'a1'), true), { code: 'SITE_ARTICLE_UNKNOWN' });
  });
}
