/**
 * A queue in Redis that any number of processes share. BullMQ's jobs are not feeds but *lanes* of hosts: a lane that is
 * locked by a worker is a request in flight, one that is delayed waits for the host's gap, and a lane whose worker died
 * is given to another by BullMQ's check for stalled jobs. Which feed is next stands in the host's line (host-lines.ts).
 * docs/queue.md says why.
 */
import { randomUUID } from 'node:crypto';
import { type Job as BullJob, Queue as BullQueue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { crawlerError } from '../errors.ts';
import { type HostLimits, hostOf } from '../host-budget.ts';
import { within } from '../within.ts';
import {
  type Claim,
  type ClaimAnswer,
  DRAIN_MS_MAX,
  type Drained,
  type Job,
  type Queue,
  type QueueCounts,
} from './contract.ts';
import { drainBy } from './drain.ts';
import { ADD_JOBS_MAX, type HeldLane, HostLines, type Lane, laneHost } from './host-lines.ts';
import { connectRedis, patiently } from './redis.ts';
import type { ServerClock } from './server-clock.ts';

/** About 500 bytes each in Redis. What does not fit stays due in the store. */
export const SHARED_QUEUE_MAX = 1_000_000;
/** A claim that its holder does not renew so long may go to another. */
export const CLAIM_MS = 15_000;
/** Renewals within CLAIM_MS. What none but the last of them could renew is given up, before anybody else may have it. */
const RENEWALS = 5;
/** For those who were connected to reach a server again that was restarted, beyond the time of a renewal. */
const RETURN_MS = 2_000;
/** In a server that came up empty: for the claims of the usual length to be told again. */
export const SETTLE_MS = settleMsOf(CLAIM_MS);
/** Looks for claims of dead workers within CLAIM_MS; it takes two to find one. */
const STALLED_CHECKS = 3;
/** Lanes that one claim looks at. */
const CLAIM_LANES_MAX = 20;
/** Other processes add feeds and end claims, without telling. */
const POLL_MS = 250;
const CLOSE_MS_MAX = 1_000;

const PRIORITY_URGENT = 1;
const PRIORITY = 2;

export interface BullmqQueueOptions {
  /** `redis://` or `rediss://`. */
  readonly url: string;
  /** The URL as it may be shown. */
  readonly shown: string;
  /** All that use the same queue give the same name; keys begin with it. */
  readonly name: string;
  readonly hosts: HostLimits;
  /** Default SHARED_QUEUE_MAX. */
  readonly jobsMax?: number | undefined;
  /** Default CLAIM_MS. */
  readonly claimMs?: number | undefined;
  /**
   * Nothing is claimed for so long after the server came up empty, so that those who had claims can say so first. Default:
   * the time of a renewal and RETURN_MS, and the gap at least.
   */
  readonly settleMs?: number | undefined;
  /** How long one call waits for a server that is away. Default REDIS_RETRY_MS_MAX. */
  readonly retryMsMax?: number | undefined;
}

interface Held {
  readonly lane: HeldLane;
  readonly job: BullJob;
  readonly lost: AbortController;
  /** By the monotonic clock: when the lock was last known to be ours, counted from before the question. */
  renewedAt: number;
}

interface Opened {
  readonly client: Redis;
  readonly lanes: BullQueue;
  readonly worker: Worker;
  readonly lines: HostLines;
}

/** A lane had nothing to claim now; its host is free in so many ms. */
interface Passed {
  readonly kind: 'passed';
  readonly ms: number;
}

export class BullmqQueue implements Queue {
  readonly pollMs = POLL_MS;
  readonly #options: BullmqQueueOptions;
  readonly #claimMs: number;
  readonly #id = randomUUID();
  #opened: Promise<Opened> | undefined;
  #clock: ServerClock | undefined;
  readonly #held = new Map<Claim, Held>();
  readonly #closing = new AbortController();
  #renewing: NodeJS.Timeout | undefined;
  #checking = false;
  #serial = 0;
  #waiting = 0;

  /** Connects at the first call. */
  constructor(options: BullmqQueueOptions) {
    this.#options = options;
    this.#claimMs = options.claimMs ?? CLAIM_MS;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get aheadMs(): number {
    return this.#clock?.aheadMs ?? 0;
  }

  async add(jobs: readonly Job[]): Promise<number> {
    let added = 0;
    for (let from = 0; from < jobs.length; from += ADD_JOBS_MAX) {
      const chunk = jobs.slice(from, from + ADD_JOBS_MAX);
      const more = from === 0 ? jobs.length - chunk.length : 0;
      added += await this.#ask((opened) => this.#add(opened, chunk, more));
    }
    return added;
  }

  async claim(): Promise<ClaimAnswer> {
    return this.#ask(async (opened) => {
      if (!this.#checking) {
        this.#checking = true;
        await opened.worker.startStalledCheckTimer();
      }
      let ms = 0;
      for (let looked = 0; looked < CLAIM_LANES_MAX; looked += 1) {
        const answer = await this.#claimLane(opened);
        if (answer.kind !== 'passed') return answer;
        ms = answer.ms;
      }
      return { kind: 'wait', ms: Math.min(ms, POLL_MS) };
    });
  }

  async goOn(claim: Claim, host: string): Promise<number> {
    const held = this.#held.get(claim);
    return held === undefined ? 0 : this.#ask(({ lines }) => lines.goOn(held.lane, host));
  }

  async done(claim: Claim): Promise<void> {
    await this.#end(claim, false);
  }

  async giveBack(claim: Claim): Promise<void> {
    await this.#end(claim, true);
  }

  async clear(): Promise<number> {
    const cleared = await this.#ask(({ lines }) => lines.clear());
    this.#waiting = 0;
    return cleared;
  }

  async counts(): Promise<QueueCounts> {
    const { waiting, claimed } = await this.#ask(({ lines }) => lines.look());
    this.#waiting = waiting;
    return { waiting, claimed };
  }

  async pausedBy(): Promise<string | null> {
    return (await this.#ask(({ lines }) => lines.look())).pausedBy;
  }

  pause(id: string): Promise<void> {
    return this.#ask(({ lines }) => lines.pause(id));
  }

  resume(id: string): Promise<boolean> {
    return this.#ask(({ lines }) => lines.resume(id));
  }

  drain(id: string, msMax = DRAIN_MS_MAX): Promise<Drained> {
    return drainBy(() => this.#ask(({ lines }) => lines.drain(id)), msMax);
  }

  /** Claims that are held still go to others when their time is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#renewing);
    const opened = await this.#opened?.catch(() => undefined);
    if (opened === undefined) return;
    const closed = Promise.allSettled([opened.worker.close(true), opened.lanes.close()]);
    await within(CLOSE_MS_MAX, closed);
    opened.client.disconnect();
  }

  async #add({ lanes, lines }: Opened, jobs: readonly Job[], more: number): Promise<number> {
    const { added, waiting, missing, urgent } = await lines.add(jobs, (job) => hostOf(job.url), more);
    if (added < 0) {
      const max = this.#options.jobsMax ?? SHARED_QUEUE_MAX;
      throw crawlerError('CRAWL_QUEUE_FULL', `The queue holds ${max} feeds`, { retryable: true });
    }
    this.#waiting = waiting;
    await makeLanes(lanes, missing, new Set(urgent));
    for (const lane of urgent) await unlessGone(lanes.getBackend().changePriority(lane, PRIORITY_URGENT));
    return added;
  }

  async #claimLane(opened: Opened): Promise<ClaimAnswer | Passed> {
    const { worker, lines } = opened;
    this.#serial += 1;
    const token = `${this.#id}/${this.#serial}`;
    const askedAt = performance.now();
    const job = await worker.getNextJob(token, { block: false });
    if (job?.id === undefined) return this.#nothingToClaim(opened);
    const lane = { id: job.id, token };
    const taken = await lines.take(lane);
    if (taken.kind === 'claimed') {
      this.#waiting = taken.waiting;
      const lost = new AbortController();
      const claim = { job: taken.job, host: laneHost(lane.id), more: taken.more, lost: lost.signal };
      this.#held.set(claim, { lane: { ...lane, since: taken.since }, job, lost, renewedAt: askedAt });
      this.#renewing ??= setInterval(() => void this.#renew(), this.#claimMs / RENEWALS).unref();
      return { kind: 'claimed', claim };
    }
    if (taken.kind === 'wait') await rest(job, token, taken.ms);
    if (taken.kind === 'empty') await finishLane(opened, job, lane);
    if (taken.kind === 'paused') {
      await rest(job, token, POLL_MS);
      return taken;
    }
    return { kind: 'passed', ms: taken.kind === 'wait' ? taken.ms : 0 };
  }

  /** Mends what a process left undone that died between two steps, or that has a wrong clock. */
  async #nothingToClaim({ lanes, lines }: Opened): Promise<ClaimAnswer | Passed> {
    const { waiting, ms, missing, late, pausedBy } = await lines.look();
    this.#waiting = waiting;
    if (pausedBy !== null) return { kind: 'paused', by: pausedBy };
    if (waiting === 0) return { kind: 'empty' };
    await makeLanes(lanes, missing);
    for (const lane of late) await unlessGone(lanes.getBackend().promote(lane));
    if (missing.length + late.length > 0) return { kind: 'passed', ms: 0 };
    return { kind: 'wait', ms: Math.min(ms ?? POLL_MS, POLL_MS) };
  }

  async #end(claim: Claim, back: boolean): Promise<void> {
    const held = this.#held.get(claim);
    if (held === undefined) return;
    const { lane, job } = held;
    await this.#ask(async (opened) => {
      const ended = await opened.lines.end(lane, claim.job.feed, back);
      if (ended.kind === 'lost') return;
      if (ended.left === 0) return finishLane(opened, job, lane);
      const priority = ended.urgent ? PRIORITY_URGENT : PRIORITY;
      if (job.priority !== priority) await unlessGone(job.changePriority({ priority }));
      await rest(job, lane.token, ended.gapMs);
    });
    this.#held.delete(claim);
  }

  /** Never throws: a claim that could not be renewed in time is given up. */
  async #renew(): Promise<void> {
    const held = [...this.#held.values()].filter(({ lost }) => !lost.signal.aborted);
    const now = performance.now();
    for (const one of held) {
      if (now - one.renewedAt > (this.#claimMs * (RENEWALS - 1.5)) / RENEWALS) one.lost.abort();
    }
    const mine = held.filter(({ lost }) => !lost.signal.aborted);
    if (mine.length === 0) return;
    try {
      const { worker, lines } = await this.#open();
      const ids = mine.map(({ lane }) => lane.id);
      const tokens = mine.map(({ lane }) => lane.token);
      const gone = new Set(await worker.extendJobLocks(ids, tokens, this.#claimMs));
      const forgotten = mine.filter(({ lane }) => gone.has(lane.id)).map(({ lane }) => lane);
      for (const lane of forgotten.length > 0 ? await lines.hold(forgotten) : []) gone.delete(lane);
      for (const one of mine) {
        if (!gone.has(one.lane.id)) one.renewedAt = now;
        else if ([...this.#held.values()].includes(one)) one.lost.abort();
      }
    } catch {
      // Tried again at the next turn, or given up then.
    }
  }

  async #ask<T>(operation: (opened: Opened) => Promise<T>): Promise<T> {
    const { shown, retryMsMax } = this.#options;
    return patiently(shown, { retryMsMax, signal: this.#closing.signal }, async () => operation(await this.#open()));
  }

  #open(): Promise<Opened> {
    this.#opened ??= this.#newlyOpened().catch((error) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #newlyOpened(): Promise<Opened> {
    const opened = await open(this.#options, this.#claimMs, () => void this.#renew());
    this.#clock = opened.lines.clock;
    return opened;
  }
}

/** `onReturn`: the connection was lost, and is there again. */
async function open(options: BullmqQueueOptions, claimMs: number, onReturn: () => void): Promise<Opened> {
  const { url, name, hosts, jobsMax } = options;
  const client = await connectRedis(url);
  // One hash tag, so that a cluster keeps all keys of the queue together.
  const prefix = `{${name}}`;
  const shared = { connection: client, prefix, skipVersionCheck: true };
  const lanes = new BullQueue('lanes', {
    ...shared,
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    streams: { events: { maxLen: 0 } },
  });
  const worker = new Worker('lanes', null, {
    ...shared,
    autorun: false,
    lockDuration: claimMs,
    stalledInterval: Math.ceil(claimMs / STALLED_CHECKS),
    // It is never the lane's fault.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
  });
  // Every call that fails says so itself.
  lanes.on('error', () => {});
  worker.on('error', () => {});
  const keys = { base: `${prefix}:`, lanes: lanes.toKey(''), delayed: lanes.toKey('delayed') };
  const settleMs = options.settleMs ?? Math.max(settleMsOf(claimMs), hosts.gapMs);
  const lines = new HostLines(client, keys, { ...hosts, jobsMax: jobsMax ?? SHARED_QUEUE_MAX, claimMs, settleMs });
  await lines.greet(await runOf(client));
  client.on('ready', () => {
    // Should it fail, then the connection did.
    runOf(client)
      .then((run) => lines.greet(run))
      .then(onReturn)
      .catch(() => {});
  });
  return { client, lanes, worker, lines };
}

function settleMsOf(claimMs: number): number {
  return claimMs / RENEWALS + RETURN_MS;
}

/** Another one after each start of the server. */
async function runOf(client: Redis): Promise<string> {
  return /^run_id:(\w+)/m.exec(await client.info('server'))?.[1] ?? 'unknown';
}

async function makeLanes(lanes: BullQueue, ids: readonly string[], urgent?: ReadonlySet<string>): Promise<void> {
  if (ids.length === 0) return;
  const priority = (id: string): number => (urgent?.has(id) ? PRIORITY_URGENT : PRIORITY);
  await lanes.addBulk(ids.map((jobId) => ({ name: 'host', data: {}, opts: { jobId, priority: priority(jobId) } })));
}

/** The host's line is empty. Whoever adds a feed just now has seen the lane, and made none. */
async function finishLane({ lanes, lines }: Opened, job: BullJob, lane: Lane): Promise<void> {
  await unlessGone(job.moveToCompleted(null, lane.token, false));
  const { missing } = await lines.look(lane.id);
  await makeLanes(lanes, missing);
}

/** A lane is delayed by our clock, for BullMQ asks ours; if it is wrong, `look` finds the lane. */
async function rest(job: BullJob, token: string, ms: number): Promise<void> {
  await unlessGone(job.moveToDelayed(Date.now() + ms, token));
}

/** BullMQ's codes for a job that is gone, or in other hands: whoever has it does what is to be done. */
async function unlessGone(operation: Promise<unknown>): Promise<void> {
  try {
    await operation;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && typeof error.code === 'number')) throw error;
  }
}
