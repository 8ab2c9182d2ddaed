import type { Clock, Store } from '../store/contract.ts';
import { StoreTrouble } from './store-session.ts';

/** A new count at most this often, and only where subscriptions were written since. */
export const RECOUNT_MS = 10 * 60_000;

/** Subscriptions that are read at once. */
const PAGE_SIZE = 1_000;

/**
 * How many follow each feed, for what the crawler tells publishers. The subscriptions are counted as a whole and kept as
 * one number a feed: a fetch costs no read, and a count is at most ten minutes old. While a new count runs, the old one
 * holds.
 */
export class SubscriberCounts {
  readonly #store: Pick<Store, 'subscriptions'>;
  readonly #clock: Clock;
  #counts: ReadonlyMap<string, number> | undefined;
  #counting: Promise<void> | undefined;
  #countedAt = 0;
  #seen = '';

  constructor(store: Pick<Store, 'subscriptions'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Throws StoreTrouble where nothing could be counted yet. */
  async of(feed: string): Promise<number> {
    if (this.#counts === undefined || Math.abs(this.#clock() - this.#countedAt) >= RECOUNT_MS) {
      const counting = this.#recount();
      if (this.#counts === undefined) await counting;
    }
    return this.#counts?.get(feed) ?? 0;
  }

  /** Does anybody follow it? Null: not known, or this is a store of feeds without readers. Waits for the first count only. */
  async isFollowed(feed: string): Promise<boolean | null> {
    const count = await this.of(feed).catch(() => null);
    return count === null || this.#counts === undefined || this.#counts.size === 0 ? null : count > 0;
  }

  #recount(): Promise<void> {
    this.#counting ??= this.#count()
      .catch((error) => {
        // An old number is better than none, and trouble with the store shows soon enough where it matters.
        if (this.#counts === undefined) throw new StoreTrouble(error);
      })
      .finally(() => {
        this.#counting = undefined;
      });
    return this.#counting;
  }

  async #count(): Promise<void> {
    const { subscriptions } = this.#store;
    const at = this.#clock();
    const slots = await subscriptions.changes.slots();
    const seen = slots.map(({ slot, stable }) => `${slot}:${stable}`).join(' ');
    if (this.#counts === undefined || seen !== this.#seen) {
      const counts = new Map<string, number>();
      for (let after = ''; ; ) {
        const page = await subscriptions.scan({ after, limit: PAGE_SIZE });
        for (const { content } of page) counts.set(content.feed, (counts.get(content.feed) ?? 0) + 1);
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE_SIZE) break;
        after = last.id;
      }
      this.#counts = counts;
      this.#seen = seen;
    }
    this.#countedAt = at;
  }
}
