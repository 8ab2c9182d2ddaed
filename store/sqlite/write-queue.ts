import type { Durability } from '../contract.ts';
import { asStoreError, isBusy } from './failures.ts';
import { locked, PAUSE_MS_MAX, PAUSE_MS_MIN, type Patience, withJitter } from './waiting.ts';

/** One transaction takes no more jobs once it has held the event loop for this long; of bulk jobs, for longer. */
const GROUP_MS_MAX = 20;
const BULK_GROUP_MS_MAX = 40;

export interface JobOptions {
  readonly durability: Durability;
  /** One of many that load a lot: its transaction may take longer. */
  readonly bulk?: boolean;
}

interface Job {
  readonly durability: Durability;
  readonly groupMsMax: number;
  readonly since: number;
  readonly run: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Runs `work` in one write transaction of that durability, or throws with nothing changed. */
type Transact = (durability: Durability, work: () => void) => void;

/**
 * Group commit: what is asked for in one turn of the event loop shares a transaction, and a sync where one is wanted.
 * Under load that halves the writing; when idle it costs nothing. A job that fails takes no other with it: the group is
 * rolled back, and each runs alone.
 */
export class WriteQueue {
  readonly #transact: Transact;
  readonly #patience: Patience;
  #jobs: Job[] = [];
  #timer: NodeJS.Immediate | NodeJS.Timeout | undefined;
  #pauseMs = PAUSE_MS_MIN;

  constructor(patience: Patience, transact: Transact) {
    this.#patience = patience;
    this.#transact = transact;
  }

  add<T>({ durability, bulk = false }: JobOptions, run: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const groupMsMax = bulk ? BULK_GROUP_MS_MAX : GROUP_MS_MAX;
    const since = performance.now();
    this.#jobs.push({ durability, groupMsMax, since, run, resolve: resolve as Job['resolve'], reject });
    this.#timer ??= setImmediate(() => this.#drain());
    return promise;
  }

  /** One attempt at what waits; the rest is refused. */
  end(error: () => Error): void {
    this.#drain();
    clearTimeout(this.#timer as NodeJS.Timeout);
    for (const job of this.#jobs.splice(0)) job.reject(error());
  }

  #drain(): void {
    clearImmediate(this.#timer as NodeJS.Immediate);
    this.#timer = undefined;
    const isFree = this.#commit(this.#jobs);
    this.#pauseMs = isFree ? PAUSE_MS_MIN : Math.min(this.#pauseMs * 2, PAUSE_MS_MAX);
    if (this.#jobs.length === 0) return;
    const again = () => this.#drain();
    this.#timer = isFree ? setImmediate(again) : setTimeout(again, withJitter(this.#pauseMs));
  }

  /** Commits the first of these jobs, as many as fit. Returns false where another process holds the lock. */
  #commit(jobs: readonly Job[]): boolean {
    const first = jobs[0];
    if (!first) return true;
    const done: { job: Job; value: unknown }[] = [];
    let tried = 0;
    try {
      const durability = jobs.some((job) => job.durability === 'sync') ? 'sync' : 'lazy';
      this.#transact(durability, () => {
        const started = performance.now();
        for (const job of jobs) {
          tried += 1;
          done.push({ job, value: job.run() });
          if (performance.now() - started >= job.groupMsMax) break;
        }
      });
    } catch (error) {
      if (isBusy(error)) return this.#giveUpOnTheLate(error);
      if (tried > 1) return jobs.slice(0, tried).every((job) => this.#commit([job]));
      this.#remove([first]);
      first.reject(asStoreError(error, this.#patience.path));
      return true;
    }
    this.#remove(done.map(({ job }) => job));
    for (const { job, value } of done) job.resolve(value);
    return true;
  }

  #giveUpOnTheLate(error: unknown): false {
    const now = performance.now();
    const late = this.#jobs.filter((job) => now - job.since >= this.#patience.waitMsMax);
    this.#remove(late);
    for (const job of late) job.reject(locked(this.#patience.path, now - job.since, error));
    return false;
  }

  #remove(jobs: readonly Job[]): void {
    const gone = new Set(jobs);
    this.#jobs = this.#jobs.filter((job) => !gone.has(job));
  }
}
