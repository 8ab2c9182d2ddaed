/**
 * When a feed is fetched next, and why then: a function of what happened, what the publisher asks and how often the feed
 * changes. DESIGN section 7.
 */
import type { FeedHints } from '../store/documents.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;

/** A publisher's wish is honoured up to here; a `max-age` of a year is a setting for images. */
export const ASKED_MS_MAX = WEEK_MS;

/** Later by up to this share, so that what was fetched together drifts apart. Never sooner. */
export const JITTER = 0.1;

/** Failures in a row wait twice as long each time, up to a week with the jitter. */
const BACKOFF_MS_MAX = WEEK_MS / (1 + JITTER);
const BACKOFF_BASE_MS_MAX = HOUR_MS;

/** 429 and 503 without a Retry-After: the first wait is longer by this. */
const OVERLOAD_FACTOR = 4;

/** Of a feed that nothing is known of. */
export const FIRST_INTERVAL_MS = HOUR_MS;

/** How the interval follows the feed: it settles at about four fetches for each time something is new. */
const NEWS_FACTOR = 0.5;
const CHANGE_FACTOR = 0.75;
const SILENCE_FACTOR = 1.25;
const FETCHES_PER_ARTICLE = 4;

/** A week and a day: further than any combination of skipped days that leaves one. */
const HOURS_AHEAD_MAX = 8 * 24;

/** Dates that the first estimate looks at. */
const DATES_MAX = 10;

/** Where nothing else is set. */
export const DEFAULT_LIMITS: ScheduleLimits = { minIntervalMs: 15 * MINUTE_MS, maxIntervalMs: DAY_MS };

export interface ScheduleLimits {
  /** Never sooner, whatever happens. */
  readonly minIntervalMs: number;
  /** The adaptive interval is never longer; what the publisher asks may be. */
  readonly maxIntervalMs: number;
  /** Longest wait while a hub pushes what is new. Default a day. */
  readonly backupMsMax?: number | undefined;
}

export type Happened =
  /** The first body of this feed: `dates` of its entries, ms since 1970. */
  | { readonly kind: 'first'; readonly dates: readonly number[] }
  | { readonly kind: 'stored'; readonly added: number; readonly changed: number }
  /** 304, or the same body again. */
  | { readonly kind: 'unchanged' }
  /** `errors`: failures in a row, this one included. */
  | { readonly kind: 'failed'; readonly status: number | null; readonly errors: number };

export interface ScheduleInput {
  readonly now: number;
  readonly happened: Happened;
  /** Of the record; 0: none yet. */
  readonly intervalMs: number;
  readonly hints: FeedHints | undefined;
  /** `publisher-wishes.ts`; null: not said. */
  readonly freshMs: number | null;
  readonly retryAfterMs: number | null;
  /** Another wait, which counts where it is the longest. */
  readonly atLeast?: Wait;
  readonly limits: ScheduleLimits;
  /** 0 to 1. */
  readonly random: () => number;
}

export interface NextFetch {
  readonly nextAt: number;
  /** A sentence for people. */
  readonly nextWhy: string;
  readonly intervalMs: number;
  /** Not before this, whoever asks: the minimum interval and the publisher's wishes alone. */
  readonly allowedAt: number;
}

export interface Wait {
  readonly ms: number;
  readonly why: string;
}

export function nextFetch(input: ScheduleInput): NextFetch {
  const intervalMs = adaptedInterval(input);
  const own = input.happened.kind === 'failed' ? backoff(input.happened, intervalMs, input) : adaptive(intervalMs);
  const waits = asked(input);
  const more = input.atLeast === undefined ? [] : [input.atLeast];
  const longest = [own, ...more, ...waits].reduce((a, b) => (b.ms > a.ms ? b : a));
  const at = input.now + Math.round(longest.ms * (1 + JITTER * input.random()));
  const nextAt = afterSkipped(at, input.hints);
  const nextWhy = nextAt === at ? longest.why : `${longest.why}, then past the hours and days that the feed skips`;
  const allowedAt = afterSkipped(input.now + Math.max(...waits.map(({ ms }) => Math.round(ms))), input.hints);
  return { nextAt, nextWhy, intervalMs, allowedAt };
}

function adaptive(ms: number): Wait {
  return { ms, why: `every ${duration(ms)}, by how often it changes` };
}

