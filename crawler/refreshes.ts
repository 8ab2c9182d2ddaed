/** Readers who wait for a feed to be fetched now. */
import type { FeedRecord } from '../store/documents.ts';
import { crawlerError } from './errors.ts';

/** How long one waits; the fetch itself goes on. */
const REFRESH_MS_MAX = 60_000;
/** What was fetched so little ago is new enough. */
const REFRESH_GAP_MS = 30_000;

/** Not a moment after the last fetch, and not against a publisher who asked for patience. */
export function mayRefresh({ triedAt, nextAt, lastError }: FeedRecord, now: number): boolean {
  if (triedAt !== null && now - triedAt >= 0 && now - triedAt < REFRESH_GAP_MS) return false;
  const patience = lastError?.code === 'FETCH_HTTP_429' || lastError?.code === 'FETCH_HTTP_503';
  return !(patience && nextAt > now);
}

type End = (error?: unknown) => void;

export class Refreshes {
  /** By feed. */
  readonly #waiting = new Map<string, Set<End>>();

  /** Resolves at the feed's next `crawled`. Throws what that says, and CRAWL_SLOW. */
  whenCrawled(feed: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        end(crawlerError('CRAWL_SLOW', `The feed was not fetched within ${REFRESH_MS_MAX / 1_000} s`, { input: feed }));
      }, REFRESH_MS_MAX);
      const end: End = (error) => {
        clearTimeout(timer);
        this.#remove(feed, end);
        if (error === undefined) resolve();
        else reject(error);
      };
      const waiting = this.#waiting.get(feed) ?? new Set();
      this.#waiting.set(feed, waiting.add(end));
    });
  }

  crawled(feed: string, error?: unknown): void {
    for (const end of [...(this.#waiting.get(feed) ?? [])]) end(error);
  }

  stop(): void {
    for (const feed of [...this.#waiting.keys()]) {
      this.crawled(feed, crawlerError('CRAWL_STOPPED', 'The crawler was stopped', { input: feed }));
    }
  }

  #remove(feed: string, end: End): void {
    const waiting = this.#waiting.get(feed);
    waiting?.delete(end);
    if (waiting?.size === 0) this.#waiting.delete(feed);
  }
}
