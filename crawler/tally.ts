import type { CrawledFeed } from './crawl-feed.ts';
import type { CrawlerMetrics } from './metrics.ts';

/** Counts what became of a feed. `passed-over` and `unfinished` count nowhere. */
export function tally(metrics: CrawlerMetrics, crawled: CrawledFeed): void {
  if (crawled.kind === 'passed-over' || crawled.kind === 'unfinished') return;
  metrics.bytes += crawled.bytes;
  metrics.fetchMs += crawled.ms;
  const outcome = crawled.kind === 'failed' ? crawled.error.code : crawled.kind === 'fetched' ? 'ok' : 'not-modified';
  metrics.fetches[outcome] = (metrics.fetches[outcome] ?? 0) + 1;
  if (crawled.kind !== 'fetched') return;
  metrics.articlesNew += crawled.entries.added;
  metrics.articlesChanged += crawled.entries.changed;
  metrics.articlesUnchanged += crawled.entries.unchanged;
}

/** The failures among them, by code. */
export function failures(metrics: CrawlerMetrics): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics.fetches).filter(([outcome]) => outcome !== 'ok' && outcome !== 'not-modified'),
  );
}