/** Doubles with each failure in a row. */
function backoff(
  failed: { status: number | null; errors: number },
  intervalMs: number,
  { limits, retryAfterMs }: ScheduleInput,
): Wait {
  const overloaded = (failed.status === 429 || failed.status === 503) && retryAfterMs === null;
  const base = Math.max(limits.minIntervalMs, Math.min(intervalMs, BACKOFF_BASE_MS_MAX));
  const doubled = base * (overloaded ? OVERLOAD_FACTOR : 1) * 2 ** Math.min(failed.errors - 1, 30);
  const ms = Math.min(doubled, Math.max(BACKOFF_MS_MAX, limits.minIntervalMs));
  const times = failed.errors === 1 ? 'a failure' : `${failed.errors} failures in a row`;
  return { ms, why: `${duration(ms)} after ${times}` };
}

function asked({ limits, hints, freshMs, retryAfterMs }: ScheduleInput): Wait[] {
  const waits: Wait[] = [
    { ms: limits.minIntervalMs, why: `the minimum interval of ${duration(limits.minIntervalMs)}` },
  ];
  const ask = (ms: number | null | undefined, what: string) => {
    if (ms === null || ms === undefined || !(ms > 0)) return;
    const capped = Math.min(ms, ASKED_MS_MAX);
    waits.push({ ms: capped, why: `${what} of ${duration(ms)}${capped < ms ? ', of which a week is granted' : ''}` });
  };
  ask(retryAfterMs, 'Retry-After');
  ask(freshMs, 'max-age');
  ask(hints?.ttlMs, 'ttl');
  ask(hints?.updatePeriodMs, 'sy:updatePeriod');
  return waits;
}

function adaptedInterval({ happened, intervalMs, limits, now }: ScheduleInput): number {
  const before = intervalMs > 0 ? intervalMs : FIRST_INTERVAL_MS;
  const within = (ms: number) => Math.round(Math.min(Math.max(ms, limits.minIntervalMs), limits.maxIntervalMs));
  switch (happened.kind) {
    case 'first':
      return within(estimate(happened.dates, now) ?? before);
    case 'stored':
      if (happened.added > 0) return within(before * NEWS_FACTOR);
      return within(before * (happened.changed > 0 ? CHANGE_FACTOR : SILENCE_FACTOR));
    case 'unchanged':
      return within(before * SILENCE_FACTOR);
    case 'failed':
      return within(before);
  }
}

/** From the gaps between the newest entries, or the silence since the last if that is longer. Null: no dates. */
function estimate(dates: readonly number[], now: number): number | null {
  const newest = dates
    .filter((at) => at <= now)
    .sort((a, b) => b - a)
    .slice(0, DATES_MAX);
  const [last] = newest;
  const first = newest.at(-1);
  if (last === undefined || first === undefined) return null;
  const gap = newest.length < 2 ? 0 : (last - first) / (newest.length - 1);
  return Math.max(gap, now - last) / FETCHES_PER_ARTICLE;
}

/**
 * The first moment from `at` on that lies in no skipped hour and on no skipped day (RSS 2.0: both are GMT). A feed that
 * skips everything is not taken at its word.
 */
export function afterSkipped(at: number, hints: FeedHints | undefined): number {
  if (hints === undefined) return at;
  const hours = new Set(hints.skipHours);
  const days = new Set(hints.skipDays);
  if (hours.size === 0 && days.size === 0) return at;
  // Not all at the stroke of the hour.
  const spreadMs = Math.round((at % HOUR_MS) * JITTER);
  let candidate = at;
  for (let i = 0; i <= HOURS_AHEAD_MAX; i += 1) {
    const date = new Date(candidate);
    if (!hours.has(date.getUTCHours()) && !days.has(date.getUTCDay())) return candidate;
    candidate = (Math.floor(candidate / HOUR_MS) + 1) * HOUR_MS + spreadMs;
  }
  return at;
}

/** `45 s`, `90 min`, `6 h`, `2 d`: the largest unit that gives a short number. */
export function duration(ms: number): string {
  if (ms < 2 * MINUTE_MS) return `${Math.round(ms / 1000)} s`;
  if (ms < 2 * HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`;
  if (ms < 2 * DAY_MS) return `${trimmed(ms / HOUR_MS)} h`;
  return `${trimmed(ms / DAY_MS)} d`;
}

function trimmed(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '');
}
