/**
 * Two feeds that turned out to be one: what readers have of the first goes over to the second, then the first goes.
 * Everything is written to where it goes before it is taken from where it was, so that a merge that was cut off is simply
 * run again; nothing that a reader has is lost in between.
 */
import type { Database, Edit, Live, Store, Writer } from '../store/contract.ts';
import type { Article, FeedRecord, ReaderState, ReadMark, Star, Subscription } from '../store/documents.ts';
import { storeError } from '../store/errors.ts';
import { crawlerError } from './errors.ts';
import { type MergedArticle, mergedMarks } from './merged-marks.ts';

const PAGE_SIZE = 500;

/** Attempts beside readers who read on meanwhile. */
const ATTEMPTS_MAX = 5;

export interface MergeOptions {
  readonly store: Store;
  /** Ids. */
  readonly from: string;
  readonly into: string;
  /** Shown to operators. */
  readonly owner: string;
}

export interface MergedFeeds {
  /** Articles that only the first had. */
  readonly articles: number;
  readonly subscriptions: number;
}

/** Throws CRAWL_FEED_UNKNOWN, EDIT_CONTENDED, DATABASE_READ_ONLY (then nothing was changed) and what the store throws. */
export async function mergeFeeds(options: MergeOptions): Promise<MergedFeeds> {
  const { store, from, into, owner } = options;
  for (const id of [from, into]) {
    if ((await store.feeds.get(id)) !== undefined && from !== into) continue;
    throw crawlerError('CRAWL_FEED_UNKNOWN', `There is no other feed ${id} to merge`, { input: id });
  }
  const how = { owner, durability: 'sync' } as const;
  await using articles = await store.articles.openWriter(how);
  await using subscriptions = await store.subscriptions.openWriter(how);
  await using states = await store.states.openWriter(how);
  await using feeds = await store.feeds.openWriter(how);
  const merge = new Merge(options, { articles, subscriptions, states, feeds });
  // Awaited here, where the writers are open.
  return await merge.run();
}

interface Writers {
  readonly articles: Writer<Article>;
  readonly subscriptions: Writer<Subscription>;
  readonly states: Writer<ReaderState>;
  readonly feeds: Writer<FeedRecord>;
}

class Merge {
  readonly #store: Store;
  readonly #from: string;
  readonly #into: string;
  readonly #writers: Writers;
  /** Ids there, of articles that this run copied. */
  readonly #copied = new Set<string>();

  constructor({ store, from, into }: MergeOptions, writers: Writers) {
    this.#store = store;
    this.#from = from;
    this.#into = into;
    this.#writers = writers;
  }

  async run(): Promise<MergedFeeds> {
    let moved = 0;
    for (let attempt = 1; ; attempt += 1) {
      await this.#copyArticles();
      const subscriptions = await this.#moveReaders();
      moved += subscriptions;
      if (await this.#isLeft()) {
        await this.#removeArticles();
        await this.#removeFeed();
        return { articles: this.#copied.size, subscriptions: moved };
      }
      if (attempt === ATTEMPTS_MAX) {
        throw storeError('EDIT_CONTENDED', `Readers changed ${this.#from} ${attempt} times`, {
          input: this.#from,
          retryable: true,
        });
      }
    }
  }

  /** The place of an article in the other feed: `articleId` has the feed first, then what the entry is known by. */
  #idThere(id: string): string {
    return `${this.#into}${id.slice(this.#from.length)}`;
  }

