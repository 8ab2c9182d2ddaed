import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { type RunningCrawler, type RunOptions, startCrawler } from '../../crawler/run.ts';
import { codeOf } from '../../store/errors.ts';
import { openStore } from '../../store/open.ts';
import { until } from '../rig/until.ts';
import { entries, feedSite } from './feed-site.ts';
import { onEachEngine, type Setting, setting } from './harness.ts';

function start(here: Setting, more: Partial<RunOptions> = {}): RunningCrawler & AsyncDisposable {
  const crawler = startCrawler({
    store: here.store,
    fetcher: here.fetcher,
    concurrency: 4,
    hostGapMs: 0,
    hostConnections: 4,
    minIntervalMs: 15 * 60_000,
    maxIntervalMs: 24 * 3_600_000,
    clock: () => here.clock.now,
    random: () => 0,
    ...more,
  });
  return Object.assign(crawler, { [Symbol.asyncDispose]: () => crawler.stop() });
}

await onEachEngine(t, 'feeds are fetched as they come due, again and again', async (t, engine) => {
  await using site = await feedSite({ a: { entries: entries(2), etag: '"1"' }, b: { entries: entries(1) } });
  await using here = await setting(engine);
  const [a, b] = await here.add(`${site.url}/a`, `${site.url}/b`);
  await using crawler = start(here);
  await until(async () => (await here.articles()).length === 3, 'both are fetched');
  await until(() => crawler.status().inFlight === 0, 'nothing is in flight');
  t.equal(site.requests.length, 2);
  here.clock.now += 48 * 3_600_000;
  crawler.wake();
  await until(async () => {
    const records = await Promise.all([here.feed(a), here.feed(b)]);
    return records.every(({ history }) => history.length === 2);
  }, 'both are fetched again');
  t.match(crawler.status(), {
    state: 'running',
    waiting: 0,
    error: null,
    metrics: { fetches: { ok: 3, 'not-modified': 1 }, articlesNew: 3 },
  });
  await until(() => (crawler.status().nextDueAt ?? 0) > here.clock.now, 'the next is known');
  t.equal(crawler.status().why, 'no feed is due');
});

t.test('a feed that another process adds is found without being told', async (t) => {
  await using site = await feedSite({ a: { entries: entries(1) } });
  await using here = await setting();
  await using crawler = start(here);
  await until(() => crawler.status().why === 'no feed is due', 'it sleeps');
  await here.add(`${site.url}/a`);
  await until(() => site.requests.length === 1, 'it is fetched');
  t.pass('within the time of a poll');
});

await onEachEngine(t, 'what a reader refreshes goes before all that waits', async (t, engine) => {
  const names = Array.from({ length: 20 }, (_, i) => `feed-${i}`);
  const slowly = () => new Promise<void>((resolve) => setTimeout(resolve, 60));
  const feeds = Object.fromEntries(names.map((name) => [name, { entries: entries(1), before: slowly }]));
  await using site = await feedSite(feeds);
  await using here = await setting(engine);
  const ids = await here.add(...names.map((name) => `${site.url}/${name}`));
  await using crawler = start(here, { concurrency: 1, clock: Date.now });
  await until(() => site.requests.length >= 2, 'it has begun');
  const asked = new Set(site.requests.map(({ url }) => url));
  const last = names.findLastIndex((name) => !asked.has(`/${name}`));
  await crawler.refresh(ids[last] ?? '');
  t.equal((await here.feed(ids[last])).history.length, 1);
  t.ok(site.requests.length < 10, `after ${site.requests.length} requests`);
});

