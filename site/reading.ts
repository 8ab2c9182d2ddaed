import type { ArticleRef, Live, Position } from '../store/contract.ts';
import type { Article } from '../store/documents.ts';
import { siteError } from './errors.ts';
import { Following } from './following.ts';
import { markBound } from './mark-bound.ts';
import { feedOfArticle, placeOfStar, type ReaderOptions, ReaderStates } from './reader-states.ts';
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

/** One reader's side of the store: what is followed, read and starred. Every request asks for the `shelf` first. */
export class Reading implements AsyncDisposable {
  readonly following: Following;
  readonly states: ReaderStates;
  readonly #options: ReaderOptions;
  readonly #counts: UnreadCounts;
  #shelf: { readonly revision: string; readonly shelf: Shelf } | undefined;

  private constructor(options: ReaderOptions, following: Following, states: ReaderStates) {
    this.#options = options;
    this.following = following;
    this.states = states;
    this.#counts = new UnreadCounts(options.store.articles);
  }

  static async open(options: ReaderOptions): Promise<Reading> {
    return new Reading(options, await Following.open(options), await ReaderStates.open(options));
  }

  /** What is followed, with exact unread counts, as of now. */
  async shelf(): Promise<Shelf> {
    const { following, states } = this;
    await Promise.all([following.refresh(), states.refresh()]);
    const followed = following.all();
    const counted = followed.map(({ feed }) => ({
      feed,
      marks: states.marksOf(feed),
      token: `${states.markToken(feed)} ${following.feedToken(feed)}`,
    }));
    this.#options.metrics.feedsCounted += await this.#counts.refresh(counted, this.#options.clock());
    const revision = `${following.revision} ${this.#counts.revision}`;
    if (this.#shelf?.revision !== revision) {
      const headingOf = (id: string) => following.heading(id);
      this.#shelf = { revision, shelf: buildShelf(followed, headingOf, (id) => this.#counts.get(id)) };
    }
    return this.#shelf.shelf;
  }

  /** A page of articles, newest first, those strictly older than `before`. */
  async list(
    shelf: Shelf,
    query: { scope: Scope; unreadOnly: boolean; before: Position | null; limit?: number },
  ): Promise<ArticleList> {
    const feeds = feedsOf(shelf, query.scope).filter((feed) => !query.unreadOnly || feed.unread > 0);
    const unread = sumOfUnread(feeds);
    const found = await slice(this.#options.store.articles, {
      feeds: feeds.map((feed) => feed.id),
      before: query.before,
      limit: query.limit ?? PAGE_ARTICLES,
      accept: (ref: ArticleRef) => !query.unreadOnly || !this.states.isRead(ref.feed, ref.num),
      ...(query.unreadOnly ? { atMost: unread } : {}),
    });
    if (found.cutShort) this.#options.metrics.pagesCutShort += 1;
    const items = await this.#withArticles(
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
      items: await this.#withArticles(shelf, places),
      next: isMore ? last.position : null,
      cutShort: false,
    };
  }

  /** Throws SITE_ARTICLE_UNKNOWN. */
  async article(id: string): Promise<Live<Article>> {
    const article = await this.#options.store.articles.get(id);
    if (article === undefined) throw siteError('SITE_ARTICLE_UNKNOWN', 'There is no such article.', { input: id });
    return article;
  }

  /** Everything in the list that is there now has a `num` up to this one. */
  markBound(shelf: Shelf, scope: Scope): Promise<number> {
    const ids = feedsOf(shelf, scope).map((feed) => feed.id);
    return markBound(this.#options.store.articles, ids, this.#options.clock());
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

  async #withArticles(
    shelf: Shelf,
    places: readonly { readonly id: string; readonly position: Position }[],
  ): Promise<ListedArticle[]> {
    const articles = await this.#options.store.articles.getMany(places.map(({ id }) => id));
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
