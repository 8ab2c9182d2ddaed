import { type Lot, makeFeed, type WorldFeed } from './feed.ts';
import { type FeedFormat, type FeedKind, KINDS } from './kinds.ts';
import { checkOptions, type WorldOptions } from './options.ts';
import { tongueShelf } from './prose.ts';
import { randomFor } from './random.ts';
import { deal } from './shares.ts';

/**
 * Many feeds and a clock. What a feed says is a pure function of the options, the feed and how many entries it has
 * published (its *step*); only the clock and the step move. No I/O: `server.ts` serves it.
 */
export interface World {
  readonly options: WorldOptions;
  readonly feeds: readonly WorldFeed[];
  /** The world's own time. */
  now(): number;
  /** How many entries a feed has published up to now, those before the beginning counted. */
  step(feed: WorldFeed): number;
  /** Time goes on, and feeds publish at their own rates. */
  advance(ms: number): void;
  /** Every feed that publishes at all publishes exactly so many entries; the clock stays. */
  publish(entries: number): void;
}

/** Throws WORLD_OPTION_INVALID. */
export function makeWorld(given: Partial<WorldOptions> = {}): World {
  const options = checkOptions(given);
  const shelf = tongueShelf((tongue) => randomFor(options.seed, 'tongue', tongue));
  const feeds = lots(options).map((lot, index) => makeFeed(options, index, lot, shelf));
  let now = options.startMs;
  let published = 0;
  return {
    options,
    feeds,
    now: () => now,
    step: (feed) => stepAt(options, feed, now) + (KINDS[feed.kind].publishes ? published : 0),
    advance: (ms) => {
      now += Math.max(0, ms);
    },
    publish: (entries) => {
      published += Math.max(0, Math.floor(entries));
    },
  };
}

function lots(options: WorldOptions): Lot[] {
  const kinds = deal<FeedKind>(options.shares, 'steady', options.feeds, randomFor(options.seed, 'kinds'));
  const formats = deal<FeedFormat>(options.formats, 'rss', options.feeds, randomFor(options.seed, 'formats'));
  return kinds.map((kind, index) => ({ kind, format: formats[index] ?? 'rss' }));
}

function stepAt(options: WorldOptions, feed: WorldFeed, now: number): number {
  if (!KINDS[feed.kind].publishes) return options.entries;
  return options.entries + Math.floor((now - options.startMs + feed.phaseMs) / feed.intervalMs);
}

/** When an entry came out, by its number: the first `entries` of them before the beginning. */
export function publishedAt(options: WorldOptions, feed: WorldFeed, entry: number): number {
  const fromStart = entry - options.entries;
  if (fromStart >= 0) return options.startMs + (fromStart + 1) * feed.intervalMs - feed.phaseMs;
  const jitter = randomFor(options.seed, 'when', feed.index, entry)() * 0.8 * options.historyIntervalMs;
  return Math.floor(options.startMs + fromStart * options.historyIntervalMs + jitter);
}
