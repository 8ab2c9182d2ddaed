import t from 'tap';
import type { FeedRecord } from '../../store/documents.ts';
import { entries, feedSite, type rss } from './feed-site.ts';
import { changeFeedEnd, onEachEngine, START, setting } from './harness.ts';

const HOUR = 3_600_000;

await onEachEngine(t, 'a second crawl is answered 304 and writes no article', async (t, engine) => {
  await using site = await feedSite({
    a: { entries: entries(3), etag: '"a"' },
    b: { entries: entries(2), lastModified: 'yesterday' },
  });
  await using crawled = await setting(engine);
  const [a, b] = await crawled.add(site.at('127.0.0.1', '/a'), site.at('127.0.0.2', '/b'));
  t.match(await crawled.crawl(), { feeds: 2, fetched: 2, articlesNew: 5, failed: {}, unfinished: 0, error: null });
  t.match(await crawled.feed(a), { etag: '"a"', lastModified: null, title: 'A feed', siteUrl: 'http://site.example/' });
  const end = await changeFeedEnd(crawled.store.articles);
  crawled.clock.now += 48 * HOUR;
  t.match(await crawled.crawl(), { feeds: 2, fetched: 0, notModified: 2, articlesNew: 0, error: null });
  t.equal(await changeFeedEnd(crawled.store.articles), end, 'the change feed of articles has not moved');
  t.match((await crawled.feed(b)).history, [
    { outcome: 'not-modified', status: 304 },
    { outcome: 'ok', added: 2 },
  ]);
  const conditional = site.requests
    .slice(2)
    .map(({ headers }) => [headers['if-none-match'], headers['if-modified-since']]);
  t.same(
    conditional.toSorted(),
    [
      ['"a"', undefined],
      [undefined, 'yesterday'],
    ].toSorted(),
  );
});

await onEachEngine(t, 'only what is new or changed is written; what was there keeps its place', async (t, engine) => {
  const feed = { entries: entries(3), etag: '"1"' };
  await using site = await feedSite({ a: feed });
  await using crawled = await setting(engine);
  const [id] = await crawled.add(`${site.url}/a`);
  await crawled.crawl();
  const before = await crawled.articles(id);
  t.same(
    before.map(({ content }) => content.guid),
    ['entry-0', 'entry-1', 'entry-2'],
    'numbers grow with age',
  );
  crawled.clock.now += 24 * HOUR;
  feed.entries = [
    { guid: 'entry-3' },
    ...entries(3).map((one) => (one.guid === 'entry-1' ? { ...one, html: '<p>edited' } : one)),
  ];
  feed.etag = '"2"';
  t.match(await crawled.crawl(), { fetched: 1, articlesNew: 1, articlesChanged: 1, articlesUnchanged: 2 });
  const after = await crawled.articles(id);
  t.same(
    after.map(({ content }) => content.guid),
    ['entry-0', 'entry-1', 'entry-2', 'entry-3'],
  );
  t.equal(after[1]?.content.html, '<p>edited</p>');
  for (const [i, { content }] of before.entries()) {
    t.equal(after[i]?.content.num, content.num);
    t.equal(after[i]?.content.arrived, START);
  }
  t.equal(after[3]?.content.arrived, START + 24 * HOUR);
  t.equal(after[0]?.ver, before[0]?.ver, 'an unchanged article was not written');
});

await onEachEngine(t, 'the same body again needs no parsing and writes no article', async (t, engine) => {
  await using site = await feedSite({ a: { entries: entries(3) } });
  await using crawled = await setting(engine);
  const [id] = await crawled.add(`${site.url}/a`);
  await crawled.crawl();
  const end = await changeFeedEnd(crawled.store.articles);
  crawled.clock.now += 24 * HOUR;
  t.match(await crawled.crawl(), { fetched: 1, articlesNew: 0, articlesUnchanged: 0 });
  t.equal(await changeFeedEnd(crawled.store.articles), end);
  t.match((await crawled.feed(id)).history[0], { outcome: 'ok', message: 'the same body as last time' });
});

await onEachEngine(t, 'what is not due is skipped; it can be forced, or named', async (t, engine) => {
  await using site = await feedSite({
    a: { entries: entries(1) },
    b: { entries: entries(1) },
    c: { entries: entries(1) },
  });
  await using crawled = await setting(engine);
  const [a, b = '', c = ''] = await crawled.add(...['a', 'b', 'c'].map((name) => `${site.url}/${name}`));
  t.match(await crawled.crawl({ feeds: [b, b, c, 'unknown'] }), { feeds: 2, fetched: 2 });
  t.match(await crawled.crawl(), { feeds: 1, fetched: 1, skipped: 2 });
  t.match(await crawled.crawl(), { feeds: 0, fetched: 0, skipped: 3 });
  t.match(await crawled.crawl({ force: true }), { feeds: 3, fetched: 3, skipped: 0 });
  t.match(await crawled.crawl({ feeds: [b] }), { feeds: 0, skipped: 1 });
  t.match(await crawled.crawl({ feeds: [b], force: true }), { feeds: 1, fetched: 1 });
  t.equal((await crawled.feed(a)).history.length, 2);
});

