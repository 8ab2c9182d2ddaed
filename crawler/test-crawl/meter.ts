/** Measures every fetch of a test crawl, in a room that does not grow with their number. */
import { isConditional } from '../conditional-get.ts';
import type { Fetcher, FetchRequest, FetchResult } from '../fetch.ts';
import { hostOf } from '../host-budget.ts';
import { Course, type Span } from './course.ts';
import { Histogram, type Latency } from './histogram.ts';
import { type HostReport, HostTally } from './host-tally.ts';

/** Hosts in each list of the report. */
export const HOSTS_LISTED_MAX = 20;

export interface Measured {
  readonly fetches: number;
  /** Of those: with validators of an earlier test crawl. */
  readonly conditional: number;
  /** Over the wire. */
  readonly bytes: number;
  readonly seconds: number;
  readonly fetchesPerSecond: number;
  readonly bytesPerSecond: number;
  /** By HTTP status; `none` where there was no answer. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Until the head of the (last) answer; of all that answered. */
  readonly head: Latency;
  /** Until the end of the fetch, redirects included; of all, those that failed too. */
  readonly total: Latency;
  readonly spanMs: number;
  readonly course: readonly Span[];
  readonly hosts: number;
  /** Fetches of hosts that were too many to be told apart. */
  readonly fetchesBeyondHosts: number;
  readonly slowestHosts: readonly HostReport[];
  readonly failingHosts: readonly HostReport[];
}

export class Meter {
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #course = new Course();
  readonly #head = new Histogram();
  readonly #total = new Histogram();
  readonly #hosts = new HostTally();
  readonly #statuses = new Map<string, number>();
  #fetches = 0;
  #conditional = 0;
  #bytes = 0;
  #endedAt: number;

  /** `now`: ms, of a clock that never jumps. */
  constructor(now: () => number) {
    this.#now = now;
    this.#startedAt = now();
    this.#endedAt = this.#startedAt;
  }

  /** Fetches that were broken off count nowhere. */
  watch(fetcher: Fetcher): Fetcher {
    return {
      fetch: async (request) => {
        const result = await fetcher.fetch(request);
        if (result.kind !== 'failed' || result.error.code !== 'FETCH_ABORTED') this.#add(request, result);
        return result;
      },
      [Symbol.asyncDispose]: () => fetcher[Symbol.asyncDispose](),
    };
  }

  #add(request: FetchRequest, result: FetchResult): void {
    const { status, headMs, ms, wireBytes } = result;
    this.#endedAt = this.#now();
    this.#fetches += 1;
    this.#conditional += isConditional(request) ? 1 : 0;
    this.#bytes += wireBytes;
    const name = String(status ?? 'none');
    this.#statuses.set(name, (this.#statuses.get(name) ?? 0) + 1);
    if (headMs !== undefined) this.#head.add(headMs);
    this.#total.add(ms);
    this.#course.add(this.#endedAt - this.#startedAt, result.kind === 'failed', wireBytes);
    this.#hosts.add(hostOf(request.url), result);
  }

  measured(): Measured {
    const seconds = (this.#endedAt - this.#startedAt) / 1_000;
    const rate = (n: number) => (seconds === 0 ? 0 : Math.round((n / seconds) * 100) / 100);
    return {
      ...{ fetches: this.#fetches, conditional: this.#conditional, bytes: this.#bytes },
      ...{ seconds, fetchesPerSecond: rate(this.#fetches), bytesPerSecond: rate(this.#bytes) },
      statuses: Object.fromEntries([...this.#statuses].sort(([a], [b]) => (a < b ? -1 : 1))),
      ...{ head: this.#head.latency(), total: this.#total.latency() },
      ...{ spanMs: this.#course.spanMs, course: this.#course.spans() },
      ...{ hosts: this.#hosts.size, fetchesBeyondHosts: this.#hosts.beyond },
      slowestHosts: this.#hosts.slowest(HOSTS_LISTED_MAX),
      failingHosts: this.#hosts.failing(HOSTS_LISTED_MAX),
    };
  }
}