await onEachEngine(t, 'when a refresh has ended, the change feed shows what it brought in', async (t, engine) => {
  const feeds = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`f${i}`, { entries: entries(3) }]));
  await using site = await feedSite(feeds);
  await using here = await setting(engine);
  await using crawler = start(here, { concurrency: 1 });
  const ids = await here.add(...Object.keys(feeds).map((name) => `${site.url}/${name}`));
  for (const id of ids) {
    await crawler.refresh(id);
    const slots = await here.store.articles.changes.slots();
    const stable = new Map(slots.map((slot) => [slot.slot, slot.stable]));
    const articles = await here.store.articles.versions((await here.articles(id)).map((article) => article.id));
    t.equal(articles.size, 3);
    const isSettled = [...articles.values()].every(({ slot, n }) => n <= (stable.get(slot) ?? 0));
    t.ok(isSettled, 'a replica that has come so far has them all');
  }
});

t.test(
  'a refresh asks a feed that is not due, but not twice in a moment, and not against the publisher’s wish',
  async (t) => {
    await using site = await feedSite({
      a: { entries: entries(1) },
      busy: { entries: [], answer: (response) => response.writeHead(429, { 'retry-after': '3600' }).end() },
      down: { entries: [], answer: (response) => response.writeHead(500).end() },
    });
    await using here = await setting();
    const [a = '', busy = '', down = ''] = await here.add(
      ...[`${site.url}/a`, site.at('127.0.7.1', '/busy'), `${site.url}/down`],
    );
    await here.crawl();
    await using crawler = start(here);
    const requests = (name: string) => site.requests.filter(({ url }) => url === `/${name}`).length;
    await crawler.refresh(a);
    t.equal(requests('a'), 1, 'it was fetched a moment ago');
    here.clock.now += 10 * 60_000;
    await crawler.refresh(a);
    t.equal(requests('a'), 1, 'the operator wants 15 minutes between two');
    here.clock.now += 5 * 60_000 + 1_000;
    await crawler.refresh(a);
    await crawler.refresh(busy);
    await crawler.refresh(down);
    t.equal(requests('a'), 2);
    t.equal(requests('busy'), 1, 'asked to wait for an hour');
    t.equal(requests('down'), 2, 'a failure is told by the history');
    await t.rejects(crawler.refresh('unknown'), { code: 'CRAWL_FEED_UNKNOWN' });
  },
);

t.test(
  'a refresh waits for what the publisher asks for, and asks a feed that is gone once a week at most',
  async (t) => {
    await using site = await feedSite({
      cached: { entries: entries(1), headers: { 'cache-control': 'max-age=7200' } },
      rare: { entries: entries(1), channel: '<ttl>180</ttl>' },
      sleeps: { entries: entries(1), channel: '<skipHours><hour>13</hour><hour>14</hour></skipHours>' },
      gone: { entries: [], answer: (response) => response.writeHead(410).end() },
    });
    await using here = await setting();
    const names = ['cached', 'rare', 'sleeps', 'gone'];
    const ids = await here.add(...names.map((name) => `${site.url}/${name}`));
    await here.crawl();
    await using crawler = start(here, { maxIntervalMs: 30 * 24 * 3_600_000 });
    const askedAfter = async (hours: number) => {
      const from = site.requests.length;
      here.clock.now += hours * 3_600_000;
      for (const id of ids) await crawler.refresh(id);
      return site.requests.slice(from).map(({ url }) => url?.slice(1));
    };
    const records = async () => Promise.all(ids.map((id) => here.feed(id)));
    const nextAt = (await records()).map((record) => record.nextAt);
    t.ok(nextAt.slice(0, 3).every((at) => at >= here.clock.now + 3_600_000));
    // It is 12:00 at first.
    t.strictSame(await askedAfter(0.9), ['sleeps'], 'no wish against it');
    t.strictSame(await askedAfter(0.9), [], 'within two hours, within three hours, in an hour that is skipped, gone');
    t.strictSame(await askedAfter(0.3), ['cached']);
    t.strictSame(await askedAfter(1.3), ['rare', 'sleeps'], 'the max-age was renewed');
    const week = await askedAfter(7 * 24);
    t.equal(week.at(-1), 'gone');
    t.notOk((await askedAfter(24)).includes('gone'));
  },
);