  /** Articles keep their numbers; those that both have are one already. */
  async #copyArticles(): Promise<void> {
    for await (const page of this.#articlesOfFrom()) {
      const there = await this.#store.articles.known(page.map(({ id }) => this.#idThere(id)));
      const edits = page
        .filter(({ id }) => !there.has(this.#idThere(id)))
        .map(({ id, content }) => ({ id: this.#idThere(id), content: { ...content, feed: this.#into }, ifVer: null }));
      // A conflict: the crawler found the same entry just now.
      for (const { id, result } of edits.length === 0 ? [] : await this.#writers.articles.edit(edits)) {
        if (result === 'written') this.#copied.add(id);
      }
    }
  }

  async *#articlesOfFrom(): AsyncGenerator<{ id: string; content: Article }[]> {
    for (let after = ''; ; ) {
      const page = await this.#store.articles.scan({ prefix: `${this.#from}.`, after, limit: PAGE_SIZE });
      yield page;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_SIZE) return;
      after = last.id;
    }
  }

  /** By id of the article that stays. */
  async #mergedArticles(): Promise<Map<string, MergedArticle & { at: number }>> {
    const nums = new Map<string, number>();
    for await (const page of this.#articlesOfFrom()) {
      for (const { id, content } of page) nums.set(this.#idThere(id), content.num);
    }
    const merged = new Map<string, MergedArticle & { at: number }>();
    for (let before: { at: number; num: number } | undefined; ; ) {
      const query = { feed: this.#into, limit: PAGE_SIZE };
      const page = await this.#store.articles.timeline(before === undefined ? query : { ...query, before });
      for (const { id, num, at } of page)
        merged.set(id, { num, at, fromNum: nums.get(id) ?? null, isNew: this.#copied.has(id) });
      before = page.at(-1);
      if (page.length < PAGE_SIZE) return merged;
    }
  }

  /** Stars, then marks, then subscriptions: whoever looks finds the feed only once all that was read in it is there. */
  async #moveReaders(): Promise<number> {
    const merged = await this.#mergedArticles();
    const subscriptions = await this.#ofBoth(this.#store.subscriptions);
    const states = await this.#ofBoth(this.#store.states);
    const users = new Set([...subscriptions, ...states].map(({ content }) => content.user));
    let moved = 0;
    for (const user of users) {
      const own = states.filter(({ content }) => content.user === user);
      const followed = subscriptions.filter(({ content }) => content.user === user);
      const stars = own.flatMap(({ id, ver, content }) =>
        content.kind === 'star' && content.feed === this.#from ? [{ id, ver, star: content }] : [],
      );
      await this.#put(
        this.#writers.states,
        stars.map(({ star }) => this.#starThere(star, merged)),
      );
      const mark = await this.#moveMarks(user, own, followed, [...merged.values()]);
      if (mark === 'again') continue;
      moved += await this.#moveSubscription(user, followed);
      // The mark goes after the subscription: as long as it is there, a merge that is run again knows what was read.
      await this.#take(this.#writers.states, mark);
      await this.#take(this.#writers.states, stars);
    }
    return moved;
  }

  #starThere(star: Star, merged: Map<string, { num: number; at: number }>): Edit<ReaderState> {
    const article = this.#idThere(star.article);
    const there = merged.get(article);
    const place = there === undefined ? {} : { articleNum: there.num, articleAt: there.at };
    return { id: `${star.user}.${article}`, content: { ...star, ...place, feed: this.#into, article }, ifVer: null };
  }

  async #moveMarks(
    user: string,
    states: readonly Found<ReaderState>[],
    followed: readonly Found<Subscription>[],
    articles: readonly MergedArticle[],
  ): Promise<readonly Found<ReaderState>[] | 'again'> {
    const marks = states.flatMap((doc) => (doc.content.kind === 'mark' ? [{ ...doc, content: doc.content }] : []));
    const markOf = (feed: string) => marks.find(({ content }) => content.feed === feed);
    const knew = (feed: string) => followed.some(({ content }) => content.feed === feed) || markOf(feed) !== undefined;
    const [from, into] = [markOf(this.#from), markOf(this.#into)];
    const knewFrom = knew(this.#from);
    const knewInto = knew(this.#into);
    // Who did not follow the feed that goes is concerned by what was copied from it, and by nothing else.
    if (!knewFrom && (!knewInto || this.#copied.size === 0)) return [];
    const after = mergedMarks(articles, {
      from: from?.content ?? null,
      into: into?.content ?? null,
      knewFrom,
      knewInto,
    });
    const content: ReadMark = { kind: 'mark', user, feed: this.#into, ...after };
    const edit = { id: `${user}.${this.#into}`, content, ifVer: into?.ver ?? null };
    if (!(await this.#put(this.#writers.states, [edit]))) return 'again';
    return from === undefined ? [] : [from];
  }

  async #moveSubscription(user: string, followed: readonly Found<Subscription>[]): Promise<number> {
    const from = followed.find(({ content }) => content.feed === this.#from);
    if (from === undefined) return 0;
    const into = followed.find(({ content }) => content.feed === this.#into);
    if (into === undefined) {
      const content = { ...from.content, feed: this.#into };
      await this.#put(this.#writers.subscriptions, [{ id: `${user}.${this.#into}`, content, ifVer: null }]);
    }
    await this.#take(this.#writers.subscriptions, [from]);
    return 1;
  }

  /** Only over what was read. False: others were faster with some of it. */
  async #put<C>(writer: Writer<C>, edits: readonly Edit<C>[]): Promise<boolean> {
    const outcomes = edits.length === 0 ? [] : await writer.edit(edits);
    return outcomes.every(({ result }) => result === 'written');
  }

  async #take<C>(writer: Writer<C>, docs: readonly Pick<Found<C>, 'id' | 'ver'>[]): Promise<void> {
    await this.#put(
      writer,
      docs.map(({ id, ver }) => ({ id, content: null, ifVer: ver })),
    );
  }

  /** All of a database that belongs to the two feeds: there is no index, and merging is rare. */
  async #ofBoth<C extends { feed: string; user: string }>(database: Database<C>): Promise<Found<C>[]> {
    const found: Found<C>[] = [];
    for (let after = ''; ; ) {
      const page = await database.scan({ after, limit: PAGE_SIZE });
      found.push(...page.filter(({ content }) => content.feed === this.#from || content.feed === this.#into));
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_SIZE) return found;
      after = last.id;
    }
  }

  /** Has every reader left the feed? */
  async #isLeft(): Promise<boolean> {
    const left = [...(await this.#ofBoth(this.#store.subscriptions)), ...(await this.#ofBoth(this.#store.states))];
    return left.every(({ content }) => content.feed === this.#into);
  }

  async #removeArticles(): Promise<void> {
    for await (const page of this.#articlesOfFrom()) {
      if (page.length > 0) await this.#writers.articles.edit(page.map(({ id }) => ({ id, content: null })));
    }
  }

  async #removeFeed(): Promise<void> {
    await this.#writers.feeds.edit([{ id: this.#from, content: null }]);
  }
}

type Found<C> = Pick<Live<C>, 'id' | 'ver' | 'content'>;
