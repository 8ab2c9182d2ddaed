/** What each host did. */
import type { FetchResult } from '../fetch.ts';

/** Hosts that are told apart, about 300 bytes each; the rest is counted in sum. */
export const HOSTS_MAX = 200_000;

export interface HostReport {
  readonly host: string;
  readonly fetches: number;
  readonly failures: number;
  /** By code. */
  readonly codes: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly meanMs: number;
  readonly maxMs: number;
}

interface Tally {
  fetches: number;
  failures: number;
  codes: Record<string, number> | null;
  bytes: number;
  ms: number;
  maxMs: number;
}

export class HostTally {
  readonly #hosts = new Map<string, Tally>();
  #beyond = 0;

  get size(): number {
    return this.#hosts.size;
  }

  /** Fetches of hosts that were too many to be told apart. */
  get beyond(): number {
    return this.#beyond;
  }

  add(host: string, result: FetchResult): void {
    const tally = this.#tallyOf(host);
    if (tally === undefined) {
      this.#beyond += 1;
      return;
    }
    tally.fetches += 1;
    tally.bytes += result.wireBytes;
    tally.ms += result.ms;
    tally.maxMs = Math.max(tally.maxMs, result.ms);
    if (result.kind !== 'failed') return;
    tally.failures += 1;
    tally.codes ??= {};
    tally.codes[result.error.code] = (tally.codes[result.error.code] ?? 0) + 1;
  }

  /** Slowest by the mean of their fetches. */
  slowest(limit: number): HostReport[] {
    return this.#top(limit, ({ ms, fetches }) => ms / fetches);
  }

  /** Those with most failures. */
  failing(limit: number): HostReport[] {
    return this.#top(limit, ({ failures }) => failures).filter(({ failures }) => failures > 0);
  }

  #tallyOf(host: string): Tally | undefined {
    const there = this.#hosts.get(host);
    if (there !== undefined || this.#hosts.size >= HOSTS_MAX) return there;
    const fresh: Tally = { fetches: 0, failures: 0, codes: null, bytes: 0, ms: 0, maxMs: 0 };
    this.#hosts.set(host, fresh);
    return fresh;
  }

  #top(limit: number, weight: (tally: Tally) => number): HostReport[] {
    return [...this.#hosts]
      .map(([host, tally]) => ({ host, tally, weight: weight(tally) }))
      .sort((a, b) => b.weight - a.weight || (a.host < b.host ? -1 : 1))
      .slice(0, limit)
      .map(({ host, tally: { fetches, failures, codes, bytes, ms, maxMs } }) => ({
        ...{ host, fetches, failures, codes: codes ?? {}, bytes },
        ...{ meanMs: Math.round(ms / fetches), maxMs: Math.round(maxMs) },
      }));
  }
}
