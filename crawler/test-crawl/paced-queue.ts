import type { ClaimAnswer } from '../queue/contract.ts';
import { LocalQueue, type LocalQueueOptions } from '../queue/local.ts';

/** How far the rate may be caught up with after a wait: timers come late, and a feed may keep the event loop busy. */
export const CATCH_UP_MS = 50;

export interface PacedQueueOptions extends LocalQueueOptions {
  /** Feeds given out a second, at most. */
  readonly perSecond: number;
  /** ms, of a clock that never jumps. */
  readonly now: () => number;
}

/**
 * Gives out no more than so many feeds a second. It is held back here and not before the fetch, so that a host's gap is
 * counted from when its request really starts.
 */
export class PacedQueue extends LocalQueue {
  readonly #everyMs: number;
  readonly #now: () => number;
  #nextAt: number;

  constructor(options: PacedQueueOptions) {
    super(options);
    this.#everyMs = 1_000 / options.perSecond;
    this.#now = options.now;
    this.#nextAt = options.now();
  }

  override async claim(): Promise<ClaimAnswer> {
    const at = this.#now();
    if (this.#nextAt > at && this.waiting > 0) return { kind: 'wait', ms: Math.ceil(this.#nextAt - at) };
    const answer = await super.claim();
    if (answer.kind === 'claimed') this.#nextAt = Math.max(this.#nextAt, at - CATCH_UP_MS) + this.#everyMs;
    return answer;
  }
}
