import t from 'tap';
import { entries, feedSite, rss } from './feed-site.ts';
import { onEachEngine, START, setting } from './harness.ts';

const HOUR = 3_600_000;

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
  // A host that is busy is busy for all.
  const ids = await crawled.add(...names.map((name, i) => site.at(`127.0.8.${i + 1}`, `/${name}`)));
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

t.test('a host is asked one at a time, with a gap, and others are not held up by it', async (t) => {
  const names = Array.from({ length: 4 }, (_, i) => `feed-${i}`);
  await using site = await feedSite(Object.fromEntries(names.map((name) => [name, { entries: entries(1) }])));
  await using crawled = await setting();
  await crawled.add(
    ...names.map((name) => site.at('127.0.0.1', `/${name}`)),
    ...names.map((name, i) => site.at(`127.0.1.${i + 1}`, `/${name}`)),
  );
  t.match(await crawled.crawl({ clock: Date.now, hostGapMs: 500, hostConnections: 1, concurrency: 2, force: true }), {
    fetched: 8,
  });
  const slow = site.requests.filter(({ host }) => host === '127.0.0.1').map(({ at }) => at);
  // As the server sees it, where a busy machine delays one or the other.
  const spanMs = (slow.at(-1) ?? 0) - (slow[0] ?? 0);
  t.ok(spanMs > 3 * 500 - 100, `four requests in ${spanMs} ms`);
  const others = site.requests.filter(({ host }) => host !== '127.0.0.1').map(({ at }) => at);
  t.ok(Math.max(...others) < (slow[2] ?? 0), 'all other hosts were asked meanwhile');
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
