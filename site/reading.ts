import type { ArticleRef, ArticlesDatabase, Live, Position } from '../store/contract.ts';
import type { Article } from '../store/documents.ts';
import { siteError } from './errors.ts';
import { Following } from './following.ts';
import { markBound } from './mark-bound.ts';
import { ReadSpread, type Source } from './read-spread.ts';
import { feedOfArticle, placeOfStar, type ReaderOptions, ReaderStates } from './reader-states.ts';
import { ReaderToken } from './reader-token.ts';
import { buildShelf, type Shelf, type ShelfFeed } from './shelf.ts';
import { isNewer, slice } from './timeline.ts';
import { UnreadCounts } from './unread-counts.ts';

/** Articles on one page of a list. */
export const PAGE_ARTICLES = 40;

/** What a list is about. */
export type Scope =
  | { readonly kind: 'all' }
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'feed'; readonly feed: string };

export interface ListedArticle {
  readonly id: string;
  readonly position: Position;
  /** Null: starred, but no longer there. */
  readonly article: Article | null;
  readonly feed: ShelfFeed | null;
  readonly read: boolean;
  readonly starred: boolean;
}

export interface ArticleList {
  readonly items: readonly ListedArticle[];
  /** The next page has what is older than this; null: there is none. */
  readonly next: Position | null;
  /** True where the page ended because it had looked far enough back, not because it was full. */
  readonly cutShort: boolean;
}

export interface ListQuery {
  readonly scope: Scope;
  readonly unreadOnly: boolean;
  readonly before: Position | null;
  readonly limit?: number;
}

/** One reader's side of the store: what is followed, read and starred. Every request asks for the `shelf` first. */
export class Reading implements AsyncDisposable {
  readonly following: Following;
  readonly states: ReaderStates;
  /** Where articles are read: at the store, or at its replicas. */
  readonly reads: ReadSpread;
  /** What this reader must find wherever that is. */
  readonly token = new ReaderToken();
  readonly #options: ReaderOptions;
  readonly #counts = new UnreadCounts();
  #shelf: { readonly revision: string; readonly shelf: Shelf } | undefined;

  private constructor(options: ReaderOptions, following: Following, states: ReaderStates) {
    this.#options = options;
    this.following = following;
    this.states = states;
    this.reads = options.reads ?? primaryOnly(options);
  }

  static async open(options: ReaderOptions): Promise<Reading> {
    return new Reading(options, await Following.open(options), await ReaderStates.open(options));
  }

