/** What holds of a pause for crawlers that are no longer themselves: stopped in the middle, and woken up later. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { listProcesses } from '../../crawler/pause/processes.ts';
import { openStore } from '../../store/open.ts';
import { mongodbUrl } from '../rig/mongodb.ts';
import { redisUrl } from '../rig/redis.ts';
import { skipLoudly } from '../rig/skip.ts';
import { until } from '../rig/until.ts';
import type { Started } from './cli-process.ts';
import { type Scene, scene, written } from './paused-scene.ts';

/** Longer than the time in which crawlers must have seen that something changed. */
const SEEN_MS = 1_500;

async function mongodbStore(t: Test, base: string): Promise<string> {
  const name = `feedferry-pause-${randomUUID().slice(0, 8)}`;
  t.teardown(async () => {
    const { MongoClient } = await import('mongodb');
    await using client = new MongoClient(base);
    await client.db(name).dropDatabase();
  });
  return `${base}/${name}`;
}

/** A process that was stopped in the middle of its work wakes up in a world that is paused. */
async function zombie(
  t: Test,
  { cli, site, store, open }: Scene,
  queue: readonly string[],
  others: number,
): Promise<void> {
  const crawl = ['crawl', '--store', store, '--host-gap', '0', '--concurrency', '3', ...queue];
  const stopped = cli.start(crawl);
  await stopped.until(/Crawling until stopped/);
  await using opened = await openStore(store);
  await until(() => site.requests.length === 4, 'it has three fetches in flight');
  await until(async () => (await written(store)).tried === 1, 'and one is stored');
  await until(async () => (await listProcesses(opened.control)).length === 1, 'and it has shown itself');
  const awake: Started[] = [];
  for (let i = 0; i < others; i += 1) awake.push(cli.start(crawl));
  await until(() => site.requests.length === 4 + 3 * others, 'the others, too');
  // Its articles are read and on their way when it stops, or its answers are; whichever, they come out of the past.
  stopped.child.kill('SIGSTOP');
  open();
  const pause = await cli.run(['crawlers', 'pause', '--wait', '--json', '--store', store, ...queue]);
  t.equal(pause.code, 0, pause.stderr);
  const { proof } = JSON.parse(pause.stdout);
  const fenced = proof.fenced.map(({ database, owner }: { database: string; owner: string }) => `${database} ${owner}`);
  t.same(
    fenced.toSorted(),
    ['articles crawler: crawl', 'feeds crawler: crawl'],
    'the writers of the one that was stopped',
  );
  const answers = proof.waited.processes.map(({ pid, answer }: { pid: number; answer: string }) => [pid, answer]);
  t.same(
    answers.toSorted(),
    [[stopped.child.pid, 'silent'], ...awake.map(({ child }) => [child.pid, 'stopped'])].toSorted(),
    'whom it waited for',
  );
  t.equal(
    proof.slots.some(({ owner }: { owner: string }) => owner.includes('crawler')),
    false,
  );
  if (queue.length > 0) t.match(proof.queue, { claimed: 0 }, 'nothing in the queue is in flight');
  const before = await written(store);

  stopped.child.kill('SIGCONT');
  await stopped.until(/The crawlers are paused/);
  await until(async () => {
    const processes = await listProcesses(opened.control);
    return processes.every(({ state, inFlight }) => state === 'paused' && inFlight === 0);
  }, 'it has seen the pause, and ended what it had');
  await sleep(SEEN_MS);
  t.same(await written(store), before, 'nothing of the zombie was written');
  const asked = site.requests.length;

  t.match(await cli.run(['crawlers', 'resume', '--wait', '--store', store, ...queue]), { code: 0 });
  await until(async () => (await written(store)).tried === site.feeds.size, 'every feed is fetched');
  const after = await written(store);
  t.equal(after.articles, 3 * site.feeds.size, 'every article is there once');
  t.ok(site.requests.length <= asked + site.feeds.size, 'and nobody was asked in between');
  for (const { child, ended } of [stopped, ...awake]) {
    child.kill('SIGTERM');
    t.equal((await ended).code, 0);
  }
}

t.test('a crawler that was stopped with fetches in flight writes nothing when it wakes up (SQLite)', async (t) => {
  await zombie(t, await scene(t, undefined, 5), [], 0);
});

t.test('the same with two crawlers on MongoDB that share a queue in Redis, which is drained', async (t) => {
  const mongodb = await mongodbUrl();
  if ('skip' in mongodb) return skipLoudly(t, mongodb.skip);
  const redis = await redisUrl();
  if ('skip' in redis) return skipLoudly(t, redis.skip);
  await zombie(t, await scene(t, await mongodbStore(t, mongodb.url), 9), ['--queue', redis.url], 1);
});