t.test('a store that is held by another is waited for; nothing is fetched meanwhile', async (t) => {
  await using site = await feedSite({ a: { entries: entries(2) }, b: { entries: entries(2) } });
  await using here = await setting();
  await here.add(`${site.url}/a`);
  await using store = await openStore(here.url, { waitMsMax: 100 });
  const other = new DatabaseSync(here.url.replace('sqlite:', ''));
  other.exec('BEGIN IMMEDIATE');
  const told: (string | null)[] = [];
  await using crawler = start({ ...here, store }, { onTrouble: (error) => told.push(error?.code ?? null) });
  await until(() => crawler.status().state === 'waiting', 'it waits');
  t.match(crawler.status(), { error: { code: 'STORE_LOCKED' }, why: /^waiting for the store: / });
  other.exec('COMMIT');
  other.close();
  await until(async () => (await here.articles()).length === 2, 'it goes on');
  await until(() => crawler.status().state === 'running', 'it says so');
  t.same(told, ['STORE_LOCKED', null]);
  await here.add(`${site.url}/b`);
  crawler.wake();
  await until(async () => (await here.articles()).length === 4, 'and does its work');
});

for (const mode of ['read-only', 'replica'] as const) {
  await onEachEngine(
    t,
    `a database that is set to ${mode} stops the fetching until it is set back`,
    async (t, engine) => {
      await using site = await feedSite({ a: { entries: entries(2) }, b: { entries: entries(1) } });
      await using here = await setting(engine);
      const [id = ''] = await here.add(`${site.url}/a`);
      await here.store.articles.setMode(mode);
      await using crawler = start(here);
      await until(() => crawler.status().state === 'waiting', 'it waits');
      t.match(crawler.status().error, { code: 'DATABASE_READ_ONLY' });
      t.equal(codeOf(await crawler.refresh(id).catch((error) => error)), 'DATABASE_READ_ONLY');
      const asked = site.requests.length;
      const { articles } = here.store;
      const ask = articles.mode.bind(articles);
      let looks = 0;
      Object.assign(articles, {
        mode: () => {
          looks += 1;
          return ask();
        },
      });
      await here.add(`${site.url}/b`);
      await until(() => {
        crawler.wake();
        return looks >= 2;
      }, 'it has looked again, twice');
      t.equal(crawler.status().state, 'waiting');
      t.equal(site.requests.length, asked, 'nothing more is fetched');
      await here.store.articles.setMode('read-write');
      await until(async () => (await here.articles()).length === 3, 'it goes on');
    },
  );
}

t.test('stopping lets what is in flight end, breaks off what does not, and leaves the rest due', async (t) => {
  const names = Array.from({ length: 8 }, (_, i) => `feed-${i}`);
  let count = 0;
  const before = () => {
    count += 1;
    return new Promise<void>((resolve) => {
      if (count !== 1) setTimeout(resolve, 200);
    });
  };
  await using site = await feedSite(Object.fromEntries(names.map((name) => [name, { entries: entries(1), before }])));
  await using here = await setting();
  await here.add(...names.map((name) => `${site.url}/${name}`));
  const crawler = start(here, { concurrency: 3 });
  await until(() => site.requests.length >= 3, 'three are in flight');
  const refused = crawler.refresh((await here.store.feeds.scan({ limit: 1 }))[0]?.id ?? '').catch((error) => error);
  const started = performance.now();
  await crawler.stop();
  t.ok(performance.now() - started < 10_000);
  t.equal(crawler.status().state, 'stopped');
  const asked = site.requests.length;
  t.ok((await here.articles()).length >= 2, 'those that answered are stored');
  await refused;
  t.equal(codeOf(await crawler.refresh('any').catch((error) => error)), 'CRAWL_STOPPED');
  here.clock.now += 48 * 3_600_000;
  t.equal(site.requests.length, asked, 'nothing more is fetched');
  await crawler.stop();
});
