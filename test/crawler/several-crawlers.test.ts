import { randomUUID } from 'node:crypto';
import t from 'tap';
import { BullmqQueue } from '../../crawler/queue/bullmq.ts';
import type { Queue } from '../../crawler/queue/contract.ts';
import { refreshByOthers } from '../../crawler/refreshes.ts';
import { type RunningCrawler, startCrawler } from '../../crawler/run.ts';
import { redisUrl } from '../rig/redis.ts';
import { skipLoudly } from '../rig/skip.ts';
import { startTcpProxy } from '../rig/tcp-proxy.ts';
import { until } from '../rig/until.ts';
import { entries, feedSite } from './feed-site.ts';
import { crawlOptions, type Setting, setting } from './harness.ts';

const GAP_MS = 50;

const server = await redisUrl();
if ('skip' in server) {
  t.test('crawlers that share a queue', async (t) => skipLoudly(t, server.skip));
} else {
  tests(server.url);
}

function tests(url: string): void {
  t.test('several crawlers share feeds and hosts: each feed once, each host within its budget', async (t) => {
    const names = Array.from({ length: 60 }, (_, i) => `feed-${i}`);
    const inFlight = new Map<string, number>();
    let most = 0;
    await using site = await feedSite(
      Object.fromEntries(
        names.map((name, i) => {
          const host = `127.0.4.${1 + (i % 12)}`;
          const before = async () => {
            inFlight.set(host, (inFlight.get(host) ?? 0) + 1);
            most = Math.max(most, inFlight.get(host) ?? 0);
            await new Promise((resolve) => setTimeout(resolve, 20));
            inFlight.set(host, (inFlight.get(host) ?? 0) - 1);
          };
          return [name, { entries: entries(2), etag: '"1"', before }];
        }),
      ),
    );
    await using here = await setting();
    await here.add(...names.map((name, i) => site.at(`127.0.4.${1 + (i % 12)}`, `/${name}`)));
    await using stack = new AsyncDisposableStack();
    const name = queueName();
    const crawlers = [1, 2, 3].map(() => crawler(stack, here, queueFor(stack, url, name)));
    await until(async () => (await here.articles()).length === 120, 'all articles are there');
    await until(() => crawlers.every((one) => one.status().inFlight === 0), 'nothing is in flight');
    t.equal(site.requests.length, 60, 'each feed once');
    t.equal(most, 1, 'one at a time for each host');
    for (const host of new Set(site.requests.map((request) => request.host))) {
      const starts = site.requests.filter((request) => request.host === host).map(({ at }) => at);
      const gaps = starts.slice(1).map((at, i) => at - (starts[i] ?? 0));
      // Between the start and what the site sees of it lie a few milliseconds, more or fewer.
      t.ok(Math.min(...gaps) > GAP_MS / 2, `${host}: ${gaps.join(' ')}`);
    }
    t.ok(crawlers.filter((one) => (one.status().metrics.fetches.ok ?? 0) > 0).length > 1, 'more than one had work');
  });

  t.test('two passes at once do what is due once, and each counts what it did', async (t) => {
    const names = Array.from({ length: 30 }, (_, i) => `feed-${i}`);
    await using site = await feedSite(Object.fromEntries(names.map((name) => [name, { entries: entries(1) }])));
    await using here = await setting();
    await here.add(...names.map((name, i) => site.at(`127.0.4.${1 + (i % 15)}`, `/${name}`)));
    await using stack = new AsyncDisposableStack();
    const name = queueName();
    const passes = await Promise.all([1, 2].map(() => here.crawl({ queue: queueFor(stack, url, name) })));
    t.same(
      passes.map(({ error, unfinished }) => ({ error, unfinished })),
      [
        { error: null, unfinished: 0 },
        { error: null, unfinished: 0 },
      ],
    );
    t.equal(site.requests.length, 30);
    t.equal(
      passes.reduce((sum, { fetched }) => sum + fetched, 0),
      30,
    );
    const forced = await here.crawl({ queue: queueFor(stack, url, name), force: true });
    t.equal(forced.fetched, 30, 'not due, but forced');
  });

  t.test('who waits for a feed hears of it also when another process fetches it', async (t) => {
    await using site = await feedSite({ a: { entries: entries(1) }, b: { entries: entries(1) } });
    await using here = await setting();
    const [a] = await here.add(`${site.url}/a`);
    await using stack = new AsyncDisposableStack();
    const name = queueName();
    crawler(stack, here, queueFor(stack, url, name));
    await until(async () => (await here.feed(a)).triedAt !== null, 'it is fetched and noted');
    here.clock.now += 16 * 60_000;
    const from = site.requests.length;
    await refreshByOthers(
      { store: here.store, queue: queueFor(stack, url, name), clock: () => here.clock.now },
      a ?? '',
    );
    t.equal(site.requests.length, from + 1);
    await t.rejects(
      refreshByOthers({ store: here.store, queue: queueFor(stack, url, name), clock: () => here.clock.now }, 'none'),
      { code: 'CRAWL_FEED_UNKNOWN' },
    );
  });

  t.test('a crawler without its queue says so, and goes on when it is back', async (t) => {
    await using site = await feedSite({ a: { entries: entries(1) }, b: { entries: entries(1) } });
    await using here = await setting();
    const { hostname, port } = new URL(url);
    await using proxy = await startTcpProxy({ host: hostname, port: Number(port || 6_379) });
    await using stack = new AsyncDisposableStack();
    const queue = queueFor(stack, `redis://${proxy.host}:${proxy.port}`, queueName(), 200);
    const one = crawler(stack, here, queue);
    await here.add(`${site.url}/a`);
    one.wake();
    await until(async () => (await here.articles()).length === 1, 'it is fetched');
    await proxy.behave({ refuse: true });
    proxy.drop('reset');
    await until(() => one.status().state === 'waiting', 'it waits');
    t.match(one.status(), { why: /^waiting for the queue/, error: { code: 'CRAWL_QUEUE_UNREACHABLE' } });
    await here.add(site.at('127.0.4.2', '/b'));
    await proxy.behave({ refuse: false });
    await until(async () => (await here.articles()).length === 2, 'it goes on');
    t.equal(site.requests.length, 2);
  });
}

function queueName(): string {
  return `test-${randomUUID()}`;
}

function queueFor(stack: AsyncDisposableStack, url: string, name: string, retryMsMax?: number): Queue {
  const hosts = { connections: 1, gapMs: GAP_MS };
  return stack.use(new BullmqQueue({ url, shown: url, name, hosts, retryMsMax, settleMs: 0 }));
}

/** Stopped before its queue is closed. */
function crawler(stack: AsyncDisposableStack, here: Setting, queue: Queue): RunningCrawler {
  const running = startCrawler({ ...crawlOptions(here), queue });
  stack.defer(() => running.stop());
  return running;
}
