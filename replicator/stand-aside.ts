/** Requests that one thread answers, and how another thread of the same process gets out of their way at once. */

/** As seen from a thread that is to stand aside. */
export interface Requests {
  /** Under way now. */
  readonly count: number;
  /** Blocks this thread until there is none, for so long at most. */
  readonly waitUntilNone: (msMax: number) => void;
}

/** Counted in memory that threads share: whoever works beside sees a request as soon as it begins. */
export class RequestsUnderWay implements Requests {
  readonly cell: Int32Array<SharedArrayBuffer>;

  /** `cell`: of the thread that answers, in others. */
  constructor(cell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))) {
    this.cell = cell;
  }

  get count(): number {
    return Atomics.load(this.cell, 0);
  }

  /** A request began. Returns what ends it, once. */
  readonly begin = (): (() => void) => {
    Atomics.add(this.cell, 0, 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (Atomics.sub(this.cell, 0, 1) === 1) Atomics.notify(this.cell, 0);
    };
  };

  waitUntilNone(msMax: number): void {
    const end = performance.now() + msMax;
    for (;;) {
      const count = this.count;
      const ms = end - performance.now();
      if (count === 0 || ms <= 0) return;
      Atomics.wait(this.cell, 0, count, ms);
    }
  }
}

/** It stands aside for so much of the time at most: requests that wait for others, or never end, don't stop it. */
const ASIDE_SHARE_MAX = 7 / 8;
/** And for so long at a stretch. */
const ASIDE_MS_MAX = 50;
/** Less is not worth a sleep. */
const ASIDE_MS_MIN = 0.1;
/** After a request more are to be expected for so long. */
const BESIDE_MS = 1000;

/**
 * For work that must not hold up requests which another thread of this process answers. They need processors, their thread and
 * the threads that collect its garbage; and work that is asleep takes none.
 */
export class StandAside {
  readonly #requests: Requests;
  readonly #now: () => number;
  #creditMs = ASIDE_MS_MAX;
  #since: number;
  #asideMs = 0;
  #metAt = Number.NEGATIVE_INFINITY;

  constructor(requests: Requests, now: () => number = () => performance.now()) {
    this.#requests = requests;
    this.#now = now;
    this.#since = now();
  }

  /** Time that went by so, in ms. */
  get asideMs(): number {
    return this.#asideMs;
  }

  /** Whether there were requests lately. */
  get isBeside(): boolean {
    return this.#now() - this.#metAt < BESIDE_MS;
  }

  /** To be called between two pieces of work, the smaller the better. Blocks the thread while requests are under way. */
  readonly now = (): void => {
    if (this.#requests.count === 0) return;
    const began = this.#now();
    this.#metAt = began;
    const earned = (began - this.#since) * (ASIDE_SHARE_MAX / (1 - ASIDE_SHARE_MAX));
    this.#creditMs = Math.min(ASIDE_MS_MAX, this.#creditMs + earned);
    this.#since = began;
    if (this.#creditMs < ASIDE_MS_MIN) return;
    this.#requests.waitUntilNone(this.#creditMs);
    this.#since = this.#now();
    const ms = this.#since - began;
    this.#creditMs -= ms;
    this.#asideMs += ms;
  };
}
