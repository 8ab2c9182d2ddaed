import t from 'tap';
import { storeSource } from '../../../crawler/test-crawl/feed-source.ts';
import { openToRead } from '../../../store/open-to-read.ts';
import { failureOf, put } from '../../contract/with-store.ts';
import { startTcpProxy } from '../../rig/tcp-proxy.ts';
import { until } from '../../rig/until.ts';
import { entries } from '../feed-site.ts';
import { onEachEngine, sqlite } from '../harness.ts';
import { OWN_NAME, publisher, sides, stateOf } from './running.ts';

const FINE = { outcome: 'fine', errorsPercent: 0, differencesPercent: 0, reasons: [] };

onEachEngine(
  t,
  'feeds of production go into a store of its own, and production is left as it was',
  async (t, engine) => {
    await using site = await publisher();
    await using both = await sides(engine);
    const { production, own } = both;
    for (const path of ['/a', '/b', '/c']) site.show(path, entries(3));
    const [a = '', b = '', c = ''] = await production.add(
      site.at('127.0.0.1', '/a'),
      site.at('127.0.0.2', '/b'),
      `${site.url}/c`,
    );
    await both.crawlProduction();
    const paused = await production.feed(c);
    await put(production.store.feeds, { id: c, content: { ...paused, state: 'paused' } });
    const before = await stateOf(production.url);
    site.requests.length = 0;

    const report = await both.test();
    t.strictSame(report.chosen, {
      inSource: 3,
      notActive: 1,
      chosen: 2,
      ownUserAgent: 0,
      max: null,
      sample: null,
      seed: '',
    });
    t.match(report, { ended: 'done', crawl: { feeds: 2, fetched: 2, articlesNew: 6, error: null }, verdict: FINE });
    t.match(report.comparison, {
      feeds: { fetched: 2, compared: 2, fineOnBoth: 2 },
      articles: { same: 6, unseen: 0, fields: {} },
      complete: true,
    });
    t.match(report.measured, { fetches: 2, conditional: 0, statuses: { 200: 2 }, hosts: 2 });
    t.strictSame(
      site.requests.map(({ headers }) => headers['if-none-match']),
      [undefined, undefined],
      'no validator of production',
    );
    t.ok(site.requests.every(({ headers }) => headers['user-agent'] === OWN_NAME));
    t.equal(await stateOf(production.url), before, 'every byte, or every document, is as it was');
    const ids = (await own.store.feeds.scan({ limit: 10 })).map(({ id }) => id);
    t.strictSame(ids, [a, b].sort(), 'under the same ids');

    t.match((await both.test()).crawl, { feeds: 0, skipped: 2 }, 'a second one asks for nothing that is not due');
    site.requests.length = 0;
    const again = await both.test({ force: true });
    t.match(again, { crawl: { notModified: 2 }, measured: { conditional: 2 }, verdict: FINE });
    t.ok(
      site.requests.every(({ headers }) => (headers['if-none-match'] ?? '') !== ''),
      'now with validators of its own',
    );
  },
);

