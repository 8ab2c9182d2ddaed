/**
 * The store that a test crawl writes: never production's. It is marked as such, and a store that holds feeds or articles
 * without the mark is somebody's service.
 */
import type { Edit, Live, Store } from '../../store/contract.ts';
import type { FeedOverrides, FeedRecord } from '../../store/documents.ts';
import { DATABASE_NAMES } from '../../store/documents.ts';
import { canonicalJson } from '../../store/envelope.ts';
import type { ReadableStore } from '../../store/open-to-read.ts';
import { newFeed } from '../new-feed.ts';
import { testCrawlError } from './errors.ts';
import type { SourceFeed } from './feed-source.ts';

/** The note of `control` that marks a store of test crawls. */
export const TEST_CRAWL_NOTE = 'test-crawl';

export interface TestCrawlNote {
  /** Of the last one. */
  readonly startedAt: number;
  readonly source: string;
}

/**
 * Before the store is opened for writing. `sites`: those of the source, which a copy of its file has too. Throws
 * TEST_CRAWL_SAME_STORE and TEST_CRAWL_STORE_IN_USE.
 */
export async function requireOwnStore(
  target: Pick<ReadableStore, 'url' | 'site' | 'note' | 'count'>,
  sourceSite: string | null,
  intoExisting: boolean,
): Promise<void> {
  if (target.site === sourceSite) {
    const message = `${target.url} is the store that the feeds come from, or a copy of its file.`;
    throw testCrawlError('TEST_CRAWL_SAME_STORE', message, { input: target.url });
  }
  if (intoExisting || (await target.note(TEST_CRAWL_NOTE)) !== undefined) return;
  for (const name of DATABASE_NAMES) {
    if ((await target.count(name)) === 0) continue;
    const message = `${target.url} holds ${name} that no test crawl has put there.`;
    throw testCrawlError('TEST_CRAWL_STORE_IN_USE', message, { input: target.url });
  }
}

/**
 * Makes the feeds ready in the test crawl's store, under their ids; returns these. Nothing that production was told by a
 * publisher comes along: its validators vouch for a body that this crawler never saw. A feed that an earlier test crawl
 * has fetched keeps those of its own.
 */
export async function takeFeeds(
  store: Store,
  pages: AsyncIterable<readonly SourceFeed[]>,
  now: number,
): Promise<string[]> {
  const ids: string[] = [];
  await using writer = await store.feeds.openWriter({ owner: 'crawl --test', durability: 'lazy' });
  for await (const page of pages) {
    const there = await store.feeds.getMany(page.map(({ id }) => id));
    const edits = page.flatMap((feed) => editFor(feed, there.get(feed.id), now) ?? []);
    if (edits.length > 0) await writer.edit(edits);
    ids.push(...page.map(({ id }) => id));
  }
  return ids;
}

function editFor(feed: SourceFeed, there: Live<FeedRecord> | undefined, now: number): Edit<FeedRecord> | null {
  const overrides = withoutUserAgent(feed.overrides);
  const set = overrides === undefined ? {} : { overrides };
  if (there === undefined) {
    return { id: feed.id, content: { ...newFeed({ ...feed, now, nextAt: now }), ...set }, ifVer: null };
  }
  const { overrides: before, ...kept } = there.content;
  const isSamePlace = kept.url === feed.url;
  if (isSamePlace && canonicalJson(before ?? null) === canonicalJson(overrides ?? null)) return null;
  const place = isSamePlace ? {} : { url: feed.url, etag: null, lastModified: null, bodyHash: null, moved: null };
  return { id: feed.id, content: { ...kept, ...place, ...set }, ifVer: there.ver };
}

/** The User-Agent is the test crawl's own, for every feed. */
function withoutUserAgent(overrides: FeedOverrides | undefined): FeedOverrides | undefined {
  if (overrides === undefined) return undefined;
  const { userAgent: _replaced, ...kept } = overrides;
  return Object.keys(kept).length === 0 ? undefined : kept;
}
