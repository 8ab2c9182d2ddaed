/**
 * How long something took, for any number of times in a fixed room: buckets that grow by 5% each, so a percentile is
 * right within 5%. From 1 ms to an hour.
 */
const GROWTH = 1.05;
const MS_MAX = 3_600_000;
const BUCKETS = Math.ceil(Math.log(MS_MAX) / Math.log(GROWTH)) + 2;

export interface Latency {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #max = 0;

  add(ms: number): void {
    const value = Math.min(Math.max(0, ms), MS_MAX);
    const bucket = value < 1 ? 0 : 1 + Math.floor(Math.log(value) / Math.log(GROWTH));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sum += value;
    this.#max = Math.max(this.#max, value);
  }

  /** Zeros where nothing was counted. */
  latency(): Latency {
    const mean = this.#count === 0 ? 0 : this.#sum / this.#count;
    return {
      count: this.#count,
      meanMs: Math.round(mean),
      p50Ms: this.#percentile(0.5),
      p95Ms: this.#percentile(0.95),
      p99Ms: this.#percentile(0.99),
      maxMs: Math.round(this.#max),
    };
  }

  /** The upper end of the bucket that holds it, and never more than the largest that there was. */
  #percentile(share: number): number {
    let left = Math.ceil(this.#count * share);
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0 && this.#count > 0) return Math.round(Math.min(GROWTH ** bucket, this.#max));
    }
    return 0;
  }
}
