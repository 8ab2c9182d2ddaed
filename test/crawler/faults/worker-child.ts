/** A crawler in a process of its own, to be killed, stopped and cheated: `node worker-child.ts JSON` (workers.ts). */
import { openFetcher } from '../../../crawler/fetch.ts';
import { BullmqQueue } from '../../../crawler/queue/bullmq.ts';
import { LocalQueue } from '../../../crawler/queue/local.ts';
import { startCrawler } from '../../../crawler/run.ts';
import { openStore } from '../../../store/open.ts';
import type { WorkerSettings } from './workers.ts';

const { aheadMs, ...settings } = JSON.parse(process.argv[2] ?? '{}') as WorkerSettings;
// As on a machine whose clock is wrong: for all code in this process.
const now = Date.now;
Date.now = () => now() + aheadMs;

const hosts = { connections: settings.hostConnections, gapMs: settings.gapMs };
const store = await openStore(settings.store, { waitMsMax: settings.storeWaitMsMax });
const fetcher = openFetcher({ userAgent: `Worker/${process.pid}`, allowPrivate: ['127.0.0.0/8'] });
const { redis, queueName, claimMs } = settings;
const queue =
  redis === null
    ? new LocalQueue({ clock: Date.now, hosts })
    : new BullmqQueue({ url: redis, shown: 'redis', name: queueName, hosts, claimMs });
const crawler = startCrawler({
  ...{ store, fetcher, queue, concurrency: settings.concurrency },
  ...{ hostGapMs: settings.gapMs, hostConnections: settings.hostConnections },
  ...{ clock: Date.now, random: Math.random, minIntervalMs: 900_000, maxIntervalMs: 86_400_000 },
  onTrouble: (error) => console.log(error === null ? 'well' : `trouble ${error.code} ${error.message}`),
});
process.once('SIGTERM', async () => {
  await crawler.stop();
  await queue[Symbol.asyncDispose]();
  await fetcher[Symbol.asyncDispose]();
  await store.close();
});
console.log('ready');