onEachEngine(t, 'what is set for a feed at production comes along, but for its User-Agent', async (t, engine) => {
  await using site = await publisher();
  await using both = await sides(engine);
  site.show('/a', entries(1));
  const [id = ''] = await both.production.add(`${site.url}/a`);
  const taken = {
    ...{ login: { user: 'ann', password: 'secret' }, headers: { 'x-key': 'abc' } },
    ...{ origin: site.url, timeoutMs: 4_000 },
  };
  const overrides = { ...taken, userAgent: 'Special/1' };
  await put(both.production.store.feeds, { id, content: { ...(await both.production.feed(id)), overrides } });

  const report = await both.test();
  t.equal(report.chosen.ownUserAgent, 1);
  const [request] = site.requests;
  t.match(request?.headers, { 'user-agent': OWN_NAME, 'x-key': 'abc', authorization: `Basic ${btoa('ann:secret')}` });
  t.strictSame((await both.own.feed(id)).overrides, taken);
  t.notMatch(JSON.stringify(report), /secret|abc"/, 'no secret is in the report');

  const { overrides: _taken, ...plain } = await both.production.feed(id);
  await put(both.production.store.feeds, { id, content: { ...plain, url: `${site.url}/moved` } });
  site.show('/moved', entries(1));
  site.requests.length = 0;
  await both.test({ force: true });
  const [second] = site.requests;
  t.equal(second?.url, '/moved', 'the second follows production');
  t.strictSame([second?.headers['if-none-match'], second?.headers.authorization], [undefined, undefined]);
});

onEachEngine(t, 'production goes on writing while a test crawl reads it', async (t, engine) => {
  await using site = await publisher();
  await using both = await sides(engine);
  const paths = Array.from({ length: 30 }, (_, i) => `/f${i}`);
  for (const path of paths) site.show(path, entries(4));
  await both.production.add(...paths.map((path, i) => site.at(`127.0.0.${1 + (i % 10)}`, path)));
  await both.crawlProduction();
  let crawls = 0;
  let stop = false;
  const busy = (async () => {
    while (!stop) {
      for (const path of paths) site.show(path, entries(4, crawls));
      await both.crawlProduction();
      crawls += 1;
    }
  })();
  await until(() => crawls > 1, 'production crawls');
  const report = await both.test();
  const atEnd = crawls;
  await until(() => crawls > atEnd, 'production crawls on after the test crawl');
  stop = true;
  await busy;
  t.match(report, { ended: 'done', crawl: { feeds: 30, fetched: 30 }, comparison: { complete: true, error: null } });
  t.equal(report.comparison?.feeds.compared, 30);
});

onEachEngine(t, 'a production that goes away costs the comparison, not the report', async (t, engine) => {
  await using site = await publisher();
  await using both = await sides(engine);
  for (const path of ['/a', '/b']) site.show(path, entries(2));
  await both.production.add(`${site.url}/a`, `${site.url}/b`);
  await both.crawlProduction();
  const reading = await openToRead(both.production.url);
  const source = storeSource(reading);
  const report = await both.test({
    source: {
      ...source,
      production: async (ids, signal) => {
        await reading[Symbol.asyncDispose]();
        return source.production(ids, signal);
      },
    },
  });
  t.match(report, { ended: 'done', crawl: { fetched: 2 }, verdict: { outcome: 'incomplete' } });
  t.match(report.comparison, { complete: false, left: 2, error: { code: /^STORE_/ } });

  t.match(await failureOf(both.test({ source })), /^STORE_/, 'one that is gone before is an error');
});

onEachEngine(
  t,
  'a production whose line breaks in the middle of the comparison costs the rest of it',
  async (t, engine) => {
    if (engine.name === 'SQLite') {
      t.pass('a file has no line');
      return;
    }
    await using site = await publisher();
    await using both = await sides(engine);
    const { hostname, port, pathname } = new URL(both.production.url);
    await using proxy = await startTcpProxy({ host: hostname, port: Number(port) });
    const paths = Array.from({ length: 8 }, (_, i) => `/f${i}`);
    for (const path of paths) site.show(path, entries(1));
    await both.production.add(...paths.map((path) => site.url + path));
    await both.crawlProduction();
    const proxied = `mongodb://127.0.0.1:${proxy.port}${pathname}?directConnection=true`;
    await using reading = await openToRead(proxied, { waitMsMax: 1_500 });
    const source = storeSource(reading);
    const { articles } = reading;
    const report = await both.test({
      source: {
        ...source,
        production: async () => ({
          feeds: reading.feeds,
          articles: {
            ...articles,
            getMany: async (ids) => {
              const found = await articles.getMany(ids);
              await proxy.behave({ refuse: true });
              proxy.drop('reset');
              return found;
            },
          },
        }),
      },
    });
    t.match(report, { ended: 'done', crawl: { fetched: 8 }, verdict: { outcome: 'incomplete' } });
    t.match(report.comparison, { complete: false, left: 8, error: { code: 'STORE_UNREACHABLE', retryable: true } });
  },
);

t.test('stopped, or when its time is up, a test crawl tells what it has done', async (t) => {
  await using site = await publisher();
  await using both = await sides(sqlite);
  const paths = Array.from({ length: 20 }, (_, i) => `/f${i}`);
  for (const path of paths) site.show(path, entries(1));
  await both.production.add(...paths.map((path) => site.url + path));
  await both.crawlProduction();
  const stop = new AbortController();
  const stopped = await both.test({
    ...{ hostConnections: 1, hostGapMs: 50, signal: stop.signal },
    onProgress: (progress) => {
      if (progress.step === 'crawling' && progress.done > 0) stop.abort();
    },
  });
  t.match(stopped, { ended: 'interrupted', verdict: { outcome: 'incomplete' } });
  t.ok(stopped.crawl.fetched > 0 && stopped.crawl.unfinished > 0, `${stopped.crawl.fetched} fetched`);
  t.equal(stopped.comparison?.feeds.fetched, stopped.crawl.fetched, 'and compared');

  const timed = await both.test({ hostConnections: 1, hostGapMs: 3_600_000, durationMs: 100 });
  t.match(timed, { ended: 'duration', verdict: { outcome: 'fine' } });
  t.ok(timed.crawl.unfinished > 0);
});

t.test('a source without a feed to crawl is refused', async (t) => {
  await using both = await sides(sqlite);
  t.equal(await failureOf(both.test()), 'TEST_CRAWL_NO_FEEDS');
});
