/** Where a test crawl has its feeds from: a live store, a snapshot of one, or a list. It is only read. */
import type { FeedOverrides, FeedRecord } from '../../store/documents.ts';
import { canonicalFeedUrl, feedId } from '../../store/ids.ts';
import type { ReadableStore } from '../../store/open-to-read.ts';
import type { OpmlFeed } from '../parse/opml.ts';

/** What the test crawl takes over of a feed: no validators, no history, no schedule. */
export interface SourceFeed {
  /** Of the source too, so that both make the same ids of articles. */
  readonly id: string;
  readonly url: string;
  readonly title: string;
  readonly siteUrl: string | null;
  /** False: gone or paused there. */
  readonly active: boolean;
  readonly overrides: FeedOverrides | undefined;
}

export interface FeedSource {
  readonly kind: 'store' | 'snapshot' | 'list';
  /** For people: a URL without credentials, or a path. */
  readonly shown: string;
  /** The moment of a snapshot; null: as it is now. */
  readonly at: number | null;
  /** Null: a list has none. */
  readonly site: string | null;
  /** A page at a time, each feed once. */
  feeds(): AsyncIterable<readonly SourceFeed[]>;
  /**
   * What was found is compared with this, once the crawl is over. Null: with nothing. `ids`: of the feeds it took. Throws
   * where it can't be had, or not before `signal` is aborted.
   */
  production(ids: readonly string[], signal: AbortSignal): Promise<Production | null>;
}

export type Production = Pick<ReadableStore, 'feeds' | 'articles'>;

const PAGE_SIZE = 500;

export function storeSource(store: ReadableStore): FeedSource {
  return {
    ...{ kind: 'store', shown: store.url, at: null, site: store.site },
    feeds: () => feedsOf(store),
    production: async () => store,
  };
}

/** In the order of ids. */
export async function* feedsOf(store: Pick<ReadableStore, 'feeds'>): AsyncGenerator<SourceFeed[]> {
  for (let after = ''; ; ) {
    const page = await store.feeds.scan(after === '' ? { limit: PAGE_SIZE } : { limit: PAGE_SIZE, after });
    if (page.length > 0) yield page.map(({ id, content }) => sourceFeed(id, content));
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_SIZE) return;
    after = last.id;
  }
}

function sourceFeed(id: string, { url, title, siteUrl, state, overrides }: FeedRecord): SourceFeed {
  return { id, url, title, siteUrl, active: state === 'active', overrides };
}

export function listSource(shown: string, list: readonly OpmlFeed[]): FeedSource {
  const feeds = list.flatMap(({ url, title, siteUrl }): SourceFeed[] => {
    const canonical = canonicalFeedUrl(url);
    if (canonical === undefined) return [];
    return [{ id: feedId(canonical), url: canonical, title, siteUrl, active: true, overrides: undefined }];
  });
  const distinct = [...new Map(feeds.map((feed) => [feed.id, feed])).values()];
  return {
    ...{ kind: 'list', shown, at: null, site: null },
    async *feeds() {
      for (let from = 0; from < distinct.length; from += PAGE_SIZE) yield distinct.slice(from, from + PAGE_SIZE);
    },
    production: async () => null,
  };
}
