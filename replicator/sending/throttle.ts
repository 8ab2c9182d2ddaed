/** A bucket holds what may be spent in this time. */
const BURST_MS = 200;

/** Samples of fewer documents tell more about fixed costs than about load. */
const SAMPLE_DOCS_MIN = 20;
/** So many times its usual time, and at least so much longer: overloaded. */
const OVERLOAD_FACTOR = 4;
const OVERLOAD_MS_MIN = 100;
/** Of the newest sample in the smoothed time. */
const SMOOTHING = 0.2;
/** The usual time follows what is shorter soon, and what is longer slowly, as documents grow and machines change. */
const SHORTER = 0.2;
const LONGER = 1.005;
/** After slowing down it waits for the effect. */
const REACTION_MS = 500;
const PAUSE_MS_MIN = 10;
const PAUSE_MS_MAX = 1000;
/** A pause is at most so many times what it protects: the work never stands still. */
const PAUSE_FACTOR: Readonly<Record<Throttle, number>> = { nothing: 0, source: 4, destination: 1 };
/** Batches at a time, added for each batch that went well. */
const RECOVERY = 0.1;

/** At most so many units a second, in bursts of `BURST_MS`. A batch that is larger runs into debt, and the next waits. */
export class TokenBucket {
  #perSecond: number | null;
  #tokens: number;
  #at: number;

  /** `now`: of `Runtime.elapsed`, as everywhere here. */
  constructor(perSecond: number | null, now: number) {
    this.#perSecond = perSecond;
    this.#tokens = burstOf(perSecond);
    this.#at = now;
  }

  setRate(perSecond: number | null, now: number): void {
    this.#fill(now);
    if (this.#perSecond === null) this.#tokens = burstOf(perSecond);
    this.#perSecond = perSecond;
    this.#fill(now);
  }

  spend(amount: number, now: number): void {
    if (this.#perSecond === null) return;
    this.#fill(now);
    this.#tokens -= amount;
  }

  /** Until something may be spent again, in ms. */
  waitMs(now: number): number {
    if (this.#perSecond === null) return 0;
    this.#fill(now);
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#perSecond) * 1000;
  }

  #fill(now: number): void {
    const seconds = Math.max(0, now - this.#at) / 1000;
    this.#at = now;
    if (this.#perSecond === null) return;
    this.#tokens = Math.min(burstOf(this.#perSecond), this.#tokens + seconds * this.#perSecond);
  }
}

function burstOf(perSecond: number | null): number {
  return perSecond === null ? 0 : (perSecond * BURST_MS) / 1000;
}

/** Whether one end takes much longer for a document than it usually does. */
class Strain {
  #usual: number | undefined;
  #smoothed = 0;

  /** Undefined: the sample says nothing. */
  overloaded(docs: number, ms: number): boolean | undefined {
    if (docs < SAMPLE_DOCS_MIN) return undefined;
    const each = Math.max(ms / docs, 1e-3);
    const isFirst = this.#usual === undefined;
    const usual = this.#usual ?? each;
    this.#usual = each < usual ? usual + SHORTER * (each - usual) : Math.min(each, usual * LONGER);
    this.#smoothed = isFirst ? each : this.#smoothed + SMOOTHING * (each - this.#smoothed);
    const more = (this.#smoothed - this.#usual) * docs;
    return this.#smoothed > this.#usual * OVERLOAD_FACTOR && more > OVERLOAD_MS_MIN;
  }
}

export type Throttle = 'nothing' | 'source' | 'destination';

/**
 * Slows down where the source or the destination gets slow: the batches under way are halved, then pauses come between
 * them and double; each batch that goes well takes some of that back (additive increase, multiplicative decrease, as of
 * TCP, and of couch_replicator).
 */
export class Pace {
  readonly #source = new Strain();
  readonly #destination = new Strain();
  #batches = Number.POSITIVE_INFINITY;
  #pauseMs = 0;
  #slowedAt = Number.NEGATIVE_INFINITY;
  #reason: Throttle = 'nothing';

  /** What holds it back now. */
  get reason(): Throttle {
    return this.#reason;
  }

  get pauseMs(): number {
    return this.#pauseMs;
  }

  /** Batches that may be under way, of those that the operator allows. */
  batchesOf(concurrency: number): number {
    return Math.max(1, Math.min(concurrency, Math.floor(this.#batches)));
  }

  /** A page was read at the source. */
  read(docs: number, ms: number, concurrency: number, now: number): void {
    this.#heed('source', this.#source.overloaded(docs, ms), ms, concurrency, now);
  }

  /** A batch was applied at the destination, which took so long there. */
  applied(docs: number, ms: number, concurrency: number, now: number): void {
    this.#heed('destination', this.#destination.overloaded(docs, ms), ms, concurrency, now);
  }

  #heed(who: Throttle, overloaded: boolean | undefined, ms: number, concurrency: number, now: number): void {
    if (overloaded === undefined) return;
    if (overloaded) this.#slowDown(who, concurrency, now, ms);
    else if (who === this.#reason) this.#speedUp(concurrency);
  }

  #slowDown(who: Throttle, concurrency: number, now: number, ms: number): void {
    this.#reason = who;
    if (now - this.#slowedAt < REACTION_MS) return;
    this.#slowedAt = now;
    const batches = Math.min(this.#batches, concurrency);
    if (batches > 1) this.#batches = Math.max(1, batches / 2);
    else this.#pauseMs = Math.min(PAUSE_MS_MAX, ms * PAUSE_FACTOR[who], Math.max(PAUSE_MS_MIN, this.#pauseMs * 2));
  }

  #speedUp(concurrency: number): void {
    if (this.#pauseMs > 0) {
      this.#pauseMs = this.#pauseMs <= PAUSE_MS_MIN ? 0 : this.#pauseMs * 0.8;
    } else if (this.#batches < concurrency) {
      this.#batches += RECOVERY;
    } else {
      this.#batches = Number.POSITIVE_INFINITY;
      this.#reason = 'nothing';
    }
  }
}