await onEachEngine(t, 'what others change in a record meanwhile stays', async (t, engine) => {
  const feed: Parameters<typeof rss>[0] = { entries: entries(2), etag: '"1"' };
  await using site = await feedSite({ a: feed });
  await using crawled = await setting(engine);
  const [id = ''] = await crawled.add(`${site.url}/a`);
  feed.before = async () => {
    const live = await crawled.store.feeds.get(id);
    await using writer = await crawled.store.feeds.openWriter({ owner: 'test', durability: 'sync' });
    await writer.edit([{ id, content: { ...(live?.content as FeedRecord), state: 'paused' } }]);
  };
  t.match(await crawled.crawl(), { fetched: 1, articlesNew: 2 });
  t.match(await crawled.feed(id), { state: 'paused', etag: '"1"', history: [{ added: 2 }] });
});

await onEachEngine(t, 'a feed that is removed meanwhile does not come back', async (t, engine) => {
  const feed: Parameters<typeof rss>[0] = { entries: entries(2) };
  await using site = await feedSite({ a: feed });
  await using crawled = await setting(engine);
  const [id = ''] = await crawled.add(`${site.url}/a`);
  feed.before = async () => {
    await using writer = await crawled.store.feeds.openWriter({ owner: 'test', durability: 'sync' });
    await writer.edit([{ id, content: null }]);
  };
  t.match(await crawled.crawl(), { error: null, unfinished: 0 });
  t.equal(await crawled.store.feeds.get(id), undefined);
  t.equal(await crawled.store.articles.count(), 0, 'nor do its articles');
});

await onEachEngine(t, 'two crawls at the same time store every article once', async (t, engine) => {
  const names = Array.from({ length: 20 }, (_, i) => `feed-${i}`);
  await using site = await feedSite(Object.fromEntries(names.map((name) => [name, { entries: entries(10) }])));
  await using crawled = await setting(engine);
  const ids = await crawled.add(...names.map((name) => `${site.url}/${name}`));
  const both = await Promise.all([crawled.crawl({ force: true }), crawled.crawl({ force: true })]);
  t.same(
    both.map(({ error }) => error),
    [null, null],
  );
  const articles = await crawled.articles();
  t.equal(articles.length, 200);
  t.equal(new Set(articles.map(({ content }) => content.num)).size, 200, 'every number once');
  for (const id of ids) t.ok((await crawled.feed(id)).history.length >= 1);
});

await onEachEngine(t, 'the history keeps the last twenty attempts', async (t, engine) => {
  await using site = await feedSite({ a: { entries: entries(1) } });
  await using crawled = await setting(engine);
  const [id] = await crawled.add(`${site.url}/a`);
  for (let i = 0; i < 23; i += 1) {
    crawled.clock.now += 1_000;
    await crawled.crawl({ force: true });
  }
  const { history } = await crawled.feed(id);
  t.equal(history.length, 20);
  t.equal(history[0]?.at, crawled.clock.now);
});

t.test('an entry from the future is listed when it arrived, one without a date too', async (t) => {
  await using site = await feedSite({
    a: {
      entries: [
        { guid: 'future', published: START + HOUR },
        { guid: 'none' },
        { guid: 'past', published: START - HOUR },
      ],
    },
  });
  await using crawled = await setting();
  await crawled.add(`${site.url}/a`);
  await crawled.crawl();
  t.same(
    (await crawled.articles()).map(({ content }) => [content.guid, content.at, content.published]),
    [
      ['past', START - HOUR, START - HOUR],
      ['none', START, null],
      ['future', START, START + HOUR],
    ],
  );
});

t.test('articles are safe to show, their links absolute', async (t) => {
  await using site = await feedSite({
    a: {
      entries: [{ guid: 'x', html: '<p onclick="evil()">Hi <a href="/there">there</a><script>evil()</script></p>' }],
    },
  });
  await using crawled = await setting();
  await crawled.add(`${site.url}/a`);
  await crawled.crawl();
  const [article] = await crawled.articles();
  t.notMatch(article?.content.html, /evil/);
  t.match(article?.content.html, /href="http:\/\/[^"]+\/there"/);
  t.equal(article?.content.summary, 'Hi there');
});

t.test('progress is told, and ends with all done', async (t) => {
  await using site = await feedSite({ a: { entries: entries(2) }, b: { entries: entries(1) } });
  await using crawled = await setting();
  await crawled.add(`${site.url}/a`, `${site.url}/b`, `${site.url}/missing`);
  const seen: unknown[] = [];
  const summary = await crawled.crawl({ onProgress: (progress) => seen.push(progress) });
  t.match(seen.at(-1), { done: 3, total: 3, failed: 1, articlesNew: 3, etaMs: 0 });
  t.ok(summary.bytes > 500 && summary.seconds > 0 && summary.peakMemoryBytes > 10_000_000);
});
