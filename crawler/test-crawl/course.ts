/** What was fetched when: a bounded number of spans of equal length, which doubles when they run out. */
export const SPANS_MAX = 120;

export interface Span {
  /** Since the crawl began. */
  readonly fromMs: number;
  readonly fetches: number;
  readonly failures: number;
  readonly bytes: number;
}

interface Counts {
  fetches: number;
  failures: number;
  bytes: number;
}

export class Course {
  #spanMs: number;
  #counts: Counts[] = [];

  /** `spanMs`: of the first spans. */
  constructor(spanMs = 1_000) {
    this.#spanMs = spanMs;
  }

  get spanMs(): number {
    return this.#spanMs;
  }

  add(atMs: number, failed: boolean, bytes: number): void {
    while (atMs >= this.#spanMs * SPANS_MAX) this.#widen();
    const index = Math.floor(Math.max(0, atMs) / this.#spanMs);
    while (this.#counts.length <= index) this.#counts.push({ fetches: 0, failures: 0, bytes: 0 });
    const counts = this.#counts[index];
    if (counts === undefined) return;
    counts.fetches += 1;
    counts.failures += failed ? 1 : 0;
    counts.bytes += bytes;
  }

  /** Without gaps; the last one may not be over. */
  spans(): Span[] {
    return this.#counts.map((counts, i) => ({ fromMs: i * this.#spanMs, ...counts }));
  }

  #widen(): void {
    const wider: Counts[] = [];
    for (const [i, { fetches, failures, bytes }] of this.#counts.entries()) {
      const into = wider[i >> 1];
      if (into === undefined) wider.push({ fetches, failures, bytes });
      else {
        into.fetches += fetches;
        into.failures += failures;
        into.bytes += bytes;
      }
    }
    this.#counts = wider;
    this.#spanMs *= 2;
  }
}
