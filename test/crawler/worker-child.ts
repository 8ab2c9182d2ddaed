/** One of several crawlers, to be killed: `node worker-child.ts STORE REDIS NAME CLAIM_MS`. Crawls until it is. */
import { openFetcher } from '../../crawler/fetch.ts';
import { BullmqQueue } from '../../crawler/queue/bullmq.ts';
import { startCrawler } from '../../crawler/run.ts';
import { openStore } from '../../store/open.ts';

const [storeUrl = '', url = '', name = '', claimMs] = process.argv.slice(2);
const store = await openStore(storeUrl);
const fetcher = openFetcher({ userAgent: 'Feedferry-Test/1.0', allowPrivate: ['127.0.0.0/8'] });
const hosts = { connections: 1, gapMs: 10 };
const queue = new BullmqQueue({ url, shown: 'redis', name, hosts, claimMs: Number(claimMs), settleMs: 0 });
const crawler = startCrawler({
  ...{ store, fetcher, queue, concurrency: 4, hostGapMs: 10, hostConnections: 1 },
  ...{ clock: Date.now, random: Math.random, minIntervalMs: 900_000, maxIntervalMs: 86_400_000 },
  onTrouble: (error) => error === null || console.error(error.message),
});
process.once('SIGTERM', async () => {
  await crawler.stop();
  await queue[Symbol.asyncDispose]();
  await fetcher[Symbol.asyncDispose]();
  await store.close();
});
console.log('ready');
