/** How far the clock of a queue's server is ahead of this process's: those who share a queue go by one clock. */

/** Below, clocks agree: what the network takes is not told from it. */
const AGREE_MS = 5_000;
/** An answer that took longer tells too little. */
const ANSWER_MS_MAX = 1_000;

export class ServerClock {
  #aheadMs = 0;

  /** 0 where the clocks agree, or nothing is known yet. */
  get aheadMs(): number {
    return Math.abs(this.#aheadMs) < AGREE_MS ? 0 : this.#aheadMs;
  }

  /** `askedAt`: by the monotonic clock. `serverMs`: since 1970, as the answer says. */
  note(askedAt: number, serverMs: number): void {
    if (performance.now() - askedAt < ANSWER_MS_MAX) this.#aheadMs = serverMs - Date.now();
  }
}
