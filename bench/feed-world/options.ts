import { worldError } from './errors.ts';
import { FEED_FORMATS, type FeedFormat, type FeedKind, isFeedKind } from './kinds.ts';
import type { Prose } from './prose.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;

/** A feed whose name and writing are given rather than made up: the demo's. */
export interface CastFeed {
  readonly slug: string;
  readonly title: string;
  readonly description: string;
  /** In the list of subscriptions. */
  readonly folder: string;
  readonly format: FeedFormat;
  readonly prose: Prose;
  /** Any CSS colour, for its pictures and its icon. */
  readonly colour: string;
}

/** All of it together decides every byte of the world; times are in ms, of the world's own clock. */
export interface WorldOptions {
  readonly seed: number;
  readonly feeds: number;
  /** In one feed document. */
  readonly entries: number;
  /** About how long a feed document is, before compression. */
  readonly bytes: number;
  /** Feeds are spread evenly over so many addresses. Default: one each. */
  readonly hosts: number;
  /** When the world begins; the entries that are there at first are older. */
  readonly startMs: number;
  /** Fractions of one; what is left is `steady`. */
  readonly shares: Readonly<Partial<Record<FeedKind, number>>>;
  /** Fractions of one; what is left is RSS. */
  readonly formats: Readonly<Partial<Record<FeedFormat, number>>>;
  /** Every feed that publishes has an interval of its own between these. */
  readonly intervalMinMs: number;
  readonly intervalMaxMs: number;
  /** Mean gap between entries before the beginning. */
  readonly historyIntervalMs: number;
  /** Share of entries that are edited once, when the next one comes out. */
  readonly editShare: number;
  /** Share of feeds that send no ETag; of these all send Last-Modified. */
  readonly withoutEtagShare: number;
  /** Share of feeds that send no Last-Modified, among those with an ETag. */
  readonly withoutLastModifiedShare: number;
  /** `Cache-Control: max-age`, in seconds; null: none. */
  readonly maxAgeS: number | null;
  /** Compress when the request accepts it. */
  readonly gzip: boolean;
  readonly slowMs: number;
  readonly retryAfterS: number;
  readonly oversizedBytes: number;
  /** The first feeds are these. */
  readonly cast: readonly CastFeed[];
}

export const WORLD_DEFAULTS: Omit<WorldOptions, 'hosts'> = {
  seed: 1,
  feeds: 100,
  entries: 30,
  bytes: 60_000,
  startMs: Date.UTC(2026, 0, 1),
  shares: {},
  formats: { atom: 0.25, json: 0.05 },
  intervalMinMs: HOUR,
  intervalMaxMs: 72 * HOUR,
  historyIntervalMs: 12 * HOUR,
  editShare: 0,
  withoutEtagShare: 0.2,
  withoutLastModifiedShare: 0.4,
  maxAgeS: null,
  gzip: true,
  slowMs: 2 * SECOND,
  retryAfterS: 120,
  oversizedBytes: 32 * 1024 ** 2,
  cast: [],
};

/** Inclusive ranges of the whole numbers. */
const RANGES = {
  seed: [0, 2 ** 32 - 1],
  feeds: [1, 100_000],
  entries: [1, 1000],
  bytes: [500, 20_000_000],
  hosts: [1, 50_000],
  startMs: [0, 4_102_444_800_000],
  intervalMinMs: [SECOND, 1000 * HOUR],
  intervalMaxMs: [SECOND, 10_000 * HOUR],
  historyIntervalMs: [2 * SECOND, 10_000 * HOUR],
  slowMs: [0, 600 * SECOND],
  retryAfterS: [0, 1_000_000],
  oversizedBytes: [1, 2 ** 31],
} as const satisfies Partial<Record<keyof WorldOptions, readonly [number, number]>>;

const FRACTIONS = ['editShare', 'withoutEtagShare', 'withoutLastModifiedShare'] as const;

/** Fills in the defaults. Throws WORLD_OPTION_INVALID. */
export function checkOptions(given: Partial<WorldOptions>): WorldOptions {
  const feeds = given.feeds ?? WORLD_DEFAULTS.feeds;
  const options: WorldOptions = { ...WORLD_DEFAULTS, hosts: Math.min(feeds, RANGES.hosts[1]), ...given };
  for (const [name, [low, high]] of Object.entries(RANGES)) {
    const value = options[name as keyof typeof RANGES];
    if (!Number.isSafeInteger(value) || value < low || value > high) {
      throw invalid(name, `a whole number from ${low} to ${high}`, value);
    }
  }
  for (const name of FRACTIONS) checkFraction(name, options[name]);
  for (const name of Object.keys(options.shares)) {
    if (!isFeedKind(name)) throw invalid('shares', 'kinds of feeds only', name);
  }
  for (const name of Object.keys(options.formats)) {
    if (!FEED_FORMATS.includes(name as FeedFormat)) throw invalid('formats', FEED_FORMATS.join(', '), name);
  }
  checkFraction('shares', sum(options.shares));
  checkFraction('formats', sum(options.formats));
  if (options.intervalMaxMs < options.intervalMinMs) {
    throw invalid('intervalMaxMs', 'no less than intervalMinMs', options.intervalMaxMs);
  }
  return options;
}

function sum(shares: Readonly<Partial<Record<string, number>>>): number {
  let total = 0;
  for (const share of Object.values(shares)) {
    checkFraction('shares', share ?? 0);
    total += share ?? 0;
  }
  // Ten times 0.1 is a little more than one.
  return Math.round(total * 1e9) / 1e9;
}

function checkFraction(name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw invalid(name, 'from 0 to 1, also when added up', value);
}

function invalid(name: string, wanted: string, got: unknown): Error {
  return worldError('WORLD_OPTION_INVALID', `${name} must be ${wanted}, not ${String(got)}`, name);
}