  /** What is followed, with exact unread counts, as of now. */
  async shelf(): Promise<Shelf> {
    const { following, states } = this;
    await this.#refreshViews();
    const followed = following.all();
    const counted = followed.map(({ feed }) => ({
      feed,
      marks: states.marksOf(feed),
      token: `${states.markToken(feed)} ${following.feedToken(feed)} ${this.token.revision}`,
    }));
    this.#options.metrics.feedsCounted += await this.#read(({ articles, replica }) =>
      this.#counts.refresh(counted, this.#options.clock(), articles, replica ?? ''),
    );
    const revision = `${following.revision} ${this.#counts.revision}`;
    if (this.#shelf?.revision !== revision) {
      const headingOf = (id: string) => following.heading(id);
      this.#shelf = { revision, shelf: buildShelf(followed, headingOf, (id) => this.#counts.get(id)) };
    }
    return this.#shelf.shelf;
  }

  /** A page of articles, newest first, those strictly older than `before`. */
  list(shelf: Shelf, query: ListQuery): Promise<ArticleList> {
    return this.#read(({ articles }) => this.#listAt(articles, shelf, query));
  }

  async #listAt(articles: ArticlesDatabase, shelf: Shelf, query: ListQuery): Promise<ArticleList> {
    const feeds = feedsOf(shelf, query.scope).filter((feed) => !query.unreadOnly || feed.unread > 0);
    const unread = sumOfUnread(feeds);
    const found = await slice(articles, {
      feeds: feeds.map((feed) => feed.id),
      before: query.before,
      limit: query.limit ?? PAGE_ARTICLES,
      accept: (ref: ArticleRef) => !query.unreadOnly || !this.states.isRead(ref.feed, ref.num),
      ...(query.unreadOnly ? { atMost: unread } : {}),
    });
    if (found.cutShort) this.#options.metrics.pagesCutShort += 1;
    const items = await this.#withArticles(
      articles,
      shelf,
      found.refs.map(({ id, at, num }) => ({ id, position: { at, num } })),
    );
    return { items: items.filter((item) => item.article !== null), next: found.next, cutShort: found.cutShort };
  }

  /** Newest first; articles that are gone are in it without content, so that their stars can be taken away. */
  async starred(shelf: Shelf, before: Position | null): Promise<ArticleList> {
    const stars = this.states.stars();
    const from = before === null ? 0 : stars.findIndex((star) => isNewer(before, placeOfStar(star)));
    const page = from < 0 ? [] : stars.slice(from, from + PAGE_ARTICLES);
    const places = page.map((star) => ({ id: star.article, position: placeOfStar(star) }));
    const last = places.at(-1);
    const isMore = last !== undefined && from + page.length < stars.length;
    return {
      items: await this.#read((source) => this.#withAll(source, shelf, places)),
      next: isMore ? last.position : null,
      cutShort: false,
    };
  }

  /** Throws SITE_ARTICLE_UNKNOWN. */
  async article(id: string): Promise<Live<Article>> {
    const article = await this.#read(async ({ articles, replica }) => {
      const there = await articles.get(id);
      return there === undefined && replica !== null ? await this.#atPrimary((primary) => primary.get(id)) : there;
    });
    if (article === undefined) throw siteError('SITE_ARTICLE_UNKNOWN', 'There is no such article.', { input: id });
    return article;
  }

  /** Everything in the list that is there now has a `num` up to this one. */
  markBound(shelf: Shelf, scope: Scope): Promise<number> {
    const ids = feedsOf(shelf, scope).map((feed) => feed.id);
    return this.#read(({ articles, asOf }) => markBound(articles, ids, asOf));
  }

  /** Marks all of a list read that has a `num` up to `bound`. */
  async markAllRead(shelf: Shelf, scope: Scope, bound: number): Promise<void> {
    const feeds = feedsOf(shelf, scope).filter((feed) => feed.unread > 0);
    await this.states.markUpTo(
      feeds.map((feed) => feed.id),
      bound,
    );
  }

  /** Settles what was written and gives the writers back. */
  async close(): Promise<void> {
    await Promise.all([this.states.close(), this.following.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #read<T>(use: (source: Source) => Promise<T>): Promise<T> {
    return this.reads.read(this.token, use);
  }

  /** What a replica does not have may be there all the same; undefined where the primary does not answer either. */
  async #atPrimary<T>(use: (articles: ArticlesDatabase) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.reads.orDown(use(this.#options.store.articles));
    } catch (error) {
      if (this.reads.canGoOnAfter(error)) return undefined;
      throw error;
    }
  }

  /** While the primary does not answer, what is in memory stands. */
  async #refreshViews(): Promise<void> {
    try {
      await this.reads.orDown(Promise.all([this.following.refresh(), this.states.refresh()]));
    } catch (error) {
      if (!this.reads.canGoOnAfter(error)) throw error;
    }
  }

  /** Stars are in memory: a replica may lack their articles yet, which are not gone for that. */
  async #withAll(
    { articles, replica }: Source,
    shelf: Shelf,
    places: readonly { readonly id: string; readonly position: Position }[],
  ): Promise<ListedArticle[]> {
    const items = await this.#withArticles(articles, shelf, places);
    const missing = items.filter(({ article }) => article === null).map(({ id }) => id);
    if (replica === null || missing.length === 0) return items;
    const found = await this.#atPrimary((primary) => primary.getMany(missing));
    return items.map((item) => ({ ...item, article: item.article ?? found?.get(item.id)?.content ?? null }));
  }

  async #withArticles(
    source: ArticlesDatabase,
    shelf: Shelf,
    places: readonly { readonly id: string; readonly position: Position }[],
  ): Promise<ListedArticle[]> {
    const articles = await source.getMany(places.map(({ id }) => id));
    return places.map(({ id, position }) => ({
      id,
      position,
      article: articles.get(id)?.content ?? null,
      feed: shelf.byId.get(feedOfArticle(id)) ?? null,
      read: this.states.isRead(feedOfArticle(id), position.num),
      starred: this.states.isStarred(id),
    }));
  }
}

export function feedsOf(shelf: Shelf, scope: Scope): readonly ShelfFeed[] {
  if (scope.kind === 'all') return shelf.feeds;
  if (scope.kind === 'folder') return shelf.folders.find(({ name }) => name === scope.folder)?.feeds ?? [];
  const feed = shelf.byId.get(scope.feed);
  return feed === undefined ? [] : [feed];
}

function sumOfUnread(feeds: readonly ShelfFeed[]): number {
  return feeds.reduce((sum, feed) => sum + feed.unread, 0);
}

function primaryOnly({ store, clock, metrics }: ReaderOptions): ReadSpread {
  return new ReadSpread({ primary: store.articles, replicas: [], stalenessMsMax: 0, clock, metrics });
}
