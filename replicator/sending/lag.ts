import type { Version } from '../../store/contract.ts';

/** Percentiles are those of so many documents, the last ones. */
const SAMPLES_MAX = 1000;

/** How long documents took from being written at the source to being acknowledged by the destination. */
export class Lag {
  readonly #samples = new Float64Array(SAMPLES_MAX);
  #count = 0;

  /** In ms. Clocks may jump: never below 0. */
  add(ms: number): void {
    this.#samples[this.#count % SAMPLES_MAX] = Math.max(0, ms);
    this.#count += 1;
  }

  /** In ms; null: no document yet. */
  percentiles(): { readonly p50: number; readonly p99: number } | null {
    const samples = this.#samples.slice(0, Math.min(this.#count, SAMPLES_MAX)).sort();
    const at = (share: number): number => Math.round(samples[Math.ceil(share * samples.length) - 1] ?? 0);
    return samples.length === 0 ? null : { p50: at(0.5), p99: at(0.99) };
  }
}

/** When a version was made, in ms since 1970, by the clock of the site that made it. */
export function writtenAt(ver: Version): number {
  return Number.parseInt(ver.slice(0, 12), 16);
}
