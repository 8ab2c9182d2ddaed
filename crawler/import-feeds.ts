/** Many feeds at once, from a subscription list. No network: they are fetched as they come due. */
import type { Clock, Edit, Store } from '../store/contract.ts';
import type { FeedRecord } from '../store/documents.ts';
import { canonicalFeedUrl, feedId } from '../store/ids.ts';
import { IMPORT_SPREAD_MS_MAX } from './due-feeds.ts';
import { newFeed } from './new-feed.ts';
import type { OpmlFeed } from './parse/opml.ts';

export interface ImportOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: () => number;
  readonly feeds: readonly OpmlFeed[];
}

export interface ImportedFeeds {
  /** Ids. */
  readonly added: string[];
  readonly known: string[];
  readonly invalid: { url: string; message: string }[];
  /** Aligned with the input; empty for what is invalid. The same feed twice has the same id twice. */
  readonly ids: string[];
}

const BATCH_SIZE = 500;

/** The first fetches are spread so that 20 come due in a second. */
const SPREAD_MS_PER_FEED = 50;

/** Throws what the store throws. What was added before stays; to import the same list again does no harm. */
export async function importFeeds(options: ImportOptions): Promise<ImportedFeeds> {
  const { store, clock, random, feeds } = options;
  const invalid: ImportedFeeds['invalid'] = [];
  const wanted = new Map<string, FeedRecord>();
  const spreadMs = Math.min(feeds.length * SPREAD_MS_PER_FEED, IMPORT_SPREAD_MS_MAX);
  const now = clock();
  const ids = feeds.map((feed) => {
    const url = canonicalFeedUrl(feed.url);
    if (url === undefined) {
      invalid.push({ url: feed.url, message: 'This is no http or https address' });
      return '';
    }
    const id = feedId(url);
    const nextAt = now + Math.floor(random() * spreadMs);
    if (!wanted.has(id)) wanted.set(id, newFeed({ url, title: feed.title, siteUrl: feed.siteUrl, now, nextAt }));
    return id;
  });
  const { added, moved } = await addMissing(store, wanted);
  const known = new Set([...wanted.keys()].filter((id) => !added.has(id)).map((id) => moved.get(id) ?? id));
  return { added: [...added], known: [...known], invalid, ids: ids.map((id) => moved.get(id) ?? id) };
}

/** `moved`: by the id that its URL would give, a feed that has moved there since it was added. */
async function addMissing(
  store: Store,
  wanted: Map<string, FeedRecord>,
): Promise<{ added: Set<string>; moved: Map<string, string> }> {
  const added = new Set<string>();
  const moved = new Map<string, string>();
  const all = [...wanted];
  await using writer = await store.feeds.openWriter({ owner: 'feeds import', durability: 'sync' });
  for (let from = 0; from < all.length; from += BATCH_SIZE) {
    const batch = all.slice(from, from + BATCH_SIZE);
    const there = await store.feeds.getMany(batch.map(([id]) => id));
    const missing = batch.filter(([id]) => !there.has(id));
    const holders = await store.feeds.byUrl(missing.map(([, { url }]) => url));
    for (const [id, { url }] of missing) {
      const [holder] = holders.get(url) ?? [];
      if (holder !== undefined) moved.set(id, holder);
    }
    const edits: Edit<FeedRecord>[] = missing
      .filter(([id]) => !moved.has(id))
      .map(([id, content]) => ({ id, content, ifVer: null }));
    if (edits.length === 0) continue;
    for (const { id, result } of await writer.edit(edits)) if (result === 'written') added.add(id);
  }
  return { added, moved };
}
