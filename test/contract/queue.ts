/** What every crawl queue promises (crawler/queue/contract.ts), as tests that both engines run. */
import type { Test } from 'tap';
import type { HostLimits } from '../../crawler/host-budget.ts';
import type { Claim, Job, Queue } from '../../crawler/queue/contract.ts';
import { seededRandom, testSeed } from './random.ts';

export interface QueueEngine {
  /** A new, empty queue. */
  make(t: Test, options: { readonly hosts: HostLimits; readonly jobsMax?: number }): MadeQueue;
  /** A gap between two starts that this engine's tests can wait for, in ms. */
  readonly gapMs: number;
  /** Jobs of the property tests. */
  readonly jobs: number;
}

export interface MadeQueue {
  /** The queue as so many processes have it; all the same one where only one process can. */
  readonly clients: readonly [Queue, Queue, Queue];
  /** By the clock that the queue goes by, as well as it can be told. */
  now(): number;
  /** Lets so much time go by. */
  pass(ms: number): Promise<void>;
}

const STEPS_MAX = 100_000;

export function jobs(...urls: string[]): Job[] {
  return urls.map((url, i) => ({ feed: url, url: `http://${url}`, nextAt: 1_000 + i, urgent: false }));
}

export async function claimed(queue: Queue): Promise<Claim> {
  const answer = await queue.claim();
  if (answer.kind !== 'claimed') throw new Error(`not claimed: ${JSON.stringify(answer)}`);
  return answer.claim;
}

