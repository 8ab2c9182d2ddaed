/** What the `feeds` commands tell of a feed: the documented shape of their `--json`, gathered from three databases. */
import { type FeedHealth, headingOf, healthOf } from '../site/shelf.ts';
import { DEFAULT_USER, subscriptionId } from '../site/subscriptions.ts';
import type { Live, Store } from '../store/contract.ts';
import type { FeedRecord, Subscription } from '../store/documents.ts';
import { adviceOf } from './error-catalogue.ts';
import { withoutCredentials } from './setting-kinds.ts';

/** Times are milliseconds since 1970. */
export interface FeedView {
  readonly id: string;
  /** Without the user and password that may be in it. */
  readonly url: string;
  readonly title: string;
  readonly siteUrl: string | null;
  readonly format: FeedRecord['format'];
  readonly health: FeedHealth;
  readonly articles: number;
  readonly followed: boolean;
  /** The reader's own name for it, and the folder. */
  readonly ownTitle: string | null;
  readonly folder: string | null;
  readonly addedAt: number;
  readonly nextAt: number;
  readonly nextWhy: string;
  readonly intervalMs: number;
  readonly triedAt: number | null;
  readonly succeededAt: number | null;
  readonly changedAt: number | null;
  /** Failures in a row. */
  readonly errors: number;
  readonly lastError: { code: string; message: string; at: number; advice: string } | null;
}

/** In the order of the feeds. At most a few hundred at once. */
export async function viewFeeds(store: Store, feeds: readonly Live<FeedRecord>[]): Promise<FeedView[]> {
  const ids = feeds.map((feed) => feed.id);
  const [counts, subscriptions] = await Promise.all([
    store.articles.countAbove(ids.map((feed) => ({ feed, num: 0 }))),
    store.subscriptions.getMany(ids.map((id) => subscriptionId(DEFAULT_USER, id))),
  ]);
  return feeds.map(({ id, content }) => {
    const subscription = subscriptions.get(subscriptionId(DEFAULT_USER, id))?.content ?? null;
    return viewOf(id, content, counts.get(id) ?? 0, subscription);
  });
}

function viewOf(id: string, feed: FeedRecord, articles: number, subscription: Subscription | null): FeedView {
  const { url, title, siteUrl, format, addedAt, nextAt, nextWhy, intervalMs } = feed;
  const { triedAt, succeededAt, changedAt, errors, lastError } = feed;
  return {
    ...{ id, url: withoutCredentials(url), title, siteUrl, format, health: healthOf(headingOf(feed, id)), articles },
    followed: subscription !== null,
    ownTitle: subscription?.title ?? null,
    folder: subscription?.folder ?? null,
    ...{ addedAt, nextAt, nextWhy, intervalMs, triedAt, succeededAt, changedAt, errors },
    lastError: lastError === null ? null : { ...lastError, advice: adviceOf(lastError.code) },
  };
}

/** What people call it: the reader's own name, else the feed's, else its address. */
export function nameOf(view: Pick<FeedView, 'ownTitle' | 'title' | 'url'>): string {
  return view.ownTitle ?? (view.title || view.url);
}
