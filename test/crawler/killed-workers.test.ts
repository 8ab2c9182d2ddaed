import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { importFeeds } from '../../crawler/add-feed.ts';
import { openStore } from '../../store/open.ts';
import { mongodbUrl } from '../rig/mongodb.ts';
import { redisUrl } from '../rig/redis.ts';
import { skipLoudly } from '../rig/skip.ts';
import { until } from '../rig/until.ts';
import { entries, feedSite } from './feed-site.ts';

const CLAIM_MS = 2_000;
const FEEDS = 90;
const HOSTS = 30;
const FETCH_MS = 60;

t.test('of several worker processes some are killed: no feed is forgotten, no article lost or doubled', async (t) => {
  const redis = await redisUrl();
  if ('skip' in redis) return skipLoudly(t, redis.skip);
  const mongodb = await mongodbUrl();
  if ('skip' in mongodb) return skipLoudly(t, mongodb.skip);
  const seen = new Watch();
  const names = Array.from({ length: FEEDS }, (_, i) => `feed-${i}`);
  const feed = (i: number) => ({ entries: entries(3), etag: `"${i}"`, before: () => seen.fetch(i) });
  await using site = await feedSite(Object.fromEntries(names.map((name, i) => [name, feed(i)])));
  const url = `${mongodb.url}/feedferry-workers-${randomUUID().slice(0, 8)}`;
  await using store = await openStore(url);
  t.teardown(() => dropDatabase(url));
  const feeds = names.map((name, i) => ({
    ...{ url: site.at(`127.0.5.${1 + (i % HOSTS)}`, `/${name}`), title: '', siteUrl: null, folder: null },
  }));
  // An hour ago, so that all of them are due.
  const { ids } = await importFeeds({ store, clock: () => Date.now() - 3_600_000, random: () => 0, feeds });
  const name = `test-${randomUUID()}`;
  const start = () => startWorker(t, [url, redis.url, name, String(CLAIM_MS)]);
  const [one, two] = [await start(), await start()];
  await until(() => site.requests.length > FEEDS / 5, 'a part is fetched');
  one.kill('SIGKILL');
  await start();
  await until(() => site.requests.length > FEEDS / 2, 'a half is fetched');
  two.kill('SIGKILL');
  await until(async () => {
    const records = await store.feeds.getMany(ids);
    return ids.every((id) => records.get(id)?.content.etag != null);
  }, 'every feed was fetched and stored');
  t.equal(seen.most, 1, 'never two requests at one host, whoever dies');
  t.ok(site.requests.length <= FEEDS + 8, `${site.requests.length - FEEDS} fetches were made again`);
  await until(async () => (await store.articles.scan({ limit: 1_000 })).length >= FEEDS * 3, 'all articles show');
  const articles = await store.articles.scan({ limit: 1_000 });
  t.equal(articles.length, FEEDS * 3);
  t.equal(new Set(articles.map(({ content }) => content.num)).size, FEEDS * 3, 'each has a number of its own');
});

/** How many requests each host had in flight, as far as the site can see: those of a killed worker end with it. */
class Watch {
  readonly #inFlight = new Map<number, number>();
  most = 0;

  async fetch(feed: number): Promise<void> {
    const host = feed % HOSTS;
    this.#inFlight.set(host, (this.#inFlight.get(host) ?? 0) + 1);
    this.most = Math.max(this.most, this.#inFlight.get(host) ?? 0);
    await new Promise((resolve) => setTimeout(resolve, FETCH_MS));
    this.#inFlight.set(host, (this.#inFlight.get(host) ?? 0) - 1);
  }
}

async function startWorker(t: Test, args: readonly string[]): Promise<ChildProcess> {
  const script = join(import.meta.dirname, 'worker-child.ts');
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(timer);
  });
  await once(child.stdout, 'data');
  return child;
}

async function dropDatabase(url: string): Promise<void> {
  const { MongoClient } = await import('mongodb');
  await using client = new MongoClient(url);
  await client.db().dropDatabase();
}
