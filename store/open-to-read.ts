/**
 * A store that somebody else works with, opened to look: nothing of it is changed, by whatever mistake. There is no
 * method here that writes, and SQLite opens the file read-only. A live store goes on meanwhile: what is read in two calls is of two moments.
 */
import type { ArticlesDatabase, Clock, FeedsDatabase, SiteId } from './contract.ts';
import type { DatabaseName } from './documents.ts';
import { openStore } from './open.ts';

export type ReadableFeeds = Pick<FeedsDatabase, 'getMany' | 'scan'>;
export type ReadableArticles = Pick<ArticlesDatabase, 'getMany' | 'scan' | 'known' | 'timeline' | 'countAbove'>;

export interface ReadableStore extends AsyncDisposable {
  /** Without credentials. */
  readonly url: string;
  readonly site: SiteId;
  readonly feeds: ReadableFeeds;
  readonly articles: ReadableArticles;
  /** Documents that are there, tombstones left out. */
  count(database: DatabaseName): Promise<number>;
  /** A note of `control`; undefined: there is none. */
  note(id: string): Promise<unknown>;
}

/** Throws STORE_MISSING, STORE_OLDER, STORE_NEWER and the other STORE_* codes. */
export async function openToRead(
  url: string,
  options: { readonly clock?: Clock; readonly waitMsMax?: number } = {},
): Promise<ReadableStore> {
  const store = await openStore(url, { ...options, readOnly: true });
  const { feeds, articles, control } = store;
  return {
    url: store.url,
    site: store.site,
    feeds: {
      getMany: (ids) => feeds.getMany(ids),
      scan: feeds.scan.bind(feeds),
    },
    articles: {
      getMany: (ids) => articles.getMany(ids),
      scan: articles.scan.bind(articles),
      known: (ids) => articles.known(ids),
      timeline: (query) => articles.timeline(query),
      countAbove: (marks) => articles.countAbove(marks),
    },
    count: (database) => store.database(database).count(),
    note: async (id) => (await control.get(id))?.value,
    [Symbol.asyncDispose]: () => store.close(),
  };
}
