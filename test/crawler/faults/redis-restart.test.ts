import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { openStore } from '../../../store/open.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { until } from '../../rig/until.ts';
import { complaints, ENTRIES, notFetched, publisher } from './access-log.ts';
import { redisServer } from './redis-server.ts';
import { addDue, flaws, mongodbStore, untilStored } from './stored.ts';
import { startWorker, workerSettings } from './workers.ts';

const GAP_MS = 200;
const HOSTS = 12;
/** Longer than Redis is away, and than anybody's patience with a claim in these tests. */
const SLOW_MS = 4_000;

const REDIS: Readonly<Record<string, readonly string[]>> = {
  'and comes back empty': ['--appendonly', 'no'],
  'and comes back with what it wrote to disk': ['--appendonly', 'yes', '--appendfsync', 'everysec'],
};

for (const [how, args] of Object.entries(REDIS)) {
  t.test(`Redis is killed with fetches in flight ${how}: none is forgotten, no host asked too much`, (t) =>
    restarted(t, args),
  );
}

async function restarted(t: Test, args: readonly string[]): Promise<void> {
  const redis = await redisServer(t, args);
  if ('skip' in redis) return skipLoudly(t, redis.skip);
  const mongodb = await mongodbStore(t);
  if ('skip' in mongodb) return skipLoudly(t, mongodb.skip);
  await using world = await publisher(7, { feeds: 5 * HOSTS, hosts: HOSTS });
  // The last feed of each host is slow, so that it is still in flight when Redis comes back.
  world.answerAfter(({ feed }) => (Number(feed.slice(5)) >= 4 * HOSTS ? SLOW_MS : 30));
  await using store = await openStore(mongodb.url);
  const settings = workerSettings(mongodb.url, redis.url, { gapMs: GAP_MS, claimMs: 10_000, concurrency: 6 });
  const workers = [await startWorker(t, settings), await startWorker(t, settings), await startWorker(t, settings)];
  // The slow ones first.
  const slow = await addDue(store, world.urls.slice(4 * HOSTS));
  await until(() => world.inFlight() >= HOSTS, 'every host has a request in flight');
  const rest = await addDue(store, world.urls.slice(0, 4 * HOSTS));
  await redis.kill();
  await sleep(500);
  await redis.start();
  await startWorker(t, settings);
  const ids = [...rest, ...slow];
  await untilStored(store, ids);
  t.same(complaints(world.log, { connections: 1, gapMs: GAP_MS }), []);
  t.same(notFetched(world.log, world.names, 1), []);
  t.same(await flaws(mongodb.url, ids, ENTRIES), []);
  t.notOk(
    workers.some(({ lines }) => lines.some((line) => line.startsWith('trouble STORE_'))),
    'what was in flight was stored all the same',
  );
}
