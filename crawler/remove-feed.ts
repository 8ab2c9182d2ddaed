import type { Store, Writer } from '../store/contract.ts';
import type { FeedRecord } from '../store/documents.ts';
import { storeError } from '../store/errors.ts';
import { leaveHubs } from './websub/note.ts';

/** Articles of one write. */
const BATCH_ARTICLES = 500;

/** How often a feed's record is read again after the crawler changed it in between. */
const ATTEMPTS_MAX = 8;

export interface RemoveFeedOptions {
  readonly store: Store;
  /** `_id`. */
  readonly feed: string;
  /** Leave the articles where they are, for those who starred them. */
  readonly keepArticles: boolean;
  /** Shown to operators. */
  readonly owner: string;
  /** After each batch: articles removed so far. */
  readonly onProgress?: (removed: number) => void;
}

/**
 * Takes a feed and its articles out of the store; tombstones tell other sites. The feed is paused first, so that no
 * crawl brings articles back meanwhile, and goes last, so that a removal that was cut off can be run again. Returns how
 * many articles went. Throws what the store throws.
 */
export async function removeFeed(options: RemoveFeedOptions): Promise<{ articles: number }> {
  const { store, feed, owner } = options;
  await using feeds = await store.feeds.openWriter({ owner, durability: 'sync' });
  await changeFeed(store, feeds, feed, (record) => ({ ...record, state: 'paused', nextWhy: 'being removed' }));
  const articles = options.keepArticles ? 0 : await removeArticles(options);
  await leaveHubs(store.control, feed);
  await changeFeed(store, feeds, feed, () => null);
  return { articles };
}

async function changeFeed(
  store: Store,
  writer: Writer<FeedRecord>,
  id: string,
  change: (record: FeedRecord) => FeedRecord | null,
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const feed = await store.feeds.get(id);
    if (feed === undefined) return;
    const [outcome] = await writer.edit([{ id, content: change(feed.content), ifVer: feed.ver }]);
    if (outcome?.result === 'written') return;
  }
  throw storeError('EDIT_CONTENDED', `${id} was changed by others ${ATTEMPTS_MAX} times`, {
    input: id,
    retryable: true,
  });
}

async function removeArticles({ store, feed, owner, onProgress }: RemoveFeedOptions): Promise<number> {
  await using writer = await store.articles.openWriter({ owner, durability: 'sync' });
  let removed = 0;
  for (;;) {
    const page = await store.articles.timeline({ feed, limit: BATCH_ARTICLES });
    if (page.length === 0) return removed;
    await writer.edit(page.map(({ id }) => ({ id, content: null })));
    removed += page.length;
    onProgress?.(removed);
  }
}
