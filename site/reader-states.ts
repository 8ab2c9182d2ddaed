import type { Clock, Position, Store } from '../store/contract.ts';
import type { ReaderState, Star } from '../store/documents.ts';
import { editDocuments } from './edit.ts';
import { siteError } from './errors.ts';
import { EXCEPTIONS_MAX, isRead, type Marks, markRead, markUnread, markUpTo, NOTHING_READ } from './marks.ts';
import type { SiteMetrics } from './metrics.ts';
import type { ReadSpread } from './read-spread.ts';
import { StandingWriter } from './standing-writer.ts';
import { subscriptionId } from './subscriptions.ts';
import { tidyMarks } from './tidy-marks.ts';
import { isNewer } from './timeline.ts';
import { DatabaseView } from './view.ts';

/** A mark is tidied whenever it has so many exceptions more. */
const TIDY_EVERY = 32;

export interface ReaderOptions {
  readonly store: Store;
  readonly user: string;
  readonly clock: Clock;
  readonly metrics: SiteMetrics;
  /** Where articles are read. Absent: at the store itself. */
  readonly reads?: ReadSpread;
}

/** What one reader has read and starred: in memory as of the last `refresh`, written through to the store. */
export class ReaderStates {
  readonly #options: ReaderOptions;
  readonly #view: DatabaseView<ReaderState, ReaderState>;
  readonly #writer: StandingWriter<ReaderState>;
  /** Edits of one reader go one by one: of two that meet, the second would only read again. */
  #lastEdit: Promise<unknown> = Promise.resolve();
  #stars: { readonly revision: number; readonly newestFirst: Star[] } | undefined;

  private constructor(options: ReaderOptions, view: DatabaseView<ReaderState, ReaderState>) {
    this.#options = options;
    this.#view = view;
    this.#writer = new StandingWriter(options.store.states, { owner: 'site', durability: 'sync' }, () => {
      options.metrics.writersReopened += 1;
    });
  }

  static async open(options: ReaderOptions): Promise<ReaderStates> {
    const prefix = `${options.user}.`;
    const project = (content: ReaderState) => content;
    return new ReaderStates(options, await DatabaseView.open({ database: options.store.states, prefix, project }));
  }

  refresh(): Promise<void> {
    return this.#view.refresh();
  }

  marksOf(feed: string): Marks {
    const state = this.#view.get(subscriptionId(this.#options.user, feed));
    return state?.kind === 'mark' ? state : NOTHING_READ;
  }

  /** Another one after each change of the feed's mark. */
  markToken(feed: string): string {
    return this.#view.versionOf(subscriptionId(this.#options.user, feed)) ?? '';
  }

  isRead(feed: string, num: number): boolean {
    return isRead(this.marksOf(feed), num);
  }

  isStarred(articleId: string): boolean {
    return this.#view.get(this.#starId(articleId)) !== undefined;
  }

  /** Newest article first. */
  stars(): readonly Star[] {
    if (this.#stars?.revision !== this.#view.revision) {
      const stars = [...this.#view.values()].filter((state) => state.kind === 'star');
      stars.sort((a, b) => (isNewer(placeOfStar(a), placeOfStar(b)) ? -1 : 1));
      this.#stars = { revision: this.#view.revision, newestFirst: stars };
    }
    return this.#stars.newestFirst;
  }

  /** Throws SITE_ARTICLE_UNKNOWN, EDIT_CONTENDED, DATABASE_READ_ONLY, STORE_*. */
  async setRead(articleId: string, read: boolean): Promise<void> {
    const { num } = await this.#knownArticle(articleId);
    await this.#editMarks([feedOfArticle(articleId)], (marks) =>
      read ? markRead(marks, num) : markUnread(marks, num),
    );
  }

  /** Marks the articles of these feeds read that have a `num` up to `bound`. */
  async markUpTo(feeds: readonly string[], bound: number): Promise<void> {
    await this.#editMarks(feeds, (marks) => markUpTo(marks, bound));
  }

  /** A star can also be taken from an article that is gone. */
  async setStar(articleId: string, starred: boolean): Promise<void> {
    const star = starred ? await this.#newStar(articleId) : null;
    const ids = [this.#starId(articleId)];
    this.#options.metrics.starsWritten += await this.#edit(ids, (content) =>
      star === null ? null : (content ?? star),
    );
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  async #editMarks(feeds: readonly string[], change: (marks: Marks) => Marks): Promise<void> {
    const { user, metrics } = this.#options;
    const feedById = new Map(feeds.map((feed) => [subscriptionId(user, feed), feed]));
    const ids = [...feedById.keys()];
    metrics.marksWritten += await this.#edit(ids, async (content, id) => {
      const feed = feedById.get(id) ?? '';
      const before: Marks = content?.kind === 'mark' ? content : NOTHING_READ;
      const after = change(before);
      if (after === before) return content;
      const { upTo, read, unread } = await this.#tidied(feed, after);
      return { kind: 'mark', user, feed, upTo, read: [...read], unread: [...unread] };
    });
  }

  /** Returns how many documents were written. */
  async #edit(
    ids: readonly string[],
    change: (content: ReaderState | null, id: string) => ReaderState | null | Promise<ReaderState | null>,
  ): Promise<number> {
    const edit = () => editDocuments(this.#options.store.states, this.#writer, ids, change);
    const turn = this.#lastEdit.then(edit, edit);
    this.#lastEdit = turn;
    const written = await turn;
    for (const { id, ver, content } of written) this.#view.observe(id, ver, content);
    return written.length;
  }

  #tidied(feed: string, marks: Marks): Marks | Promise<Marks> {
    const size = marks.read.length + marks.unread.length;
    const isDue = size > 0 && (size % TIDY_EVERY === 0 || size > EXCEPTIONS_MAX);
    return isDue ? tidyMarks(this.#options.store.articles, feed, marks, this.#options.clock()) : marks;
  }

  async #newStar(articleId: string): Promise<Star> {
    const { num, at } = await this.#knownArticle(articleId);
    const { user, clock } = this.#options;
    const place = { article: articleId, articleNum: num, articleAt: at };
    return { kind: 'star', user, feed: feedOfArticle(articleId), ...place, starredAt: clock() };
  }

  async #knownArticle(articleId: string): Promise<Position> {
    const known = (await this.#options.store.articles.known([articleId])).get(articleId);
    if (known === undefined) throw siteError('SITE_ARTICLE_UNKNOWN', 'There is no such article.', { input: articleId });
    return known;
  }

  #starId(articleId: string): string {
    return `${this.#options.user}.${articleId}`;
  }
}

/** `articleId` of `store/ids.ts`: the feed stands before the dot. */
export function feedOfArticle(articleId: string): string {
  return articleId.slice(0, articleId.indexOf('.'));
}

export function placeOfStar(star: Star): Position {
  return { at: star.articleAt, num: star.articleNum };
}
