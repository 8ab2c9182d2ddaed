import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { openStore } from '../../../store/open.ts';
import { seededRandom, testSeed } from '../../contract/random.ts';
import { redisUrl } from '../../rig/redis.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { until } from '../../rig/until.ts';
import { feedSite, type SiteFeed } from '../feed-site.ts';
import { complaints, ENTRIES, publisher } from './access-log.ts';
import { addDue, flaws, mongodbStore, untilStored } from './stored.ts';
import { CLAIM_MS, startWorker, type Worker, workerSettings } from './workers.ts';

const GAP_MS = 150;
const HOSTS = 20;
const CONCURRENCY = 4;
const KILLS = 5;

t.test(
  'workers are killed in mid-fetch and in mid-store: no host is asked too much, nothing lost or doubled',
  async (t) => {
    const redis = await redisUrl();
    if ('skip' in redis) return skipLoudly(t, redis.skip);
    const mongodb = await mongodbStore(t);
    if ('skip' in mongodb) return skipLoudly(t, mongodb.skip);
    const seed = testSeed();
    t.comment(`seed ${seed} (FEEDFERRY_TEST_SEED)`);
    const random = seededRandom(seed);
    await using world = await publisher(11, { feeds: 5 * HOSTS, hosts: HOSTS });
    await using store = await openStore(mongodb.url);
    const claimMs = 2 * CLAIM_MS;
    const settings = workerSettings(mongodb.url, redis.url, { gapMs: GAP_MS, claimMs, concurrency: CONCURRENCY });
    const workers = new Map<number, Worker>();
    const start = async (): Promise<void> => {
      const worker = await startWorker(t, settings);
      workers.set(worker.child.pid ?? 0, worker);
    };
    const killed: Promise<void>[] = [];
    const kill = (pid: number): void => {
      const worker = workers.get(pid);
      if (worker === undefined || killed.length >= KILLS) return;
      workers.delete(pid);
      killed.push(worker.kill().then(start));
    };
    // Each time another while after it was asked, in the middle of the answer, or soon after it was sent.
    let toKill = 6;
    world.answerAfter(({ response }) => {
      toKill -= 1;
      if (toKill > 0) return 30;
      toKill = 5 + random.below(10);
      const pid = Number(/Worker\/(\d+)/.exec(String(response.req.headers['user-agent']))?.[1]);
      if (random.chance(0.4)) setTimeout(() => kill(pid), random.below(30));
      else response.once('finish', () => setTimeout(() => kill(pid), random.below(12)));
      return 30;
    });
    for (let i = 0; i < 3; i += 1) await start();
    const ids = await addDue(store, world.urls);
    await untilStored(store, ids);
    await Promise.all(killed);
    t.ok(killed.length > 1, `${killed.length} were killed`);
    t.same(complaints(world.log, { connections: 1, gapMs: GAP_MS }), []);
    const again = world.log.length - world.names.length;
    t.ok(again <= killed.length * CONCURRENCY, `${again} fetches were made again`);
    t.same(await flaws(mongodb.url, ids, ENTRIES), []);
  },
);

t.test('a worker that is stopped for longer than its claim lasts wakes up and harms nothing', async (t) => {
  const redis = await redisUrl();
  if ('skip' in redis) return skipLoudly(t, redis.skip);
  const mongodb = await mongodbStore(t);
  if ('skip' in mongodb) return skipLoudly(t, mongodb.skip);
  const version = (title: string): string =>
    `<rss version="2.0"><channel><title>x</title><item><guid>a</guid><title>${title}</title></item></channel></rss>`;
  let asked = 0;
  let late: (() => void) | undefined;
  const feed: SiteFeed = {
    entries: [],
    answer: (response) => {
      asked += 1;
      const title = `version ${asked}`;
      response.setHeader('etag', `"${asked}"`);
      const send = () => response.end(version(title));
      if (asked === 1) late = send;
      else send();
    },
  };
  const after: SiteFeed = { entries: [{ guid: 'z' }], etag: '"z"' };
  await using site = await feedSite({ feed, after });
  await using store = await openStore(mongodb.url);
  const settings = workerSettings(mongodb.url, redis.url, { gapMs: GAP_MS });
  const zombie = await startWorker(t, settings);
  const [id = ''] = await addDue(store, [site.at('127.0.12.1', '/feed')]);
  await until(() => late !== undefined, 'the first worker waits for its answer');
  zombie.child.kill('SIGSTOP');
  const other = await startWorker(t, settings);
  await untilStored(store, [id]);
  await other.stop();
  const record = await store.feeds.get(id);
  t.equal(record?.content.etag, '"2"', 'the second worker took the feed over');
  // In the pipe when it wakes up.
  late?.();
  await sleep(CLAIM_MS / 10);
  zombie.child.kill('SIGCONT');
  await untilStored(store, await addDue(store, [site.at('127.0.12.2', '/after')]));
  t.same((await store.feeds.get(id))?.content, record?.content, 'its record is as the second worker left it');
  const titles = (await store.articles.scan({ prefix: `${id}.`, limit: 10 })).map(({ content }) => content.title);
  t.same(titles, ['version 2']);
  t.equal(asked, 2);
});
