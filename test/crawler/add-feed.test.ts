import t from 'tap';
import { type AddFeedOptions, addFeed, importFeeds, ManyFeedsError } from '../../crawler/add-feed.ts';
import { codeOf } from '../../store/errors.ts';
import { feedId } from '../../store/ids.ts';
import { entries, feedSite } from './feed-site.ts';
import { onEachEngine, type Setting, START, setting } from './harness.ts';
import { closedPort } from './servers.ts';

function add({ store, fetcher, clock }: Setting, input: string, more: Partial<AddFeedOptions> = {}) {
  return addFeed({ store, fetcher, clock: () => clock.now, random: () => 0, input, ...more });
}

const page = (...links: string[]) => ({
  entries: [],
  answer: (response: import('node:http').ServerResponse) =>
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end(`<!DOCTYPE html><html><head>${links.join('')}</head><body>Hello`),
});
const link = (href: string, title = '', type = 'application/rss+xml') =>
  `<link rel="alternate" type="${type}" href="${href}" title="${title}">`;

await onEachEngine(t, 'a feed is there with its articles as soon as it is added', async (t, engine) => {
  await using site = await feedSite({
    a: { title: 'News', entries: entries(3), etag: '"1"', headers: { 'cache-control': 'max-age=7200' } },
  });
  await using here = await setting(engine);
  const added = await add(here, `  ${site.url}/a#top `);
  t.match(added, { id: feedId(`${site.url}/a`), url: `${site.url}/a`, title: 'News', created: true, articles: 3 });
  t.equal((await here.articles(added.id)).length, 3);
  t.match(await here.feed(added.id), {
    etag: '"1"',
    nextWhy: 'max-age of 2 h',
    history: [{ added: 3 }],
    addedAt: START,
  });
  t.match(await here.crawl(), { feeds: 0 }, 'it is not due again');
  t.equal(site.requests.length, 1, 'one request in all');
});

await onEachEngine(t, 'a feed that is known is not fetched again', async (t, engine) => {
  await using site = await feedSite({ a: { title: 'News', entries: entries(3) } });
  await using here = await setting(engine);
  const first = await add(here, `${site.url}/a`);
  const second = await add(here, `feed:${site.url.slice('http:'.length)}/a`);
  t.same(second, { ...first, created: false, articles: 0 });
  t.equal(site.requests.length, 1);
});

t.test('a site leads to the feed that it names', async (t) => {
  await using site = await feedSite({
    '': page(link('/a', 'News'), link('/comments', 'News: comments')),
    a: { title: 'News', entries: entries(2) },
  });
  await using here = await setting();
  t.match(await add(here, site.url), { url: `${site.url}/a`, title: 'News', articles: 2 });
  t.match(await add(here, site.url), { url: `${site.url}/a`, created: false });
});

t.test('the same feed as RSS and as Atom is no question', async (t) => {
  await using site = await feedSite({
    '': page(link('/a', 'News (RSS)'), link('/atom', 'News (Atom 1.0)', 'application/atom+xml')),
    a: { entries: entries(1) },
  });
  await using here = await setting();
  t.match(await add(here, site.url), { url: `${site.url}/a` });
});

t.test('a site with several feeds asks which', async (t) => {
  await using site = await feedSite({
    '': page(link('/sports', 'Sports'), link('/arts', 'Arts'), link('/c', 'Comments')),
  });
  await using here = await setting();
  const error = await add(here, site.url).catch((error) => error);
  if (!(error instanceof ManyFeedsError)) return t.fail(String(error));
  t.same(error.candidates, [
    { url: `${site.url}/sports`, title: 'Sports' },
    { url: `${site.url}/arts`, title: 'Arts' },
  ]);
  t.match(error.toJSON(), { code: 'DISCOVER_MANY', message: /Sports .*Arts/, candidates: [{ title: 'Sports' }, {}] });
  t.equal(await here.store.feeds.count(), 0);
});

t.test('what can not be added says why, and leaves nothing behind', async (t) => {
  await using site = await feedSite({
    none: page(),
    dead: page(link('/missing')),
    loop: page(link('/loop')),
    gone: { entries: [], answer: (response) => response.writeHead(410).end() },
    text: { entries: [], answer: (response) => response.end('Hello') },
    empty: { entries: [], answer: (response) => response.end() },
  });
  await using here = await setting();
  const cases: [string, string][] = [
    [`${site.url}/none`, 'DISCOVER_NONE'],
    [`${site.url}/dead`, 'FETCH_HTTP_404'],
    [`${site.url}/loop`, 'PARSE_HTML'],
    [`${site.url}/gone`, 'FETCH_HTTP_410'],
    [`${site.url}/text`, 'DISCOVER_NONE'],
    [`${site.url}/empty`, 'PARSE_EMPTY'],
    ['', 'FETCH_URL_INVALID'],
    ['ftp://127.0.0.1/feed', 'FETCH_URL_INVALID'],
    ['javascript:alert(1)', 'FETCH_URL_INVALID'],
    ['http://10.0.0.1/feed', 'FETCH_ADDRESS_FORBIDDEN'],
  ];
  for (const [input, code] of cases) {
    const error = await add(here, input).catch((error) => error);
    t.equal(codeOf(error), code, input);
    t.match(error, { message: /\w/, advice: /\w/ });
  }
  t.equal(await here.store.feeds.count(), 0);
});

