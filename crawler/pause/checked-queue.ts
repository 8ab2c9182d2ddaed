import type { Claim, ClaimAnswer, Drained, Job, Queue, QueueCounts } from '../queue/contract.ts';
import type { PauseWatch } from './watch.ts';

/** Whoever is told to wait is started again when the pause ends. */
const WAIT: ClaimAnswer = { kind: 'wait', ms: null };

/** A queue that gives nothing out while the crawlers are paused, whatever it holds. Closing it closes nothing. */
export class CheckedQueue implements Queue {
  readonly #queue: Queue;
  readonly #watch: PauseWatch;

  constructor(queue: Queue, watch: PauseWatch) {
    this.#queue = queue;
    this.#watch = watch;
  }

  get pollMs(): number | null {
    return this.#queue.pollMs;
  }

  get waiting(): number {
    return this.#queue.waiting;
  }

  /** Throws what the queue throws, and StoreTrouble where nobody can tell whether the crawlers are paused. */
  async claim(): Promise<ClaimAnswer> {
    if (!(await this.#watch.mayClaim())) return WAIT;
    const answer = await this.#queue.claim();
    if (answer.kind === 'paused') return await this.#left(answer.by);
    if (answer.kind !== 'claimed') return answer;
    let isKept = false;
    try {
      // A claim can take its time, where the queue is on another machine.
      isKept = await this.#watch.mayClaim();
    } finally {
      if (!isKept) await this.#queue.giveBack(answer.claim);
    }
    return isKept ? answer : WAIT;
  }

  /** The note is put before the queue is paused: where there is none, the queue was not reached when it was resumed. */
  async #left(by: string): Promise<ClaimAnswer> {
    await this.#watch.lookAfresh();
    if (this.#watch.pause !== null) return WAIT;
    await this.#queue.resume(by);
    return { kind: 'wait', ms: 0 };
  }

  add(jobs: readonly Job[]): Promise<number> {
    return this.#queue.add(jobs);
  }

  goOn(claim: Claim, host: string): Promise<number> {
    return this.#queue.goOn(claim, host);
  }

  done(claim: Claim): Promise<void> {
    return this.#queue.done(claim);
  }

  giveBack(claim: Claim): Promise<void> {
    return this.#queue.giveBack(claim);
  }

  clear(): Promise<number> {
    return this.#queue.clear();
  }

  counts(): Promise<QueueCounts> {
    return this.#queue.counts();
  }

  pausedBy(): Promise<string | null> {
    return this.#queue.pausedBy();
  }

  pause(id: string): Promise<void> {
    return this.#queue.pause(id);
  }

  resume(id: string): Promise<boolean> {
    return this.#queue.resume(id);
  }

  drain(id: string, msMax?: number): Promise<Drained> {
    return this.#queue.drain(id, msMax);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
