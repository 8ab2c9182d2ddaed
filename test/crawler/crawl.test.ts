import t from 'tap';
import type { FeedRecord } from '../../store/documents.ts';
import { entries, feedSite, rss } from './feed-site.ts';
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

await onEachEngine(t, 'each failure gets its code in the history, and the rest goes on', async (t, engine) => {
  await using site = await feedSite({
    good: { entries: entries(1) },
    html: { entries: [], answer: (response) => response.end('<!DOCTYPE html><html><body>Hello</body></html>') },
    empty: { entries: [], answer: (response) => response.end() },
    json: { entries: [], answer: (response) => response.end('{"a": 1}') },
    busy: { entries: [], answer: (response) => response.writeHead(503, { 'retry-after': '7200' }).end() },
    reset: { entries: [], answer: (response) => response.destroy() },
    short: {
      entries: [],
      answer: (response) =>
        response.writeHead(200, { 'content-length': 9_999 }).write('<rss>', () => response.destroy()),
    },
  });
  await using crawled = await setting(engine);
  const names = ['good', 'html', 'empty', 'json', 'busy', 'reset', 'short', 'missing'];
  const ids = await crawled.add(...names.map((name) => `${site.url}/${name}`));
  const summary = await crawled.crawl();
  const expected = {
    html: 'PARSE_HTML',
    empty: 'PARSE_EMPTY',
    json: 'PARSE_NOT_A_FEED',
    busy: 'FETCH_HTTP_503',
    reset: 'FETCH_RESET',
    short: 'FETCH_TRUNCATED',
    missing: 'FETCH_HTTP_404',
  };
  t.match(summary, { feeds: 8, fetched: 1, articlesNew: 1, unfinished: 0, error: null });
  t.same(Object.keys(summary.failed).toSorted(), Object.values(expected).toSorted());
  for (const [name, code] of Object.entries(expected)) {
    const record = await crawled.feed(ids[names.indexOf(name)]);
    t.match(record, { errors: 1, state: 'active', succeededAt: null, triedAt: START, lastError: { code } }, name);
    t.match(record.history, [{ outcome: code, added: 0, message: /\w/ }]);
    t.ok(record.nextAt > START, `${name} is tried again: ${record.nextWhy}`);
  }
  const busy = await crawled.feed(ids[names.indexOf('busy')]);
  t.equal(busy.nextAt, START + 2 * HOUR);
  t.equal(busy.nextWhy, 'Retry-After of 2 h');
});

await onEachEngine(t, 'a feed that comes back is well again', async (t, engine) => {
  const feed = {
    entries: entries(1),
    answer: undefined as undefined | ((response: { writeHead(status: number): { end(): void } }) => void),
  };
  feed.answer = (response) => response.writeHead(500).end();
  await using site = await feedSite({ a: feed });
  await using crawled = await setting(engine);
  const [id] = await crawled.add(`${site.url}/a`);
  for (let i = 1; i <= 3; i += 1) {
    await crawled.crawl({ force: true });
    t.equal((await crawled.feed(id)).errors, i);
  }
  feed.answer = undefined;
  await crawled.crawl({ force: true });
  t.match(await crawled.feed(id), { errors: 0, lastError: null, succeededAt: START });
});

await onEachEngine(t, 'validators stay through errors and go back as they were', async (t, engine) => {
  const feed: { entries: ReturnType<typeof entries>; etag: string; before?: () => void } = {
    entries: entries(1),
    etag: 'W/"x"',
  };
  await using site = await feedSite({ a: feed });
  await using crawled = await setting(engine);
  const [id] = await crawled.add(`${site.url}/a`);
  await crawled.crawl();
  const good = site.feeds.get('a');
  site.feeds.set('a', { entries: [], answer: (response) => response.writeHead(500, { etag: '"error"' }).end() });
  await crawled.crawl({ force: true });
  site.feeds.set('a', {
    entries: [],
    answer: (response) => response.writeHead(200, { etag: '"page"' }).end('<html><body>Maintenance'),
  });
  await crawled.crawl({ force: true });
  t.equal((await crawled.feed(id)).etag, 'W/"x"');
  site.feeds.set('a', good ?? feed);
  t.match(
    await crawled.crawl({ force: true }),
    { notModified: 1, failed: {} },
    'a 304 for the validators of the good body says that it is back',
  );
  t.match(await crawled.feed(id), { errors: 0, lastError: null, etag: 'W/"x"' });
  t.same(
    site.requests.map(({ headers }) => headers['if-none-match']),
    [undefined, 'W/"x"', 'W/"x"', 'W/"x"'],
  );
});

await onEachEngine(t, 'a body that can not be parsed comes once more, then no more', async (t, engine) => {
  let etag: string | undefined;
  const bodies: number[] = [];
  await using site = await feedSite({ a: { entries: [] } });
  site.feeds.set('a', {
    entries: [],
    answer: (response) => {
      const same = site.requests.at(-1)?.headers['if-none-match'] === '"broken"';
      etag = site.requests.at(-1)?.headers['if-none-match'];
      bodies.push(same ? 304 : 200);
      if (same) response.writeHead(304, { etag: '"broken"' }).end();
      else response.writeHead(200, { etag: '"broken"', 'last-modified': 'now' }).end('this is no feed');
    },
  });
  await using crawled = await setting(engine);
  const [id] = await crawled.add(`${site.url}/a`);
  for (let i = 0; i < 4; i += 1) {
    const summary = await crawled.crawl({ force: true });
    t.same(summary.failed, { PARSE_NOT_A_FEED: 1 }, 'it fails as long as it is the same');
  }
  t.equal(etag, '"broken"');
  t.same(bodies, [200, 200, 304, 304]);
  t.match(await crawled.feed(id), { errors: 4, etag: '"broken"', lastModified: null, succeededAt: null });
  site.feeds.set('a', { entries: entries(1), etag: '"good"' });
  t.match(await crawled.crawl({ force: true }), { fetched: 1, articlesNew: 1, failed: {} });
  t.match(await crawled.feed(id), { errors: 0, etag: '"good"', lastError: null });
});

