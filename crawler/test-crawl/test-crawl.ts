/** `feedferry crawl --test`: crawls the feeds of production into a store of its own, and tells what came of it. */
import type { Clock, Store } from '../../store/contract.ts';
import { type CrawlProgress, type CrawlSummary, crawl } from '../crawler.ts';
import type { Fetcher } from '../fetch.ts';
import { LocalQueue } from '../queue/local.ts';
import { type ChosenCounts, chosenFeeds, type FeedChoice } from './choose-feeds.ts';
import { type Comparison, compare } from './compare.ts';
import { testCrawlError } from './errors.ts';
import type { FeedSource } from './feed-source.ts';
import { type Measured, Meter } from './meter.ts';
import { TEST_CRAWL_NOTE, type TestCrawlNote, takeFeeds } from './own-store.ts';
import { PacedQueue } from './paced-queue.ts';
import { type Thresholds, type Verdict, verdictOf } from './verdict.ts';

/** Whoever stops a test crawl still wants its report, but soon. */
export const COMPARE_AFTER_STOP_MS_MAX = 10_000;

export interface TestCrawlOptions {
  readonly source: FeedSource;
  readonly store: Store;
  readonly fetcher: Fetcher;
  readonly choice: FeedChoice;
  readonly thresholds: Thresholds;
  /** Fetches a second. Null: as fast as hosts and places allow. */
  readonly rate: number | null;
  /** Of the crawling; then nothing more is begun. Null: until all is done. */
  readonly durationMs: number | null;
  /** Also feeds that an earlier test crawl into this store has fetched, and that are not due again. */
  readonly force: boolean;
  readonly concurrency: number;
  readonly hostGapMs: number;
  readonly hostConnections: number;
  readonly minIntervalMs: number;
  readonly maxIntervalMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Aborted: nothing more is begun, and the report is of what was done. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: TestCrawlProgress) => void;
}

export type TestCrawlProgress =
  | { readonly step: 'choosing'; readonly feeds: number }
  | ({ readonly step: 'crawling' } & CrawlProgress)
  | { readonly step: 'comparing'; readonly done: number; readonly total: number; readonly etaMs: number | null };

export interface TestCrawlReport {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly source: { readonly kind: FeedSource['kind']; readonly shown: string; readonly at: number | null };
  /** Without credentials. */
  readonly store: string;
  readonly ended: 'done' | 'duration' | 'interrupted' | 'trouble';
  readonly chosen: ChosenCounts & FeedChoice;
  readonly limits: {
    readonly rate: number | null;
    readonly durationMs: number | null;
    readonly concurrency: number;
    readonly hostGapMs: number;
    readonly hostConnections: number;
  };
  readonly crawl: CrawlSummary;
  readonly measured: Measured;
  /** Null: a list of feeds has no articles to compare with. */
  readonly comparison: Comparison | null;
  readonly thresholds: Thresholds;
  readonly verdict: Verdict;
}

/** Throws TEST_CRAWL_NO_FEEDS, and what source and store say before the first fetch; later trouble is in the report. */
export async function testCrawl(options: TestCrawlOptions): Promise<TestCrawlReport> {
  const { source, store, clock, choice, thresholds, signal } = options;
  const startedAt = clock();
  const note: TestCrawlNote = { startedAt, source: source.shown };
  await store.control.put(TEST_CRAWL_NOTE, note);
  const { ids, counts } = await chooseFeeds(options, startedAt);
  const meter = new Meter(() => performance.now());
  const { summary, timeIsUp } = await crawlThem(options, ids, meter);
  const comparison = await compareThem(options, ids, startedAt);
  const verdict = verdictOf(summary, comparison, thresholds, signal.aborted);
  return {
    ...{ startedAt, endedAt: clock() },
    source: { kind: source.kind, shown: source.shown, at: source.at },
    store: store.url,
    ended: summary.error !== null ? 'trouble' : signal.aborted ? 'interrupted' : timeIsUp ? 'duration' : 'done',
    chosen: { ...counts, ...choice },
    limits: {
      ...{ rate: options.rate, durationMs: options.durationMs, concurrency: options.concurrency },
      ...{ hostGapMs: options.hostGapMs, hostConnections: options.hostConnections },
    },
    ...{ crawl: summary, measured: meter.measured(), comparison, thresholds, verdict },
  };
}

async function chooseFeeds(
  { source, store, choice, signal, onProgress }: TestCrawlOptions,
  now: number,
): Promise<{ ids: string[]; counts: ChosenCounts }> {
  const counts = { inSource: 0, notActive: 0, chosen: 0, ownUserAgent: 0 };
  async function* told() {
    for await (const page of chosenFeeds(source, choice, counts)) {
      if (signal.aborted) return;
      onProgress?.({ step: 'choosing', feeds: counts.chosen });
      yield page;
    }
  }
  const ids = await takeFeeds(store, told(), now);
  if (ids.length > 0 || signal.aborted) return { ids, counts };
  const message = `${source.shown} has no feeds to crawl${counts.notActive > 0 ? ': all are gone or paused' : ''}.`;
  throw testCrawlError('TEST_CRAWL_NO_FEEDS', message, { input: source.shown });
}

async function crawlThem(
  options: TestCrawlOptions,
  ids: readonly string[],
  meter: Meter,
): Promise<{ summary: CrawlSummary; timeIsUp: boolean }> {
  const { store, fetcher, clock, random, rate, durationMs, signal, onProgress } = options;
  const { concurrency, force, hostConnections, hostGapMs, minIntervalMs, maxIntervalMs } = options;
  const hosts = { connections: hostConnections, gapMs: hostGapMs };
  // Never a queue that production's crawlers share: they would do the test crawl's work, and it theirs.
  const own = { clock, hosts, jobsMax: Number.POSITIVE_INFINITY };
  const now = () => performance.now();
  await using queue = rate === null ? new LocalQueue(own) : new PacedQueue({ ...own, perSecond: rate, now });
  const timeUp = new AbortController();
  const begun = performance.now();
  const timer = durationMs === null ? undefined : setTimeout(() => timeUp.abort(), durationMs);
  try {
    const summary = await crawl({
      ...{ store, queue, fetcher: meter.watch(fetcher), concurrency, force, feeds: ids, hostGapMs, hostConnections },
      ...{ clock, random, minIntervalMs, maxIntervalMs },
      signal: AbortSignal.any([signal, timeUp.signal]),
      onProgress: (progress) => {
        const leftMs = durationMs === null ? null : Math.max(0, durationMs - (performance.now() - begun));
        onProgress?.({ step: 'crawling', ...progress, etaMs: sooner(progress.etaMs, leftMs) });
      },
    });
    return { summary, timeIsUp: timeUp.signal.aborted };
  } finally {
    clearTimeout(timer);
  }
}

function sooner(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b);
}

async function compareThem(
  { source, store, signal, onProgress }: TestCrawlOptions,
  ids: readonly string[],
  since: number,
): Promise<Comparison | null> {
  const limit = new AbortController();
  const limited = () => setTimeout(() => limit.abort(), COMPARE_AFTER_STOP_MS_MAX).unref();
  if (signal.aborted) limited();
  else signal.addEventListener('abort', limited, { once: true });
  const begun = performance.now();
  const total = ids.length;
  const comparison = await compare({
    ...{ here: store, production: (until) => source.production(ids, until), ids, since, signal: limit.signal },
    onProgress: (done) => {
      const etaMs = done === 0 ? null : ((performance.now() - begun) / done) * (total - done);
      onProgress?.({ step: 'comparing', done, total, etaMs });
    },
  });
  signal.removeEventListener('abort', limited);
  return comparison;
}