export function queueContract(t: Test, engine: QueueEngine): void {
  const hosts = { connections: 1, gapMs: engine.gapMs };

  t.test('a feed is in the queue once, waiting or claimed', async (t) => {
    const [one, two] = engine.make(t, { hosts }).clients;
    t.equal(await one.add(jobs('a/1', 'a/1', 'b/1')), 2);
    const first = await claimed(two);
    t.equal(await two.add(jobs('a/1', 'b/1')), 0);
    t.same(await one.counts(), { waiting: 1, claimed: 1 });
    await two.done(first);
    t.equal(await one.add(jobs('a/1')), 1, 'and again when it is done');
    t.equal(one.waiting, 2);
  });

  t.test('a host that is being asked, or was just now, holds up no other', async (t) => {
    const made = engine.make(t, { hosts });
    const { clients, pass } = made;
    const [one, two] = clients;
    await one.add(jobs('a/1', 'a/2', 'b/1'));
    const a = await claimed(one);
    t.equal(a.job.feed, 'a/1');
    t.equal(a.host, 'a');
    t.equal(a.more, true, 'more of its feeds wait');
    const b = await claimed(two);
    t.equal(b.job.feed, 'b/1', 'the other host');
    t.equal(b.more, false);
    waits(t, await two.claim(), two, 'until the first has ended');
    await pass(3 * engine.gapMs);
    waits(t, await two.claim(), two, 'one at a time, however long it takes');
    const before = made.now();
    await one.done(a);
    const next = await afterGap(t, two, made, { from: before, gapMs: engine.gapMs });
    t.equal(next.job.feed, 'a/2', 'and the gap counts from its end');
  });

  t.test('between two starts at a host lies the gap', async (t) => {
    const made = engine.make(t, { hosts });
    const [one, two] = made.clients;
    await one.add(jobs('a/1', 'a/2'));
    const before = made.now();
    await one.done(await claimed(one));
    const second = await afterGap(t, two, made, { from: before, gapMs: engine.gapMs });
    t.equal(second.job.feed, 'a/2');
    t.same(await one.claim(), { kind: 'empty' });
  });

  t.test('ports are the same host, addresses are not', async (t) => {
    const [queue] = engine.make(t, { hosts }).clients;
    await queue.add(jobs('127.0.3.7:8088/a', '127.0.3.7:8089/b', '127.0.3.8:8088/c', '[::1]:80/d', '[::1]:81/e'));
    const found = [await claimed(queue), await claimed(queue), await claimed(queue)];
    t.same(found.map(({ host }) => host).toSorted(), ['127.0.3.7', '127.0.3.8', '[::1]']);
    waits(t, await queue.claim(), queue);
  });

  t.test('with several places at a host, so many are claimed, a gap apart', async (t) => {
    const made = engine.make(t, { hosts: { connections: 2, gapMs: engine.gapMs } });
    const { clients, pass } = made;
    const [one, two, three] = clients;
    await one.add(jobs('a/1', 'a/2', 'a/3'));
    const before = made.now();
    await claimed(one);
    const second = await afterGap(t, two, made, { from: before, gapMs: engine.gapMs });
    await pass(2 * engine.gapMs);
    waits(t, await three.claim(), three, 'both places are taken');
    await two.done(second);
    t.equal((await firstOf(three, pass)).job.feed, 'a/3');
  });

  t.test('a feed that a reader waits for comes first, also where it waited already', async (t) => {
    const [one, two] = engine.make(t, { hosts }).clients;
    await one.add(jobs('a/1', 'b/1', 'b/2', 'c/1'));
    t.equal(await two.add([{ feed: 'b/2', url: 'http://b/2', nextAt: 9, urgent: true }]), 0);
    const first = await claimed(one);
    t.equal(first.job.feed, 'b/2');
    t.equal(first.job.urgent, true);
    t.equal((await claimed(one)).job.feed, 'a/1');
    await one.add([{ feed: 'd/1', url: 'http://d/1', nextAt: 9, urgent: true }]);
    t.equal((await claimed(two)).job.feed, 'd/1');
    t.equal((await claimed(two)).job.urgent, false);
  });

  t.test('a reader who waits for a host in its gap comes first when it is over', async (t) => {
    const { clients, pass } = engine.make(t, { hosts });
    const [one, two] = clients;
    await one.add(jobs('a/1', 'a/2', 'a/3'));
    const first = await claimed(one);
    await two.add([{ feed: 'a/3', url: 'http://a/3', nextAt: 9, urgent: true }]);
    await one.done(first);
    t.equal((await firstOf(two, pass)).job.feed, 'a/3');
  });

  t.test('what is given back waits again, as urgent as before, and forced as before', async (t) => {
    const { clients, pass } = engine.make(t, { hosts });
    const [one, two] = clients;
    await one.add([{ feed: 'a/1', url: 'http://a/1', nextAt: 1, urgent: true, force: true }]);
    await one.giveBack(await claimed(one));
    t.same(await two.counts(), { waiting: 1, claimed: 0 });
    t.match((await firstOf(two, pass)).job, { feed: 'a/1', urgent: true, force: true });
  });

  t.test('a full queue takes nothing, and says so', async (t) => {
    const [one, two] = engine.make(t, { hosts: { connections: 1, gapMs: 0 }, jobsMax: 2 }).clients;
    await one.add(jobs('a/1', 'b/1'));
    await t.rejects(two.add(jobs('c/1')), { code: 'CRAWL_QUEUE_FULL', retryable: true });
    t.equal(await two.add(jobs('a/1', 'b/1')), 0, 'what it has already takes no room');
    t.equal(await two.clear(), 2);
    t.equal(await one.add(jobs('c/1')), 1);
  });

  t.test('of more jobs than fit, none is taken, however many they are', async (t) => {
    const [queue] = engine.make(t, { hosts, jobsMax: 2_000 }).clients;
    const many = jobs(...Array.from({ length: 2_500 }, (_, i) => `h${i % 90}/${i}`));
    await t.rejects(queue.add(many), { code: 'CRAWL_QUEUE_FULL' });
    t.same(await queue.counts(), { waiting: 0, claimed: 0 });
    t.equal(await queue.add(many.slice(0, 2_000)), 2_000);
    t.equal(await queue.clear(), 2_000);
  });

  t.test('clearing takes what waits and leaves what is claimed', async (t) => {
    const { clients, pass } = engine.make(t, { hosts });
    const [one, two] = clients;
    await one.add(jobs('a/1', 'a/2', 'b/1'));
    const first = await claimed(one);
    t.equal(await two.clear(), 2);
    t.same(await one.counts(), { waiting: 0, claimed: 1 });
    t.same(await two.claim(), { kind: 'empty' });
    t.equal(await two.add(jobs('a/1')), 0, 'it is claimed');
    await one.done(first);
    t.equal(await two.add(jobs('a/1', 'a/2')), 2);
    t.match((await firstOf(one, pass)).job.feed, /^a\//);
  });

  t.test('a queue that is paused gives nothing out to anybody, takes jobs, and lets claims end', async (t) => {
    const { clients, pass } = engine.make(t, { hosts });
    const [one, two, three] = clients;
    await one.add(jobs('a/1', 'a/2', 'b/1'));
    const first = await claimed(one);
    t.equal(await two.pausedBy(), null);
    await two.pause('p1');
    t.same([await one.claim(), await two.claim(), await three.claim()], Array(3).fill({ kind: 'paused', by: 'p1' }));
    t.equal(await three.pausedBy(), 'p1');
    t.equal(await three.add(jobs('c/1')), 1);
    await one.giveBack(first);
    t.same(await two.counts(), { waiting: 4, claimed: 0 });
    await pass(2 * engine.gapMs);
    t.match(await two.claim(), { kind: 'paused' }, 'however long');
    t.equal(await one.resume('another'), false, 'the pause of somebody else');
    t.match(await one.claim(), { kind: 'paused' });
    t.equal(await three.resume('p1'), true);
    t.equal(await three.resume('p1'), false, 'once more');
    const found = [await firstOf(one, pass), await firstOf(two, pass), await firstOf(three, pass)];
    t.same(found.map(({ host }) => host).toSorted(), ['a', 'b', 'c']);
  });

  t.test('paused twice, the last id counts', async (t) => {
    const [one, two] = engine.make(t, { hosts }).clients;
    await one.add(jobs('a/1'));
    await one.pause('p1');
    await two.pause('p2');
    t.equal(await one.resume('p1'), false);
    t.match(await one.claim(), { kind: 'paused', by: 'p2' });
    t.equal(await one.resume('p2'), true);
    t.equal((await claimed(two)).job.feed, 'a/1');
  });

  t.test('a drain ends when nothing is in flight, and proves it', async (t) => {
    const { clients, pass } = engine.make(t, { hosts });
    const [one, two, three] = clients;
    await one.add(jobs('a/1', 'b/1', 'b/2'));
    const claims = [await claimed(one), await claimed(two)];
    const drained = three.drain('p1');
    let isDrained = false;
    void drained.then(() => {
      isDrained = true;
    });
    await pass(engine.gapMs);
    const [first, second] = claims;
    if (first !== undefined) await one.done(first);
    await new Promise((resolve) => setTimeout(resolve, 150));
    t.equal(isDrained, false, 'one is in flight still');
    if (second !== undefined) await two.giveBack(second);
    t.same(await drained, { pausedBy: 'p1', claimed: 0, waiting: 2, reclaimed: 0 });
    t.match(await one.claim(), { kind: 'paused', by: 'p1' });
    t.match(await two.drain('p1'), { claimed: 0, waiting: 2 }, 'again: at once');
  });

  t.test('a drain that takes too long says so, and the queue stays paused', async (t) => {
    const [one, two] = engine.make(t, { hosts }).clients;
    await one.add(jobs('a/1'));
    const claim = await claimed(one);
    await t.rejects(two.drain('p1', 20), { code: 'CRAWL_QUEUE_BUSY', retryable: true });
    t.equal(await one.pausedBy(), 'p1');
    await one.done(claim);
    t.match(await two.drain('p1'), { claimed: 0 });
  });

  t.test('with any order of events, every job comes once and every host keeps its budget', async (t) => {
    const seed = testSeed();
    t.comment(`seed ${seed} (FEEDFERRY_TEST_SEED)`);
    const { gapMs } = engine;
    for (const limits of [
      { connections: 1, gapMs },
      { connections: 3, gapMs: Math.ceil(gapMs / 10) },
      { connections: 2, gapMs: 0 },
    ]) {
      await anyOrder(t, engine, limits, seed);
    }
  });

  t.test('with many at it at once, no feed and no host is claimed twice', async (t) => {
    const made = engine.make(t, { hosts: { connections: 1, gapMs: Math.ceil(engine.gapMs / 10) } });
    const all = Array.from({ length: engine.jobs }, (_, i) => `h${i % 17}/${i}`);
    const watch = new Watch(t, { connections: 1, gapMs: Math.ceil(engine.gapMs / 10) });
    const added = await Promise.all(made.clients.map((client) => client.add(jobs(...all))));
    t.equal(
      added.reduce((sum, count) => sum + count, 0),
      all.length,
    );
    const drain = async (client: Queue): Promise<void> => {
      for (;;) {
        const calledAt = made.now();
        const answer = await client.claim();
        if (answer.kind === 'empty') return;
        if (answer.kind !== 'claimed') {
          await made.pass(answer.kind === 'wait' ? (answer.ms ?? 1) : 1);
          continue;
        }
        watch.claimed(answer.claim, calledAt, made.now());
        watch.ended(answer.claim, true);
        await client.done(answer.claim);
      }
    };
    await Promise.all([...made.clients, ...made.clients].map(drain));
    t.same(watch.finished.toSorted(), all.toSorted());
    t.same(await made.clients[0].counts(), { waiting: 0, claimed: 0 });
  });
}

async function anyOrder(t: Test, engine: QueueEngine, limits: HostLimits, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const { clients, now, pass } = engine.make(t, { hosts: limits });
  const all = Array.from({ length: engine.jobs }, (_, i) => `h${random.below(20)}/${i}`);
  const watch = new Watch(t, limits);
  const open: { claim: Claim; client: Queue }[] = [];
  let given = 0;
  for (let steps = 0; watch.finished.length < all.length; steps += 1) {
    if (steps > STEPS_MAX) throw new Error('stuck');
    const client = random.pick(clients);
    if (given < all.length && random.chance(0.3)) {
      // Some of them once more: they are there already.
      const from = Math.max(0, given - random.below(5));
      const to = given + random.below(40);
      const some = jobs(...all.slice(from, to)).filter(({ feed }) => !watch.finished.includes(feed));
      await client.add(some.map((job) => ({ ...job, urgent: random.chance(0.1) })));
      given = Math.min(to, all.length);
    }
    const calledAt = now();
    const answer = await client.claim();
    if (answer.kind === 'claimed') {
      watch.claimed(answer.claim, calledAt, now());
      open.push({ claim: answer.claim, client });
    } else if (open.length > 0 && random.chance(0.5)) {
      const [ended] = open.splice(random.below(open.length), 1);
      if (ended === undefined) continue;
      const isDone = random.chance(0.9);
      watch.ended(ended.claim, isDone);
      await (isDone ? ended.client.done(ended.claim) : ended.client.giveBack(ended.claim));
    } else {
      // In small steps: it is often one of the claims above that is waited for.
      await pass(answer.kind === 'wait' ? Math.min(answer.ms ?? 1, engine.gapMs / 4) : 1);
    }
  }
  t.same(watch.finished.toSorted(), all.toSorted());
  t.same(await clients[0].counts(), { waiting: 0, claimed: 0 });
}

/** What publishers would see: how many at once, how long after the last. */
class Watch {
  readonly finished: string[] = [];
  readonly #t: Test;
  readonly #limits: HostLimits;
  readonly #inFlight = new Map<string, Set<string>>();
  readonly #lastStart = new Map<string, number>();

  constructor(t: Test, limits: HostLimits) {
    this.#t = t;
    this.#limits = limits;
  }

  /** The start lies somewhere between the call and its return. A millisecond goes to rounding. */
  claimed({ host, job }: Claim, calledAt: number, returnedAt: number): void {
    const gap = returnedAt - (this.#lastStart.get(host) ?? Number.NEGATIVE_INFINITY);
    if (gap + 1 < this.#limits.gapMs) this.#t.fail(`${host} was started ${gap} ms after the last`);
    this.#lastStart.set(host, calledAt);
    const inFlight = this.#inFlight.get(host) ?? new Set();
    if (inFlight.has(job.feed)) this.#t.fail(`${job.feed} is claimed twice`);
    this.#inFlight.set(host, inFlight.add(job.feed));
    if (inFlight.size > this.#limits.connections) this.#t.fail(`${host} has ${inFlight.size} in flight`);
  }

  ended({ host, job }: Claim, isDone: boolean): void {
    this.#inFlight.get(host)?.delete(job.feed);
    if (isDone) this.finished.push(job.feed);
  }
}

/** The answer of a queue whose hosts are all busy: not before a claim ends, or, where others may end it, soon again. */
function waits(t: Test, answer: unknown, { pollMs }: Queue, message = 'all hosts are busy'): void {
  t.match(answer, { kind: 'wait' }, message);
  const { ms } = answer as { ms: number | null };
  t.ok(pollMs === null ? ms === null : ms !== null && ms <= pollMs, `in ${ms} ms`);
}

/** The next claim, which must not come before the gap since `from` is over; whoever asks earlier is told how long to wait. */
async function afterGap(
  t: Test,
  queue: Queue,
  { now, pass }: MadeQueue,
  { from, gapMs }: { readonly from: number; readonly gapMs: number },
): Promise<Claim> {
  let next: Claim | undefined;
  const answer = await queue.claim();
  if (answer.kind === 'claimed') next = answer.claim;
  else t.match(answer, { kind: 'wait' });
  if (answer.kind === 'wait') t.ok(answer.ms !== null && answer.ms > 0 && answer.ms <= gapMs, `${answer.ms} ms`);
  // On a busy machine the gap may be over before anybody could ask.
  next ??= await firstOf(queue, pass);
  t.ok(now() - from >= gapMs, `${now() - from} ms later`);
  return next;
}

/** The next claim, as soon as there is one. */
export async function firstOf(queue: Queue, pass: (ms: number) => Promise<void>): Promise<Claim> {
  for (let tries = 0; tries < 20_000; tries += 1) {
    const answer = await queue.claim();
    if (answer.kind === 'claimed') return answer.claim;
    await pass(answer.kind === 'wait' && answer.ms !== null ? answer.ms : 1);
  }
  throw new Error('nothing was ever claimed');
}
