/**
 * Hosts that asked for patience: a 429 or 503 with Retry-After is about whoever asks too much of a server, which is all of
 * its feeds together. It is noted in the store, so that the other processes know, and this one after a restart.
 */
import type { Clock } from '../store/contract.ts';
import type { FetchFailed, FetchResult } from './fetch.ts';
import { hostOf } from './host-budget.ts';
import type { StoreSession } from './store-session.ts';

const NOTE = 'crawler/host-patience';

/** One feed's answer holds up all others of its host for at most so long. */
export const HOST_PATIENCE_MS_MAX = 24 * 3_600_000;
/** Those that end first are forgotten. */
const HOSTS_MAX = 1_000;
/** How old what is known of other processes may be: no older than the gap between two requests to a host. */
const FRESH_MS = 1_000;
const PUT_ATTEMPTS_MAX = 5;

/** As much as counts of an answer that is none of a feed, such as a hub's. */
export type Refusal = Pick<FetchFailed, 'kind' | 'status' | 'error' | 'retryAfterMs'>;

type Until = ReadonlyMap<string, number>;

export class HostPatience {
  readonly #session: Pick<StoreSession, 'read'>;
  readonly #clock: Clock;
  #until: Until = new Map();
  /** By the monotonic clock. */
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(session: Pick<StoreSession, 'read'>, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
  }

  /** When this host may be asked again, ms since 1970; null: now. Throws StoreTrouble. */
  async until(host: string): Promise<number | null> {
    if (performance.now() - this.#readAt > FRESH_MS) await this.#read();
    const until = this.#until.get(host) ?? 0;
    const left = until - this.#clock();
    // Longer than it could be asked for: the clock was set back.
    return left > 0 && left <= HOST_PATIENCE_MS_MAX ? until : null;
  }

  /** Takes note of an answer that asks for patience; of any other nothing. Throws StoreTrouble. */
  async heed(answer: FetchResult | Refusal): Promise<void> {
    if (answer.kind !== 'failed' || answer.retryAfterMs === null || answer.retryAfterMs <= 0) return;
    if (answer.status !== 429 && answer.status !== 503) return;
    const until = this.#clock() + Math.min(answer.retryAfterMs, HOST_PATIENCE_MS_MAX);
    for (let attempt = 0; attempt < PUT_ATTEMPTS_MAX; attempt += 1) {
      const note = await this.#session.read(({ control }) => control.get(NOTE));
      const known = this.#lasting(untilIn(note?.value));
      const host = hostOf(answer.error.input);
      const after = new Map([...known, [host, Math.max(until, known.get(host) ?? 0)] as const]);
      const value = Object.fromEntries([...after].sort(([, a], [, b]) => b - a).slice(0, HOSTS_MAX));
      const rev = await this.#session.read(({ control }) => control.put(NOTE, value, note?.rev ?? 0, 'lazy'));
      this.#until = after;
      if (rev !== null) return;
    }
  }

  #lasting(until: Until): Map<string, number> {
    const now = this.#clock();
    return new Map([...until].filter(([, at]) => at > now && at - now <= HOST_PATIENCE_MS_MAX));
  }

  #read(): Promise<void> {
    this.#reading ??= this.#readNote().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readNote(): Promise<void> {
    const askedAt = performance.now();
    const note = await this.#session.read(({ control }) => control.get(NOTE));
    this.#until = untilIn(note?.value);
    this.#readAt = askedAt;
  }
}

function untilIn(value: unknown): Until {
  if (value === null || typeof value !== 'object') return new Map();
  return new Map(Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
}
