/** Readers who wait for a feed to be fetched now. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Store } from '../store/contract.ts';
import type { FeedRecord } from '../store/documents.ts';
import { crawlerError } from './errors.ts';
import { pausedError, pauseIn, readPause } from './pause/note.ts';
import type { Queue } from './queue/contract.ts';
import { afterSkipped } from './schedule.ts';

/** How long one waits; the fetch itself goes on. */
const REFRESH_MS_MAX = 60_000;
/** What was fetched so little ago is new enough. */
const REFRESH_GAP_MS = 30_000;
/** Between two looks at a record that another process will change. */
const WATCH_MS = 500;

/** A feed that was taken away (410) is asked again when somebody wants it to be, but not more often. */
const GONE_GAP_MS = 7 * 24 * 3_600_000;

/**
 * Not sooner than the publisher and the operator allow, whoever waits. What a clock said that was ahead, and was set back
 * since, does not count.
 */
export function mayRefresh(record: FeedRecord, now: number): boolean {
  const { triedAt, nextAt, allowedAt = 0, lastError, state, hints } = record;
  const isWithin = (ms: number) => triedAt !== null && now >= triedAt && now - triedAt < ms;
  if (isWithin(REFRESH_GAP_MS) || (state === 'gone' && isWithin(GONE_GAP_MS))) return false;
  if (now < allowedAt && (triedAt === null || now >= triedAt)) return false;
  if (afterSkipped(now, hints) !== now) return false;
  const patience = lastError?.code === 'FETCH_HTTP_429' || lastError?.code === 'FETCH_HTTP_503';
  return !(patience && nextAt > now);
}

/**
 * Has a feed fetched before all others by the crawlers that share the queue, where this process has none, and waits for
 * it. Throws CRAWL_FEED_UNKNOWN, CRAWL_PAUSED, CRAWL_SLOW, and what store and queue throw.
 */
export async function refreshByOthers(
  { store, queue, clock }: { readonly store: Store; readonly queue: Queue; readonly clock: Clock },
  feed: string,
): Promise<void> {
  await checkPause(store, feed);
  const live = await store.feeds.get(feed);
  if (live === undefined) throw crawlerError('CRAWL_FEED_UNKNOWN', `There is no feed ${feed}`, { input: feed });
  const { url, nextAt, triedAt } = live.content;
  if (!mayRefresh(live.content, clock())) return;
  await queue.add([{ feed, url, nextAt, urgent: true }]);
  for (const from = performance.now(); performance.now() - from < REFRESH_MS_MAX; await sleep(WATCH_MS)) {
    const now = await store.feeds.get(feed);
    if (now === undefined || now.content.triedAt !== triedAt) return;
    await checkPause(store, feed);
  }
  throw slow(feed);
}

async function checkPause({ control }: Store, feed: string): Promise<void> {
  const pause = pauseIn(await readPause(control));
  if (pause !== null) throw pausedError(pause, feed);
}

function slow(feed: string): Error {
  return crawlerError('CRAWL_SLOW', `The feed was not fetched within ${REFRESH_MS_MAX / 1_000} s`, { input: feed });
}

type End = (error?: unknown) => void;

export class Refreshes {
  /** By feed. */
  readonly #waiting = new Map<string, Set<End>>();

  /** Resolves at the feed's next `crawled`. Throws what that says, and CRAWL_SLOW. */
  whenCrawled(feed: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        end(slow(feed));
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

  isAwaited(feed: string): boolean {
    return this.#waiting.has(feed);
  }

  crawled(feed: string, error?: unknown): void {
    for (const end of [...(this.#waiting.get(feed) ?? [])]) end(error);
  }

  /** None of them is fetched now. */
  end(why: (feed: string) => Error): void {
    for (const feed of [...this.#waiting.keys()]) this.crawled(feed, why(feed));
  }

  #remove(feed: string, end: End): void {
    const waiting = this.#waiting.get(feed);
    waiting?.delete(end);
    if (waiting?.size === 0) this.#waiting.delete(feed);
  }
}
