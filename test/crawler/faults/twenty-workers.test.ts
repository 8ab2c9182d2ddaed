import t from 'tap';
import { openStore } from '../../../store/open.ts';
import { redisUrl } from '../../rig/redis.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { complaints, ENTRIES, notFetched, publisher } from './access-log.ts';
import { addDue, flaws, mongodbStore, untilStored } from './stored.ts';
import { startWorker, workerSettings } from './workers.ts';

const WORKERS = 20;
const GAP_MS = 250;
const HOSTS = 24;

t.test('twenty worker processes ask no host too much, no feed twice, and lose nothing', async (t) => {
  const redis = await redisUrl();
  if ('skip' in redis) return skipLoudly(t, redis.skip);
  const mongodb = await mongodbStore(t);
  if ('skip' in mongodb) return skipLoudly(t, mongodb.skip);
  await using world = await publisher(6, { feeds: 6 * HOSTS, hosts: HOSTS });
  // A few answer at once, most after a while, some after more than the gap.
  world.answerAfter(({ start }) => [0, 5, 30, 60, 400][Math.floor(start) % 5] ?? 0);
  await using store = await openStore(mongodb.url);
  // Twenty on two cores may keep one another from renewing for seconds.
  const settings = workerSettings(mongodb.url, redis.url, { gapMs: GAP_MS, claimMs: 40_000 });
  const workers = await Promise.all(Array.from({ length: WORKERS }, () => startWorker(t, settings)));
  const ids = await addDue(store, world.urls);
  await untilStored(store, ids);
  t.same(complaints(world.log, { connections: 1, gapMs: GAP_MS }), []);
  t.same(notFetched(world.log, world.names, 1), []);
  t.same(await flaws(mongodb.url, ids, ENTRIES), []);
  const agents = new Set(world.site.requests.map(({ headers }) => headers['user-agent']));
  t.ok(agents.size > WORKERS / 2, `${agents.size} of ${WORKERS} had work`);
  t.same(
    workers.flatMap(({ lines }) => lines.filter((line) => line !== 'ready')),
    [],
    'no trouble',
  );
});
