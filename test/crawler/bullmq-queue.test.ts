import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { BullmqQueue, type BullmqQueueOptions } from '../../crawler/queue/bullmq.ts';
import type { Claim, Queue } from '../../crawler/queue/contract.ts';
import { claimed, firstOf, jobs, type QueueEngine, queueContract } from '../contract/queue.ts';
import { queueOnTheWay } from '../contract/queue-on-the-way.ts';
import { redisUrl } from '../rig/redis.ts';
import { skipLoudly } from '../rig/skip.ts';
import { startTcpProxy } from '../rig/tcp-proxy.ts';
import { until } from '../rig/until.ts';

const HOSTS = { connections: 1, gapMs: 10 };
/** Short, so that nobody waits long for a dead worker; long enough for a busy machine to renew in. */
const CLAIM_MS = 1_500;
/** The lock, two checks for stalled jobs, and a busy machine. */
const TAKEOVER_MS_MAX = 20 * CLAIM_MS;

const server = await redisUrl();
if ('skip' in server) {
  t.test('the queue in Redis', async (t) => skipLoudly(t, server.skip));
} else {
  tests(server.url);
}

function tests(url: string): void {
  t.test('the queue in Redis keeps the queue contract', async (t) => {
    queueContract(t, engine(url));
    queueOnTheWay(t, engine(url));
  });

  t.test('what a killed worker had goes to another, and its host with it', async (t) => {
    const { queue, name } = open(t, url);
    await queue.add(jobs('a/1', 'a/2'));
    const worker = await startWorker(t, url, name);
    t.equal(await worker.line(), 'a/1');
    await sleep(CLAIM_MS * 1.5);
    t.equal((await queue.claim()).kind, 'wait', 'it renews its claim, so nobody gets anything of this host');
    worker.child.kill('SIGKILL');
    const killedAt = performance.now();
    const first = await firstOf(queue, sleep);
    t.ok(performance.now() - killedAt < TAKEOVER_MS_MAX, `after ${Math.round(performance.now() - killedAt)} ms`);
    t.equal(first.job.feed, 'a/1');
    t.equal((await queue.claim()).kind, 'wait', 'one at a time even then');
    await queue.done(first);
    await queue.done(await firstOf(queue, sleep));
    t.same(await queue.claim(), { kind: 'empty' });
    t.same(await queue.counts(), { waiting: 0, claimed: 0 });
  });

  t.test('a drain takes back what a stopped worker had, who can end nothing when it wakes up', async (t) => {
    const { queue, name } = open(t, url);
    await queue.add(jobs('a/1', 'a/2'));
    const worker = await startWorker(t, url, name);
    t.equal(await worker.line(), 'a/1');
    worker.child.kill('SIGSTOP');
    t.same(await queue.drain('p1'), { pausedBy: 'p1', claimed: 0, waiting: 2, reclaimed: 1 });
    worker.child.kill('SIGCONT');
    t.equal(await worker.line(), 'lost');
    t.equal(await worker.line(), 'ended');
    t.same(await queue.counts(), { waiting: 2, claimed: 0 }, 'it waits still');
    t.match(await queue.claim(), { kind: 'paused' });
    t.equal(await queue.resume('p1'), true);
    await queue.done(await firstOf(queue, sleep));
    await queue.done(await firstOf(queue, sleep));
    t.same(await queue.counts(), { waiting: 0, claimed: 0 });
  });

  t.test('a worker that was stopped so long that another has its feed is told, and can end nothing', async (t) => {
    const { queue, name } = open(t, url);
    await queue.add(jobs('a/1'));
    const worker = await startWorker(t, url, name);
    t.equal(await worker.line(), 'a/1');
    worker.child.kill('SIGSTOP');
    const mine = await firstOf(queue, sleep);
    t.equal(mine.job.feed, 'a/1');
    worker.child.kill('SIGCONT');
    t.equal(await worker.line(), 'lost');
    t.equal(await worker.line(), 'ended');
    t.same(await queue.counts(), { waiting: 0, claimed: 1 });
    t.equal(mine.lost?.aborted, false);
    await queue.done(mine);
    t.same(await queue.counts(), { waiting: 0, claimed: 0 });
  });

  t.test('after Redis came back empty the queue is empty, and works', async (t) => {
    const { proxy, queue, name } = await openProxied(t, url);
    await queue.add(jobs('a/1', 'b/1'));
    const before = await claimed(queue);
    await forget(url, name);
    proxy.drop('reset');
    t.same(await queue.claim(), { kind: 'empty' });
    t.equal(await queue.add(jobs('a/1', 'c/1')), 2);
    await queue.done(before);
    t.same(await queue.counts(), { waiting: 2, claimed: 0 }, 'an end from before harms nothing');
    await queue.done(await firstOf(queue, sleep));
    await queue.done(await firstOf(queue, sleep));
    t.same(await queue.claim(), { kind: 'empty' });
  });

  t.test('after Redis forgot all, who has a claim keeps it, and others wait until that is known', async (t) => {
    const name = `test-${randomUUID()}`;
    const one = open(t, url, { name }).queue;
    const two = open(t, url, { name, settleMs: undefined }).queue;
    await one.add(jobs('a/1', 'b/1'));
    const kept = await claimed(one);
    await forget(url, name);
    await two.add(jobs('a/1', 'a/2', 'b/1'));
    t.match(await two.claim(), { kind: 'wait' }, 'nobody gets anything just now');
    const other = await firstOf(two, sleep);
    t.equal(other.job.feed, 'b/1', 'the host of the claim is left out');
    t.same(await two.counts(), { waiting: 2, claimed: 2 });
    await sleep(CLAIM_MS * 1.5);
    t.equal((await two.claim()).kind, 'wait', 'it is renewed');
    t.equal(kept.lost?.aborted, false);
    await one.done(kept);
    t.same(await two.counts(), { waiting: 2, claimed: 1 });
    t.equal(
      (await firstOf(two, sleep)).job.feed,
      'a/1',
      'and waits in the queue once more: its record says it is done',
    );
  });

  t.test(
    'nor does a redirect lead to a host where a request is in flight of which Redis lost its memory',
    async (t) => {
      const name = `test-${randomUUID()}`;
      const [one, two] = [open(t, url, { name }).queue, open(t, url, { name }).queue];
      await one.add(jobs('a/1', 'b/1'));
      const kept = await claimed(one);
      await forget(url, name);
      await until(async () => (await two.counts()).claimed === 1, 'it was said that a request is in flight');
      await two.add(jobs('b/1'));
      const led = await firstOf(two, sleep);
      t.ok((await two.goOn(led, 'a')) > 0, 'it waits');
      await one.done(kept);
      await until(async () => (await two.goOn(led, 'a')) === 0, 'it may go there');
      await two.done(led);
    },
  );

  t.test('a claim that could not be renewed is given up', async (t) => {
    // Longer than a busy machine lets a timer wait.
    const claimMs = 4 * CLAIM_MS;
    const { proxy, queue } = await openProxied(t, url, { claimMs });
    await queue.add(jobs('c/1'));
    const alone = await claimed(queue);
    await proxy.behave({ mute: 'both' });
    const from = performance.now();
    await aborted(alone);
    t.ok(performance.now() - from < claimMs, 'before anybody else may have it');
    await proxy.behave({ mute: 'none' });
    proxy.drop('reset');
  });

  t.test('while Redis is away, calls wait a bounded time, say so, and go on later', async (t) => {
    const { proxy, queue } = await openProxied(t, url, { retryMsMax: 300 });
    await queue.add(jobs('a/1', 'b/1'));
    const first = await claimed(queue);
    await proxy.behave({ refuse: true });
    proxy.drop('reset');
    for (const call of [
      () => queue.claim(),
      () => queue.add(jobs('c/1')),
      () => queue.counts(),
      () => queue.done(first),
    ]) {
      const from = performance.now();
      await t.rejects(async () => void (await call()), { code: 'CRAWL_QUEUE_UNREACHABLE', retryable: true });
      t.ok(performance.now() - from < 15_000);
    }
    await proxy.behave({ refuse: false });
    await queue.done(first).catch(() => queue.done(first));
    t.same(await queue.counts(), { waiting: 1, claimed: 0 });
    await queue.done(await firstOf(queue, sleep));
  });

  t.test('a short absence is waited out', async (t) => {
    const { proxy, queue } = await openProxied(t, url);
    await queue.add(jobs('a/1'));
    await proxy.behave({ refuse: true });
    proxy.drop('cut');
    const answer = queue.claim();
    await sleep(500);
    await proxy.behave({ refuse: false });
    t.match(await answer, { kind: 'claimed' });
  });

  t.test('a server that is not there at the beginning may come later', async (t) => {
    const { proxy, queue } = await openProxied(t, url, { retryMsMax: 200 });
    await proxy.behave({ refuse: true });
    await t.rejects(queue.claim(), { code: 'CRAWL_QUEUE_UNREACHABLE' });
    await proxy.behave({ refuse: false });
    t.same(await queue.claim(), { kind: 'empty' });
  });

  t.test('a server that takes connections and never answers is given up', async (t) => {
    const { proxy, queue } = await openProxied(t, url, { retryMsMax: 100 });
    await queue.add(jobs('a/1'));
    await proxy.behave({ mute: 'both' });
    const from = performance.now();
    await t.rejects(queue.claim(), { code: 'CRAWL_QUEUE_UNREACHABLE' });
    t.ok(performance.now() - from < 15_000);
  });

  t.test('a wrong password is refused at once, and shown nowhere', async (t) => {
    const { host } = new URL(url);
    const { queue } = open(t, `redis://somebody:secret@${host}`, { shown: `redis://***@${host}` });
    const error = (await queue.claim().catch((error) => error)) as Error & { code: string };
    t.equal(error.code, 'CRAWL_QUEUE_REFUSED');
    t.notMatch(JSON.stringify(error) + error.message, /secret/);
  });

  t.test('what a process left undone between two steps is mended', async (t) => {
    const { queue, name } = open(t, url);
    const redis = client(t, url);
    await queue.add(jobs('a/1', 'b/1'));
    // Added to its line, but no lane made; a lane delayed by a clock that is an hour ahead.
    const lanes = `{${name}}:lanes:`;
    await redis.del(`${lanes}a/0`);
    await redis.zrem(`${lanes}prioritized`, 'a/0', 'b/0');
    await redis.zadd(`${lanes}delayed`, (Date.now() + 3_600_000) * 4_096, 'b/0');
    const found = [await firstOf(queue, sleep), await firstOf(queue, sleep)];
    t.same(found.map(({ job }) => job.feed).toSorted(), ['a/1', 'b/1']);
  });

  t.test('a gap that a server with a changed clock would keep for an hour is over', async (t) => {
    const { queue, name } = open(t, url);
    await queue.add(jobs('a/1'));
    await client(t, url).set(`{${name}}:gap:a`, '', 'PX', 3_600_000);
    t.equal((await firstOf(queue, sleep)).job.feed, 'a/1');
  });

  t.test('queues of different names share nothing', async (t) => {
    const one = open(t, url).queue;
    const two = open(t, url).queue;
    await one.add(jobs('a/1'));
    t.same(await two.claim(), { kind: 'empty' });
  });

  t.test('a queue that ran empty leaves nothing of its feeds and hosts behind', async (t) => {
    const { queue, name } = open(t, url);
    await queue.add(jobs(...Array.from({ length: 50 }, (_, i) => `h${i % 7}/${i}`)));
    for (let left = 50; left > 0; left -= 1) await queue.done(await firstOf(queue, sleep));
    await sleep(HOSTS.gapMs * 2);
    const keys = await client(t, url).keys(`{${name}}:*`);
    t.notOk(
      keys.some((key) => /h\d/.test(key)),
      keys.join(' '),
    );
    t.notOk(
      keys.some((key) => /:(jobs|claims|taken|hosts)$/.test(key)),
      keys.join(' '),
    );
  });
}

