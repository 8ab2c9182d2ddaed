import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { openStore } from '../../../store/open.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { startTcpProxy, type TcpProxy } from '../../rig/tcp-proxy.ts';
import { until } from '../../rig/until.ts';
import { complaints, ENTRIES, notFetched, type Publisher, publisher } from './access-log.ts';
import { type RedisServer, redisServer } from './redis-server.ts';
import { addDue, flaws, mongodbStore, untilStored } from './stored.ts';
import { startWorker, type Worker, workerSettings } from './workers.ts';

const GAP_MS = 150;
const HOSTS = 12;

interface Scene {
  readonly proxy: TcpProxy;
  readonly redis: RedisServer;
  readonly world: Publisher;
  readonly workers: readonly Worker[];
}

interface Fault {
  /** Begins when some feeds are in flight and others wait. */
  readonly during: (scene: Scene) => Promise<void>;
  /** Feeds that may be fetched twice: those of claims that had to be given up. */
  readonly againMax: number;
}

const CONCURRENCY = 6;

const FAULTS: Readonly<Record<string, Fault>> = {
  'cut off for a while': {
    againMax: 0,
    during: async ({ proxy }) => {
      await proxy.behave({ refuse: true });
      proxy.drop('reset');
      await sleep(1_500);
      await proxy.behave({ refuse: false });
    },
  },
  'half-open for longer than claims last': {
    againMax: CONCURRENCY,
    during: async ({ proxy, workers }) => {
      await proxy.behave({ mute: 'both' });
      const [first] = workers;
      await until(() => first?.lines.some((line) => line.startsWith('trouble CRAWL_QUEUE')) === true, 'it says so');
      await proxy.behave({ mute: 'none' });
      proxy.drop('cut');
    },
  },
  'as slow as across an ocean': {
    againMax: 0,
    during: async ({ proxy }) => proxy.behave({ delayMs: 120 }),
  },
  'out of memory': {
    againMax: 0,
    during: async ({ redis, workers }) => {
      const client = new Redis(redis.url);
      await client.config('SET', 'maxmemory', '1');
      await until(
        () => workers.some(({ lines }) => lines.some((line) => /^trouble CRAWL_QUEUE_REFUSED.*OOM/.test(line))),
        'it is said',
      );
      await client.config('SET', 'maxmemory', '0');
      client.disconnect();
    },
  },
};

for (const [how, fault] of Object.entries(FAULTS)) {
  t.test(`Redis is ${how}: no feed is forgotten, no host asked too much`, (t) => withFault(t, fault));
}

/** One worker reaches Redis by way of the proxy, another directly. */
async function withFault(t: Test, { during, againMax }: Fault): Promise<void> {
  const redis = await redisServer(t);
  if ('skip' in redis) return skipLoudly(t, redis.skip);
  const mongodb = await mongodbStore(t);
  if ('skip' in mongodb) return skipLoudly(t, mongodb.skip);
  await using proxy = await startTcpProxy({ host: '127.0.0.1', port: redis.port });
  await using world = await publisher(13, { feeds: 4 * HOSTS, hosts: HOSTS });
  world.answerAfter(() => 250);
  await using store = await openStore(mongodb.url);
  const settings = workerSettings(mongodb.url, redis.url, { gapMs: GAP_MS, claimMs: 6_000, concurrency: CONCURRENCY });
  const behind = { ...settings, redis: `redis://${proxy.host}:${proxy.port}` };
  const workers = [await startWorker(t, behind), await startWorker(t, settings)];
  const ids = await addDue(store, world.urls);
  await until(() => world.log.length > HOSTS, 'a part is fetched');
  await during({ proxy, redis, world, workers });
  await untilStored(store, ids);
  t.same(complaints(world.log, { connections: 1, gapMs: GAP_MS }), []);
  const twice = notFetched(world.log, world.names, 1);
  t.ok(twice.length <= againMax, `fetched again: ${twice.join(' ')}`);
  t.same(await flaws(mongodb.url, ids, ENTRIES), []);
}
