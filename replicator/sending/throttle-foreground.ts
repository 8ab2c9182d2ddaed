import type { Between } from '../../store/contract.ts';
import type { Foreground, ProcessorTime } from '../foreground.ts';

/** The thread that serves readers is looked at so often. */
const LOOK_MS = 100;
/** One that was at work for less of that time serves nobody. */
const SERVING_SHARE = 0.01;
/** It waits for a processor too long where that is more than this share of its work, and more than this. */
const WAIT_SHARE = 0.05;
const WAIT_MS_MIN = 0.2;
/** Of its time a backfill works at least so much, however long readers wait for whatever reason. */
const WORK_SHARE_MIN = 1 / 8;
/** Added at each look while readers are served and do not wait: a wait that it brings about must stay a rare thing. */
const RECOVERY = 0.005;
/** Times so much while nobody is served. */
const RECOVERY_ALONE = 2;
/** Of a batch. */
const BESIDE_READERS_DOCS = 100;
/** No single rest is longer, so that a change is seen soon. */
const REST_MS_MAX = 250;

/**
 * Makes a backfill give way to readers: while the thread that serves them has to wait for a processor, it works only a
 * part of the time, and rests in between. Where that thread waits is where readers wait, while reading itself takes as long as ever.
 */
export class GiveWay {
  readonly #foreground: Foreground | undefined;
  /** It begins with the least: readers may be there, and where nobody is it takes three looks. */
  #share = WORK_SHARE_MIN;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #served: ProcessorTime | undefined;
  #workedMs = 0;

  constructor(foreground: Foreground | undefined) {
    this.#foreground = foreground;
  }

  /** Whether readers hold it back now. */
  get isHeldBack(): boolean {
    return this.#share < 1;
  }

  /** Between two documents of a backfill: while requests are under way, and this thread can see them, it does nothing. */
  get between(): Between | undefined {
    return this.#foreground?.aside?.now;
  }

  /**
   * Documents of a batch, of so many at most: fewer where readers are, as nothing can stand aside while the transaction of
   * a batch is committed, and commits were half of the time of a backfill.
   */
  batchDocs(docsMax: number): number {
    return this.#foreground?.aside?.isBeside ? Math.min(docsMax, BESIDE_READERS_DOCS) : docsMax;
  }

  /** To be rested now, for what was done since it was asked last. `now`: of `Runtime.elapsed`. */
  restMs(now: number): number {
    if (this.#foreground === undefined) return 0;
    this.#foreground.aside?.now();
    this.#look(this.#foreground, now);
    const workedMs = this.#foreground.workedMs();
    const sinceMs = workedMs - this.#workedMs;
    this.#workedMs = workedMs;
    return Math.min(REST_MS_MAX, sinceMs * (1 / this.#share - 1));
  }

  #look({ served }: Foreground, now: number): void {
    const ms = now - this.#lookedAt;
    if (ms < LOOK_MS) return;
    const before = this.#served;
    this.#served = served();
    this.#lookedAt = now;
    if (this.#served === undefined) this.#share = 1;
    if (before === undefined || this.#served === undefined) return;
    const ranMs = this.#served.ranMs - before.ranMs;
    const waitedMs = this.#served.waitedMs - before.waitedMs;
    if (ranMs < ms * SERVING_SHARE) this.#share = Math.min(1, this.#share * RECOVERY_ALONE);
    else if (waitedMs > Math.max(WAIT_MS_MIN, ranMs * WAIT_SHARE))
      this.#share = Math.max(WORK_SHARE_MIN, this.#share / 2);
    else this.#share = Math.min(1, this.#share + RECOVERY);
  }
}