function engine(url: string): QueueEngine {
  return {
    gapMs: 40,
    jobs: 100,
    make(t, options) {
      const name = `test-${randomUUID()}`;
      const one = () => open(t, url, { ...options, name, claimMs: 10_000 }).queue;
      return { clients: [one(), one(), one()], now: () => performance.now(), pass: (ms) => sleep(ms) };
    },
  };
}

function open(
  t: Test,
  url: string,
  options: Partial<BullmqQueueOptions> = {},
): { readonly queue: Queue; readonly name: string } {
  const name = options.name ?? `test-${randomUUID()}`;
  const queue = new BullmqQueue({ url, shown: url, hosts: HOSTS, claimMs: CLAIM_MS, settleMs: 0, ...options, name });
  t.teardown(async () => {
    await queue[Symbol.asyncDispose]();
    await forget(url, name).catch(() => {});
  });
  return { queue, name };
}

async function openProxied(t: Test, url: string, options: Partial<BullmqQueueOptions> = {}) {
  const { hostname, port } = new URL(url);
  const proxy = await startTcpProxy({ host: hostname, port: Number(port || 6_379) });
  const opened = open(t, `redis://${proxy.host}:${proxy.port}`, options);
  t.teardown(() => proxy[Symbol.asyncDispose]());
  t.teardown(() => forget(url, opened.name));
  return { proxy, ...opened };
}

async function aborted({ lost }: Claim): Promise<void> {
  if (lost === undefined) throw new Error("this claim can't be lost");
  while (!lost.aborted) await sleep(10);
}

function client(t: Test, url: string): Redis {
  const redis = new Redis(url);
  t.teardown(() => redis.disconnect());
  return redis;
}

/** As a restart without a file would: the keys of this queue, and all scripts. */
async function forget(url: string, name: string): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1, retryStrategy: () => null });
  redis.on('error', () => {});
  try {
    const keys = await redis.keys(`{${name}}:*`);
    if (keys.length > 0) await redis.del(keys);
    await redis.script('FLUSH');
  } finally {
    redis.disconnect();
  }
}

async function startWorker(
  t: Test,
  url: string,
  name: string,
): Promise<{ child: ChildProcess; line(): Promise<string> }> {
  const script = join(import.meta.dirname, 'queue-child.ts');
  const child = spawn(process.execPath, [script, url, name, String(CLAIM_MS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, line: async () => (await lines.next()).value ?? 'ended without a line' };
}
