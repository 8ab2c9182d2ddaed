import fc from 'fast-check';
import t from 'tap';
import { mergeFeeds } from '../../crawler/merge-feeds.ts';
import { type MarksOfReader, mergedMarks } from '../../crawler/merged-marks.ts';
import { isRead } from '../../site/marks.ts';
import type { Store, Writer } from '../../store/contract.ts';
import type { ReadMark, Star } from '../../store/documents.ts';
import { entries, feedSite } from './feed-site.ts';
import { onEachEngine, type Setting, setting, type TestEngine } from './harness.ts';

const NUMS_MAX = 12;

t.test(
  'whatever two marks say, read anywhere is read, and what was unread where it could be seen stays unread',
  async () => {
    const nums = fc.uniqueArray(fc.integer({ min: 1, max: NUMS_MAX }), { maxLength: 6 });
    const mark = fc.option(
      fc.record({ upTo: fc.integer({ min: 0, max: NUMS_MAX }), some: nums }).map(({ upTo, some }) => ({
        upTo,
        read: some.filter((num) => num > upTo).sort((a, b) => a - b),
        unread: some.filter((num) => num <= upTo).sort((a, b) => a - b),
      })),
    );
    const article = fc.record({
      in: fc.constantFrom('from', 'into', 'both'),
      other: fc.integer({ min: 1, max: NUMS_MAX }),
    });
    fc.assert(
      fc.property(fc.array(article, { maxLength: NUMS_MAX }), mark, mark, fc.boolean(), (all, from, into, knewInto) => {
        const articles = all.map(({ in: where, other }, i) => {
          const num = i + 1;
          const fromNum = where === 'into' ? null : where === 'from' ? num : other + NUMS_MAX;
          return { num, fromNum, isNew: where === 'from' };
        });
        const reader: MarksOfReader = { from, into, knewFrom: true, knewInto: knewInto || into !== null };
        const after = mergedMarks(articles, reader);
        return articles.every(({ num, fromNum }) => {
          const inFrom = fromNum !== null && from !== null && isRead(from, fromNum);
          const inInto = fromNum !== num && into !== null && isRead(into, num);
          const isNews = reader.knewInto || fromNum !== null || num > (from?.upTo ?? 0);
          return isRead(after, num) === (inFrom || inInto || !isNews);
        });
      }),
    );
  },
);

/** Two feeds with three entries in common and one of its own each; anna reads both, bert the first, carl the second. */
async function twoFeeds(
  engine?: TestEngine,
): Promise<{ crawled: Setting; from: string; into: string; close(): Promise<void> }> {
  const site = await feedSite({ old: { entries: entries(4) }, new: { entries: entries(4, 1) } });
  const crawled = await setting(engine);
  const [from = '', into = ''] = await crawled.add(`${site.url}/old`, `${site.url}/new`);
  await crawled.crawl();
  const { store } = crawled;
  await using subscriptions = await store.subscriptions.openWriter({ owner: 'test', durability: 'lazy' });
  await using states = await store.states.openWriter({ owner: 'test', durability: 'lazy' });
  const follow = (user: string, feed: string, title: string | null) => ({
    id: `${user}.${feed}`,
    content: { user, feed, title, folder: null, addedAt: 1 },
  });
  const mark = (user: string, feed: string, upTo: number, read: number[]): { id: string; content: ReadMark } => ({
    id: `${user}.${feed}`,
    content: { kind: 'mark', user, feed, upTo, read, unread: [] },
  });
  const [old, young] = [await crawled.articles(from), await crawled.articles(into)];
  const num = (articles: typeof old, guid: string) =>
    articles.find(({ content }) => content.guid === guid)?.content.num ?? 0;
  await subscriptions.edit([
    follow('anna', from, 'Old'),
    follow('anna', into, 'New'),
    follow('bert', from, 'Mine'),
    follow('carl', into, null),
  ]);
  const starred = old.find(({ content }) => content.guid === 'entry-0');
  const star: Star = {
    ...{ kind: 'star', user: 'bert', feed: from, article: starred?.id ?? '', starredAt: 5 },
    ...{ articleNum: starred?.content.num ?? 0, articleAt: starred?.content.at ?? 0 },
  };
  await states.edit([
    mark('anna', from, 0, [num(old, 'entry-0')]),
    mark('anna', into, 0, [num(young, 'entry-2')]),
    mark('bert', from, 0, [num(old, 'entry-1')]),
    { id: `bert.${star.article}`, content: star },
  ]);
  const close = async () => {
    await crawled[Symbol.asyncDispose]();
    await site[Symbol.asyncDispose]();
  };
  return { crawled, from, into, close };
}