await onEachEngine(t, 'a feed that ends early is read, but not taken for unmodified', async (t, engine) => {
  const whole = { entries: entries(4), etag: '"whole"' };
  await using site = await feedSite({ a: whole });
  const text = rss(whole);
  const cut = text.slice(0, text.lastIndexOf('<item>') + 10);
  site.feeds.set('a', { entries: [], answer: (response) => response.writeHead(200, { etag: '"whole"' }).end(cut) });
  await using crawled = await setting(engine);
  const [id] = await crawled.add(`${site.url}/a`);
  t.match(await crawled.crawl(), { fetched: 1, articlesNew: 3 });
  t.equal((await crawled.feed(id)).etag, null);
  site.feeds.set('a', whole);
  t.match(await crawled.crawl({ force: true }), { fetched: 1, articlesNew: 1, articlesUnchanged: 3 });
  t.equal((await crawled.feed(id)).etag, '"whole"');
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

await onEachEngine(t, 'a feed that its publisher took away is not asked again', async (t, engine) => {
  await using site = await feedSite({ a: { entries: [], answer: (response) => response.writeHead(410).end() } });
  await using crawled = await setting(engine);
  const [id = ''] = await crawled.add(`${site.url}/a`);
  t.match(await crawled.crawl(), { failed: { FETCH_HTTP_410: 1 } });
  t.match(await crawled.feed(id), { state: 'gone', nextWhy: /410/ });
  crawled.clock.now += 1_000 * HOUR;
  t.match(await crawled.crawl(), { feeds: 0 });
  t.match(await crawled.crawl({ force: true }), { feeds: 0 }, 'not even by force');
  site.feeds.set('a', { entries: entries(1) });
  t.match(await crawled.crawl({ force: true, feeds: [id] }), { fetched: 1, articlesNew: 1 }, 'but by name');
  t.equal((await crawled.feed(id)).state, 'active');
});

await onEachEngine(t, 'what a feed asks for holds for the 304s after it', async (t, engine) => {
  await using site = await feedSite({
    a: { entries: entries(1), etag: '"1"', channel: '<ttl>360</ttl><skipHours><hour>18</hour></skipHours>' },
  });
  await using crawled = await setting(engine);
  const [id] = await crawled.add(`${site.url}/a`);
  await crawled.crawl();
  crawled.clock.now += 24 * HOUR;
  t.match(await crawled.crawl(), { notModified: 1 });
  const { nextAt, nextWhy } = await crawled.feed(id);
  t.equal(nextAt, crawled.clock.now + 7 * HOUR, 'six hours, and past 18 h');
  t.match(nextWhy, 'ttl of 6 h');
});

await onEachEngine(t, 'a permanent redirect is noted, a temporary one is not', async (t, engine) => {
  await using site = await feedSite({ new: { entries: entries(1), etag: '"1"' } });
  const redirect = (status: number) =>
    site.feeds.set('old', {
      entries: [],
      answer: (response) => response.writeHead(status, { location: '/new' }).end(),
    });
  redirect(301);
  await using crawled = await setting(engine);
  const [id] = await crawled.add(`${site.url}/old`);
  await crawled.crawl();
  crawled.clock.now += 24 * HOUR;
  await crawled.crawl();
  t.match(await crawled.feed(id), { url: `${site.url}/old`, moved: { to: `${site.url}/new`, since: START, times: 2 } });
  redirect(302);
  await crawled.crawl({ force: true });
  t.equal((await crawled.feed(id)).moved, null);
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

t.test('a host is asked one at a time, with a gap, and others are not held up by it', async (t) => {
  const names = Array.from({ length: 4 }, (_, i) => `feed-${i}`);
  await using site = await feedSite(Object.fromEntries(names.map((name) => [name, { entries: entries(1) }])));
  await using crawled = await setting();
  await crawled.add(
    ...names.map((name) => site.at('127.0.0.1', `/${name}`)),
    ...names.map((name, i) => site.at(`127.0.1.${i + 1}`, `/${name}`)),
  );
  t.match(await crawled.crawl({ clock: Date.now, hostGapMs: 150, hostConnections: 1, concurrency: 2, force: true }), {
    fetched: 8,
  });
  const slow = site.requests.filter(({ host }) => host === '127.0.0.1').map(({ at }) => at);
  const gaps = slow.slice(1).map((at, i) => at - (slow[i] ?? 0));
  t.ok(
    gaps.every((gap) => gap >= 140),
    `gaps of ${gaps.join(', ')} ms`,
  );
  const others = site.requests.filter(({ host }) => host !== '127.0.0.1').map(({ at }) => at);
  t.ok(Math.max(...others) < (slow[1] ?? 0), 'all other hosts were asked within the first gap');
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

t.test('a connection is kept while its host has more feeds waiting, then closed', async (t) => {
  const names = ['a', 'b', 'c'];
  await using site = await feedSite(Object.fromEntries(names.map((name) => [name, { entries: entries(1) }])));
  await using crawled = await setting();
  await crawled.add(...names.map((name) => `${site.url}/${name}`));
  await crawled.crawl({ hostConnections: 1 });
  t.same(
    site.requests.map(({ headers }) => headers.connection),
    ['keep-alive', 'keep-alive', 'close'],
  );
});
