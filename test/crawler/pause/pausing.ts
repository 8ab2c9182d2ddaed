/** Pausing and resuming as the tests here do it, and a publisher who answers when a test lets him. */
import { type PauseOptions, type PauseReport, pauseCrawlers } from '../../../crawler/pause/pause.ts';
import { type ResumeOptions, type ResumeReport, resumeCrawlers } from '../../../crawler/pause/resume.ts';
import { type RunningCrawler, type RunOptions, startCrawler } from '../../../crawler/run.ts';
import { entries, type FeedSite, feedSite } from '../feed-site.ts';
import type { Setting } from '../harness.ts';

export function start(here: Setting, more: Partial<RunOptions> = {}): RunningCrawler & AsyncDisposable {
  const crawler = startCrawler({
    ...{ store: here.store, fetcher: here.fetcher, concurrency: 4, hostGapMs: 0, hostConnections: 4 },
    ...{ minIntervalMs: 900_000, maxIntervalMs: 86_400_000, clock: () => here.clock.now, random: () => 0 },
    ...more,
  });
  return Object.assign(crawler, { [Symbol.asyncDispose]: () => crawler.stop() });
}

export function pause({ store }: Pick<Setting, 'store'>, more: Partial<PauseOptions> = {}): Promise<PauseReport> {
  const who = { by: 'ops@test', why: 'a test', finishMsMax: 20_000 };
  return pauseCrawlers({ store, clock: Date.now, ...who, wait: true, readOnly: false, ...more });
}

export function resume({ store }: Pick<Setting, 'store'>, more: Partial<ResumeOptions> = {}): Promise<ResumeReport> {
  return resumeCrawlers({ store, clock: Date.now, by: 'ops@test', waitMsMax: 0, ...more });
}

/** Answers are held back until `open` is called. */
export function gate(): { readonly before: () => Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { before: () => promise, open: resolve };
}

export async function twoFeeds(before: () => Promise<void>): Promise<FeedSite> {
  return feedSite({ a: { entries: entries(2), before }, b: { entries: entries(3) } });
}