/** What readers see, without ids that differ from run to run. */
async function seen({ store, articles }: Setting, into: string): Promise<unknown> {
  const all = await articles();
  const subscriptions = await store.subscriptions.scan({ limit: 100 });
  const states = await store.states.scan({ limit: 100 });
  const reads = (user: string) => {
    const mark = states.find(({ id }) => id === `${user}.${into}`)?.content;
    return all
      .filter(({ content }) => mark?.kind === 'mark' && isRead(mark, content.num))
      .map(({ content }) => content.guid)
      .sort();
  };
  return {
    feeds: (await store.feeds.scan({ limit: 10 })).map(({ id }) => id === into),
    articles: all.map(({ id, content }) => [content.feed === into, id.startsWith(`${into}.`), content.guid]).sort(),
    subscriptions: subscriptions.map(({ content: { user, feed, title } }) => [user, feed === into, title]).sort(),
    stars: states.flatMap(({ content }) =>
      content.kind === 'star'
        ? [[content.user, content.feed === into, all.find(({ id }) => id === content.article)?.content.guid]]
        : [],
    ),
    marks: states
      .filter(({ content }) => content.kind === 'mark')
      .map(({ content }) => [content.user, content.feed === into])
      .sort(),
    ...{ anna: reads('anna'), bert: reads('bert'), carl: reads('carl') },
  };
}

const MERGED = {
  feeds: [true],
  articles: [0, 1, 2, 3, 4].map((i) => [true, true, `entry-${i}`]),
  subscriptions: [
    ['anna', true, 'New'],
    ['bert', true, 'Mine'],
    ['carl', true, null],
  ],
  stars: [['bert', true, 'entry-0']],
  anna: ['entry-0', 'entry-2'],
  bert: ['entry-1'],
};

await onEachEngine(t, 'two feeds become one: articles, marks, stars and subscriptions go over', async (t, engine) => {
  const { crawled, from, into, close } = await twoFeeds(engine);
  const { store } = crawled;
  const before = new Set((await crawled.articles()).map(({ content }) => content.num));
  t.same(await mergeFeeds({ store, from, into, owner: 'test' }), { articles: 1, subscriptions: 2 });
  const after = (await seen(crawled, into)) as object;
  t.match(
    after,
    { ...MERGED, carl: ['entry-0'] },
    'what was copied is no news to who did not follow the feed that went',
  );
  t.ok(
    (await crawled.articles()).every(({ content }) => before.has(content.num)),
    'articles keep their numbers',
  );
  await t.rejects(mergeFeeds({ store, from, into, owner: 'test' }), { code: 'CRAWL_FEED_UNKNOWN' });
  await t.rejects(mergeFeeds({ store, from: into, into, owner: 'test' }), { code: 'CRAWL_FEED_UNKNOWN' });
  await close();
});

/** The same store, whose writers fail from the given write on. */
function failingFrom(store: Store, write: number): { store: Store; writes: () => number } {
  let writes = 0;
  const failing = <C>(writer: Writer<C>): Writer<C> => ({
    slot: writer.slot,
    epoch: writer.epoch,
    apply: writer.apply.bind(writer),
    settle: () => writer.settle(),
    close: () => writer.close(),
    [Symbol.asyncDispose]: () => writer.close(),
    edit: async (edits) => {
      if (writes >= write) throw new Error('killed');
      writes += 1;
      return writer.edit(edits);
    },
  });
  const database = (name: 'articles' | 'feeds' | 'subscriptions' | 'states') =>
    new Proxy(store[name], {
      get(target, key) {
        if (key === 'openWriter')
          return async (options: never) => failing((await target.openWriter(options)) as Writer<never>);
        const value = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  const names = ['articles', 'feeds', 'subscriptions', 'states'] as const;
  const watched = Object.fromEntries(names.map((name) => [name, database(name)]));
  return { store: watched as unknown as Store, writes: () => writes };
}

t.test('a merge that is cut off at any write and run again loses nothing', async (t) => {
  for (let write = 0; ; write += 1) {
    const { crawled, from, into, close } = await twoFeeds();
    const cut = failingFrom(crawled.store, write);
    const ended = await mergeFeeds({ store: cut.store, from, into, owner: 'test' }).then(
      () => true,
      () => false,
    );
    if (!ended) {
      t.equal(cut.writes(), write);
      await mergeFeeds({ store: crawled.store, from, into, owner: 'test' });
    }
    t.match(await seen(crawled, into), MERGED, `cut off at write ${write}`);
    await close();
    if (ended) break;
    if (write > 50) throw new Error('it does not end');
  }
});

t.test('where readers can not be written to, nothing is changed', async (t) => {
  const { crawled, from, into, close } = await twoFeeds();
  const before = await seen(crawled, into);
  await crawled.store.states.setMode('read-only');
  await t.rejects(mergeFeeds({ store: crawled.store, from, into, owner: 'test' }), { code: 'DATABASE_READ_ONLY' });
  t.same(await seen(crawled, into), before);
  await close();
});
