import type { Clock, SiteId, Version } from './contract.ts';
import { integerIdMs } from './ids.ts';

/** In one millisecond; past it the clock borrows the next one. It fits the sequence of integer ids (`ids.ts`). */
const COUNTER_MAX = 0xff;

/**
 * A hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014) that issues versions: never the same one
 * twice, each greater than all issued or observed before, and close to the wall clock however that jumps.
 */
export class VersionClock {
  readonly #site: SiteId;
  readonly #clock: Clock;
  #ms = 0;
  #counter = 0;

  constructor(site: SiteId, clock: Clock) {
    this.#site = site;
    this.#clock = clock;
  }

  /** Makes all later versions greater than this one. */
  observe(ver: Version): void {
    const { ms, counter } = readVersion(ver);
    this.#advance(ms, counter);
  }

  /** Makes all later versions give integer ids greater than this one. 0: there is none yet. */
  observeNumber(num: number): void {
    if (num > 0) this.#advance(integerIdMs(num), COUNTER_MAX);
  }

  #advance(ms: number, counter: number): void {
    if (ms > this.#ms || (ms === this.#ms && counter > this.#counter)) {
      this.#ms = ms;
      this.#counter = counter;
    }
  }

  /** How far the next version lies after the wall clock, in ms: others' clocks are ahead, or this one was set back. */
  aheadMs(): number {
    return Math.max(0, this.#ms - this.#clock());
  }

  next(): Version {
    const now = this.#clock();
    if (now > this.#ms) {
      this.#ms = now;
      this.#counter = 0;
    } else if (this.#counter < COUNTER_MAX) {
      this.#counter += 1;
    } else {
      this.#ms += 1;
      this.#counter = 0;
    }
    return writeVersion(this.#ms, this.#counter, this.#site);
  }
}

/** Fixed width, so that text order is version order. */
export function writeVersion(ms: number, counter: number, site: SiteId): Version {
  return `${ms.toString(16).padStart(12, '0')}-${counter.toString(16).padStart(4, '0')}-${site}` as Version;
}

export function readVersion(ver: Version): { ms: number; counter: number; site: SiteId } {
  return {
    ms: Number.parseInt(ver.slice(0, 12), 16),
    counter: Number.parseInt(ver.slice(13, 17), 16),
    site: ver.slice(18) as SiteId,
  };
}