t.test('the scheme may be missing: https first, then http', async (t) => {
  await using site = await feedSite({ a: { entries: entries(1) } });
  await using here = await setting();
  t.match(await add(here, `127.0.0.1:${site.port}/a`), { url: `${site.url}/a`, created: true });
  const error = await add(here, `127.0.0.1:${await closedPort()}/a`).catch((error) => error);
  t.match(error, { code: 'FETCH_REFUSED', input: /^https:/ });
});

t.test('a feed that has moved for good is added where it is now', async (t) => {
  await using site = await feedSite({ new: { entries: entries(1) } });
  const redirect = (status: number) => ({
    entries: [],
    answer: (response: import('node:http').ServerResponse) => response.writeHead(status, { location: '/new' }).end(),
  });
  site.feeds.set('moved', redirect(301));
  site.feeds.set('elsewhere', redirect(302));
  await using here = await setting();
  t.match(await add(here, `${site.url}/moved`), {
    id: feedId(`${site.url}/new`),
    url: `${site.url}/new`,
    created: true,
  });
  t.match(await add(here, `${site.url}/moved`), { url: `${site.url}/new`, created: false });
  t.match(await add(here, `${site.url}/elsewhere`), { url: `${site.url}/elsewhere`, created: true });
});

await onEachEngine(t, 'the same feed added twice at the same time is one feed', async (t, engine) => {
  await using site = await feedSite({ a: { entries: entries(5) } });
  await using here = await setting(engine);
  const both = await Promise.all([add(here, `${site.url}/a`), add(here, `${site.url}/a`)]);
  t.equal(new Set(both.map(({ id }) => id)).size, 1);
  t.equal(await here.store.feeds.count(), 1);
  t.equal((await here.articles()).length, 5);
});

const subscription = (url: string, title = '') => ({ url, title, siteUrl: null, folder: null });

await onEachEngine(t, 'a list of feeds is added without asking anybody', async (t, engine) => {
  await using site = await feedSite({ a: { title: 'Its own', entries: entries(1) } });
  await using here = await setting(engine);
  const known = await add(here, `${site.url}/a`);
  const asked = site.requests.length;
  const { store, clock } = here;
  const feeds = [
    subscription(`${site.url}/a`, 'Mine'),
    subscription('http://Example.org:80/feed', 'Example'),
    subscription('http://example.org/feed#again'),
    subscription('mailto:me@example.org'),
  ];
  const imported = await importFeeds({ store, clock: () => clock.now, random: () => 0.5, feeds });
  const example = feedId('http://example.org/feed');
  t.same(imported, {
    added: [example],
    known: [known.id],
    invalid: [{ url: 'mailto:me@example.org', message: 'This is no http or https address' }],
    ids: [known.id, example, example, ''],
  });
  t.equal(site.requests.length, asked);
  t.match(await here.feed(example), {
    title: 'Example',
    url: 'http://example.org/feed',
    triedAt: null,
    state: 'active',
  });
  t.equal((await here.feed(known.id)).title, 'Its own');
});

t.test('10,000 feeds are added quickly, and come due one after the other', async (t) => {
  await using here = await setting();
  const { store, clock } = here;
  const feeds = Array.from({ length: 10_000 }, (_, i) => subscription(`http://host-${i}.example/feed`));
  const started = performance.now();
  const { added } = await importFeeds({ store, clock: () => clock.now, random: Math.random, feeds });
  const seconds = (performance.now() - started) / 1_000;
  t.equal(added.length, 10_000);
  t.ok(seconds < 10, `${seconds.toFixed(1)} s`);
  const perMinute = new Map<number, number>();
  for (const { nextAt } of await store.feeds.due({ now: START + 3_600_000, limit: 10_000 })) {
    const minute = Math.floor((nextAt - START) / 60_000);
    perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1);
  }
  t.ok(Math.max(...perMinute.values()) < 1_600, 'at most about 20 a second');
  t.equal((await store.feeds.due({ now: START - 1, limit: 1 })).length, 0);
});

t.test('a crawl that is asked for takes imported feeds at once, a running one as they come due', async (t) => {
  await using site = await feedSite({ a: { entries: entries(1) }, b: { entries: entries(1) } });
  await using here = await setting();
  const { store, clock } = here;
  const feeds = ['a', 'b'].map((name) => subscription(`${site.url}/${name}`));
  await importFeeds({ store, clock: () => clock.now, random: () => 0.9, feeds });
  t.equal((await store.feeds.due({ now: clock.now, limit: 10 })).length, 0);
  t.match(await here.crawl(), { feeds: 2, fetched: 2 });
  t.match(await here.crawl(), { feeds: 0 });
});

await onEachEngine(t, 'where nothing can be kept, no publisher is asked', async (t, engine) => {
  await using site = await feedSite({ a: { entries: entries(1) }, b: { entries: entries(1) } });
  await using here = await setting(engine);
  const known = await add(here, `${site.url}/a`);
  for (const name of ['feeds', 'articles'] as const) {
    await here.store.database(name).setMode('read-only');
    await t.rejects(add(here, `${site.url}/b`), { code: 'DATABASE_READ_ONLY' }, name);
    t.match(await add(here, known.url), { id: known.id, created: false }, 'what is known needs no write');
    await here.store.database(name).setMode('read-write');
  }
  t.equal(site.requests.length, 1);
});
