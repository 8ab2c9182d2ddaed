import t from 'tap';
import { startCrawler } from '../../../crawler/run.ts';
import { openStore } from '../../../store/open.ts';
import { redisUrl } from '../../rig/redis.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { until } from '../../rig/until.ts';
import { entries, feedSite } from '../feed-site.ts';
import { crawlOptions, type Setting, setting } from '../harness.ts';
import { complaints, ENTRIES, notFetched, publisher } from './access-log.ts';
import { addDue, flaws, mongodbStore, untilStored } from './stored.ts';
import { startWorker, workerSettings } from './workers.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const FEEDS = 6;

async function world() {
  const names = Array.from({ length: FEEDS }, (_, i) => `feed-${i}`);
  const site = await feedSite(Object.fromEntries(names.map((name) => [name, { entries: entries(2), etag: '"1"' }])));
  return { site, urls: names.map((name, i) => site.at(`127.0.14.${i + 1}`, `/${name}`)) };
}

/** Lets the crawler look, at the time that it is made to believe in, until it has done what is due. */
async function settled(here: Setting, crawler: ReturnType<typeof startCrawler>, ids: readonly string[]): Promise<void> {
  await until(async () => {
    crawler.wake();
    const records = await here.store.feeds.getMany(ids);
    return (
      ids.every((id) => (records.get(id)?.content.nextAt ?? 0) > here.clock.now) && crawler.status().inFlight === 0
    );
  }, 'nothing is due');
}

t.test(
  'the clock jumps an hour, back and forth: each jump costs a feed one fetch at most, and none is forgotten',
  async (t) => {
    const { site, urls } = await world();
    await using _site = site;
    await using here = await setting();
    const ids = await here.add(...urls);
    const crawler = startCrawler({ ...crawlOptions(here), hostGapMs: 1_000, hostConnections: 1 });
    t.teardown(() => crawler.stop());
    await settled(here, crawler, ids);
    t.equal(site.requests.length, FEEDS);
    let fetched = FEEDS;
    for (const [jumpMs, most] of [
      [HOUR_MS, FEEDS],
      [-HOUR_MS, 0],
      [-HOUR_MS, 0],
      [HOUR_MS, FEEDS],
      [HOUR_MS, FEEDS],
    ] as const) {
      here.clock.now += jumpMs;
      await settled(here, crawler, ids);
      t.ok(site.requests.length - fetched <= most, `${site.requests.length - fetched} fetches after ${jumpMs} ms`);
      fetched = site.requests.length;
    }
    here.clock.now += 3 * HOUR_MS;
    await until(async () => {
      crawler.wake();
      return site.requests.length >= fetched + FEEDS;
    }, 'all are fetched again');
  },
);

t.test('a feed that a wrong clock put off for years comes back', async (t) => {
  for (const how of ['all the time', 'in passes'] as const) {
    const { site, urls } = await world();
    await using _site = site;
    await using here = await setting();
    const right = here.clock.now;
    const ids = await here.add(...urls);
    here.clock.now = right + 10 * 365 * 24 * HOUR_MS;
    await here.crawl();
    t.equal(site.requests.length, FEEDS);
    here.clock.now = right + 24 * HOUR_MS;
    const crawler = how === 'all the time' ? startCrawler(crawlOptions(here)) : undefined;
    t.teardown(() => crawler?.stop());
    const look = async () => (crawler === undefined ? await here.crawl() : crawler.wake());
    await until(async () => {
      await look();
      const records = await here.store.feeds.getMany(ids);
      return ids.every((id) => (records.get(id)?.content.nextAt ?? 0) < right + 48 * HOUR_MS);
    }, 'all are due soon');
    here.clock.now += HOUR_MS;
    await until(async () => {
      await look();
      return site.requests.length >= 2 * FEEDS;
    }, `all are fetched again, ${how}`);
    t.equal(site.requests.length, 2 * FEEDS, 'once');
  }
});

t.test(
  'workers whose clocks are ten minutes apart share one queue: none fetches too soon, and nobody waits',
  async (t) => {
    const redis = await redisUrl();
    if ('skip' in redis) return skipLoudly(t, redis.skip);
    const mongodb = await mongodbStore(t);
    if ('skip' in mongodb) return skipLoudly(t, mongodb.skip);
    await using publishers = await publisher(15, { feeds: 30, hosts: 10 });
    await using store = await openStore(mongodb.url);
    const settings = workerSettings(mongodb.url, redis.url, { gapMs: 150 });
    for (const aheadMs of [0, 10 * MINUTE_MS, -10 * MINUTE_MS]) await startWorker(t, { ...settings, aheadMs });
    const ids = await addDue(store, publishers.urls.slice(0, 25));
    // Due in five minutes: by one of the clocks, five minutes ago.
    const later = await addDue(store, publishers.urls.slice(25), 5 * MINUTE_MS);
    await untilStored(store, ids);
    const now = Date.now();
    for (const { content } of (await store.feeds.getMany(ids)).values()) {
      const { triedAt, nextAt } = content;
      t.ok(Math.abs(now - (triedAt ?? 0)) < 5 * MINUTE_MS, 'it was noted at the right time, whoever fetched it');
      t.ok(nextAt - now > 5 * MINUTE_MS && nextAt - now < 25 * HOUR_MS, 'and is due when it should be');
    }
    t.same(complaints(publishers.log, { connections: 1, gapMs: 150 }), []);
    t.same(notFetched(publishers.log, publishers.names.slice(0, 25), 1), []);
    t.same(notFetched(publishers.log, publishers.names.slice(25), 0), [], 'none was fetched too soon');
    t.same(await flaws(mongodb.url, ids, ENTRIES), []);
    t.equal((await store.feeds.getMany(later)).size, 5);
  },
);
