import type { Clock } from '../../store/contract.ts';
import { crawlerError } from '../errors.ts';
import { HostBudget, type HostLimits, hostOf } from '../host-budget.ts';
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
import { Heap } from './heap.ts';

/** About 30 MB. What does not fit stays due in the store. */
export const LOCAL_QUEUE_MAX = 100_000;

/** Who waits for a host on the way asks again after at most so long. */
const GO_ON_MS = 250;

export interface LocalQueueOptions {
  readonly clock: Clock;
  readonly hosts: HostLimits;
  /** Default LOCAL_QUEUE_MAX. */
  readonly jobsMax?: number;
}

/** The jobs of one host, in the order of claiming. */
interface Line {
  readonly host: string;
  urgent: Job[];
  jobs: Job[];
  /** Jobs before this index are gone. */
  head: number;
  /** Is it in the heap? Then it has a turn coming. */
  queued: boolean;
}

interface Turn {
  readonly line: Line;
  readonly at: number;
  readonly order: number;
}

/**
 * A queue in the memory of one process. Each host is a line of jobs; a heap holds the lines by the time at which their
 * host may be asked again, so that a claim never looks at a host that must wait.
 */
export class LocalQueue implements Queue {
  readonly pollMs = null;
  readonly #clock: Clock;
  readonly #budget: HostBudget;
  readonly #gapMs: number;
  readonly #jobsMax: number;
  readonly #lines = new Map<string, Line>();
  readonly #turns = new Heap<Turn>((a, b) => (a.at === b.at ? a.order < b.order : a.at < b.at));
  readonly #urgent = new Set<Line>();
  /** Claims that redirects have led on: the host that each is at now; null: it waits for one. */
  readonly #places = new Map<Claim, string | null>();
  /** Host -> claims that wait for it on their way. */
  readonly #expected = new Map<string, Set<Claim>>();
  /** Feed -> where it is. */
  readonly #feeds = new Map<string, 'waiting' | 'claimed'>();
  #waiting = 0;
  #order = 0;
  #pausedBy: string | null = null;

  constructor(options: LocalQueueOptions) {
    this.#clock = options.clock;
    this.#budget = new HostBudget(options.hosts);
    this.#gapMs = options.hosts.gapMs;
    this.#jobsMax = options.jobsMax ?? LOCAL_QUEUE_MAX;
  }

  get waiting(): number {
    return this.#waiting;
  }

