import type { Live, Store } from '../store/contract.ts';
import type { FeedRecord, Subscription } from '../store/documents.ts';
import type { Written } from './edit.ts';
import type { ReaderOptions } from './reader-states.ts';
import { type FeedHeading, headingOf } from './shelf.ts';
import { StandingWriter } from './standing-writer.ts';
import { arrange, type NewSubscription, subscribeAll, subscriptionId, unsubscribe } from './subscriptions.ts';
import { DatabaseView } from './view.ts';

/** What one reader follows, with the headings of those feeds: in memory as of the last `refresh`. */
export class Following {
  readonly #options: ReaderOptions;
  readonly #subscriptions: DatabaseView<Subscription, Subscription>;
  readonly #feeds: DatabaseView<FeedRecord, FeedHeading>;
  readonly #writer: StandingWriter<Subscription>;

  private constructor(
    options: ReaderOptions,
    subscriptions: DatabaseView<Subscription, Subscription>,
    feeds: DatabaseView<FeedRecord, FeedHeading>,
  ) {
    this.#options = options;
    this.#subscriptions = subscriptions;
    this.#feeds = feeds;
    this.#writer = new StandingWriter(options.store.subscriptions, { owner: 'site', durability: 'sync' }, () => {
      options.metrics.writersReopened += 1;
    });
  }

  static async open(options: ReaderOptions): Promise<Following> {
    const { store, user } = options;
    const project = (content: Subscription) => content;
    const subscriptions = await DatabaseView.open({ database: store.subscriptions, prefix: `${user}.`, project });
    const feeds = await DatabaseView.open({ database: store.feeds, prefix: null, project: headingOf });
    return new Following(options, subscriptions, feeds);
  }

  async refresh(): Promise<void> {
    await Promise.all([this.#subscriptions.refresh(), this.#feeds.refresh()]);
    await this.#feeds.include(this.all().map(({ feed }) => feed));
  }

  /** Another one after each change of a subscription or a feed. */
  get revision(): string {
    return `${this.#subscriptions.revision} ${this.#feeds.revision}`;
  }

  all(): Subscription[] {
    return [...this.#subscriptions.values()];
  }

  heading(feed: string): FeedHeading | undefined {
    return this.#feeds.get(feed);
  }

  /** Takes in a record that was read elsewhere, before the change feed brings it. */
  observeFeed(doc: Live<FeedRecord>): void {
    this.#feeds.observe(doc.id, doc.ver, doc.content);
  }

  /** Another one after each change of the feed's record. */
  feedToken(feed: string): string {
    return this.#feeds.versionOf(feed) ?? '';
  }

  /** Returns how many of the feeds were not followed before. */
  async follow(feeds: readonly NewSubscription[]): Promise<number> {
    const { user, clock } = this.#options;
    return this.#observe(await subscribeAll(this.#store, this.#writer, user, feeds, clock()));
  }

  /** Returns whether it was followed. */
  async unfollow(feed: string): Promise<boolean> {
    const { user } = this.#options;
    const ver = await unsubscribe(this.#store, this.#writer, user, feed);
    if (ver === null) return false;
    this.#subscriptions.observe(subscriptionId(user, feed), ver, null);
    return true;
  }

  async arrange(feed: string, names: { title: string | null; folder: string | null }): Promise<void> {
    this.#observe(await arrange(this.#store, this.#writer, this.#options.user, feed, names));
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  get #store(): Store {
    return this.#options.store;
  }

  #observe(written: readonly Written<Subscription>[]): number {
    for (const { id, ver, content } of written) this.#subscriptions.observe(id, ver, content);
    return written.length;
  }
}