  async add(jobs: readonly Job[]): Promise<number> {
    const fresh = jobs.filter((job) => !this.#feeds.has(job.feed));
    if (this.#feeds.size + fresh.length > this.#jobsMax) {
      throw crawlerError('CRAWL_QUEUE_FULL', `The queue holds ${this.#jobsMax} feeds`, { retryable: true });
    }
    let added = 0;
    for (const job of jobs) {
      const where = this.#feeds.get(job.feed);
      if (where === undefined) {
        this.#put(job);
        added += 1;
      } else if (where === 'waiting' && job.urgent) {
        this.#hurry(job);
      }
    }
    return added;
  }

  async claim(): Promise<ClaimAnswer> {
    if (this.#pausedBy !== null) return { kind: 'paused', by: this.#pausedBy };
    if (this.#waiting === 0) return { kind: 'empty' };
    const now = this.#clock();
    const line = this.#urgentLine(now) ?? this.#nextLine(now);
    if (line === undefined) {
      const next = this.#turns.peek();
      return { kind: 'wait', ms: next === undefined ? null : Math.min(Math.max(0, next.at - now), this.#gapMs) };
    }
    const job = this.#shift(line);
    this.#feeds.set(job.feed, 'claimed');
    this.#waiting -= 1;
    this.#budget.start(line.host, now);
    this.#giveTurn(line, now);
    return {
      kind: 'claimed',
      claim: { job, host: line.host, more: line.urgent.length + line.jobs.length > line.head },
    };
  }

  async goOn(claim: Claim, host: string): Promise<number> {
    const now = this.#clock();
    this.#leave(claim, now);
    const ms = this.#budget.waitMs(host, now);
    if (ms > 0) {
      const expected = this.#expected.get(host) ?? new Set();
      this.#expected.set(host, expected.add(claim));
      return Math.min(ms, GO_ON_MS);
    }
    this.#forget(claim);
    this.#budget.start(host, now);
    this.#places.set(claim, host);
    return 0;
  }

  async done(claim: Claim): Promise<void> {
    this.#end(claim);
  }

  async giveBack(claim: Claim): Promise<void> {
    this.#end(claim);
    this.#put(claim.job);
  }

  async clear(): Promise<number> {
    const cleared = this.#waiting;
    for (const [feed, where] of this.#feeds) {
      if (where === 'waiting') this.#feeds.delete(feed);
    }
    this.#lines.clear();
    this.#urgent.clear();
    this.#turns.clear();
    this.#waiting = 0;
    return cleared;
  }

  async counts(): Promise<QueueCounts> {
    return { waiting: this.#waiting, claimed: this.#feeds.size - this.#waiting };
  }

  async pause(id: string): Promise<void> {
    this.#pausedBy = id;
  }

  async pausedBy(): Promise<string | null> {
    return this.#pausedBy;
  }

  async resume(id: string): Promise<boolean> {
    if (this.#pausedBy !== id) return false;
    this.#pausedBy = null;
    return true;
  }

  drain(id: string, msMax = DRAIN_MS_MAX): Promise<Drained> {
    return drainBy(async () => {
      await this.pause(id);
      return { ...(await this.counts()), pausedBy: id, reclaimed: 0 };
    }, msMax);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clear();
  }

  #put(job: Job): void {
    const host = hostOf(job.url);
    let line = this.#lines.get(host);
    if (line === undefined) {
      line = { host, urgent: [], jobs: [], head: 0, queued: false };
      this.#lines.set(host, line);
    }
    if (job.urgent) {
      line.urgent.push(job);
      this.#urgent.add(line);
    } else {
      line.jobs.push(job);
    }
    this.#feeds.set(job.feed, 'waiting');
    this.#waiting += 1;
    this.#giveTurn(line, this.#clock());
  }

  #hurry(job: Job): void {
    const line = this.#lines.get(hostOf(job.url));
    const at = line?.jobs.findIndex((waiting, i) => i >= (line?.head ?? 0) && waiting.feed === job.feed) ?? -1;
    if (line === undefined || at < 0) return;
    line.jobs.splice(at, 1);
    line.urgent.push(job);
    this.#urgent.add(line);
  }

  #end(claim: Claim): void {
    const now = this.#clock();
    this.#leave(claim, now);
    this.#places.delete(claim);
    this.#forget(claim);
    this.#feeds.delete(claim.job.feed);
    this.#turnAt(claim.host, now);
  }

  /** Its request at this place has ended. */
  #leave(claim: Claim, now: number): void {
    const place = this.#places.get(claim);
    if (place === null) return;
    const host = place ?? claim.host;
    this.#places.set(claim, null);
    this.#budget.end(host, now);
    this.#turnAt(host, now);
  }

  /** It waits for no host on its way any more. */
  #forget(claim: Claim): void {
    for (const [host, expected] of this.#expected) {
      if (!expected.delete(claim) || expected.size > 0) continue;
      this.#expected.delete(host);
      this.#turnAt(host, this.#clock());
    }
  }

  #turnAt(host: string, now: number): void {
    const line = this.#lines.get(host);
    if (line !== undefined) this.#giveTurn(line, now);
  }

  /** Those who wait on their way to a host come before those in its line. */
  #waitMs(host: string, now: number): number {
    return this.#expected.has(host) ? Number.POSITIVE_INFINITY : this.#budget.waitMs(host, now);
  }

  /** Puts a line that has jobs, and whose host has a place, into the heap; forgets one that has none. */
  #giveTurn(line: Line, now: number): void {
    if (line.queued) return;
    if (line.urgent.length === 0 && line.head === line.jobs.length) {
      this.#lines.delete(line.host);
      return;
    }
    const wait = this.#waitMs(line.host, now);
    if (wait === Number.POSITIVE_INFINITY) return;
    line.queued = true;
    this.#order += 1;
    this.#turns.push({ line, at: now + wait, order: this.#order });
  }

  #nextLine(now: number): Line | undefined {
    for (;;) {
      const turn = this.#turns.peek();
      // A turn further away than a gap: the clock was set back.
      if (turn === undefined || (turn.at > now && turn.at <= now + this.#gapMs)) return undefined;
      this.#turns.pop();
      turn.line.queued = false;
      const empty = turn.line.urgent.length === 0 && turn.line.head === turn.line.jobs.length;
      if (!empty && this.#waitMs(turn.line.host, now) === 0) return turn.line;
      this.#giveTurn(turn.line, now);
    }
  }

  /** Few at a time: somebody sits before a screen for each. Its turn in the heap finds nothing later, which is fine. */
  #urgentLine(now: number): Line | undefined {
    for (const line of this.#urgent) {
      if (this.#waitMs(line.host, now) === 0) return line;
    }
    return undefined;
  }

  #shift(line: Line): Job {
    const urgent = line.urgent.shift();
    if (urgent !== undefined) {
      if (line.urgent.length === 0) this.#urgent.delete(line);
      return urgent;
    }
    const job = line.jobs[line.head];
    if (job === undefined) throw crawlerError('CRAWL_INTERNAL', `The line of ${line.host} is empty`);
    line.head += 1;
    if (line.head === line.jobs.length || line.head > 1_000) {
      line.jobs = line.jobs.slice(line.head);
      line.head = 0;
    }
    return job;
  }
}
