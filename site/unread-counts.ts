import type { ArticlesDatabase } from '../store/contract.ts';
import type { Marks } from './marks.ts';

/** Exceptions looked up in one call. */
const LOOKUP_NUMS = 1_000;
/** All feeds are counted again at most this often, and only where articles were written since. */
const RECOUNT_ALL_MS = 10_000;

/** One feed that is followed, as far as its count depends on it. */
export interface CountedFeed {
  readonly feed: string;
  readonly marks: Marks;
  /** Another one: count again (the mark or the feed was written since). */
  readonly token: string;
}

/**
 * How many articles of each feed are unread, exactly:
 * `those above upTo - the read ones above it + the unread ones below it`, of articles that are there. A count is kept
 * until its mark or its feed is written; a crawler writes a feed after its articles. What only a replicator wrote is
 * noticed by the change feed of the articles, within ten seconds.
 */
export class UnreadCounts {
  readonly #counts = new Map<string, { token: string; unread: number }>();
  #countedAllAt = Number.NEGATIVE_INFINITY;
  #seen = '';
  #revision = 0;

  /** Grows whenever a count changes. */
  get revision(): number {
    return this.#revision;
  }

  get(feed: string): number {
    return this.#counts.get(feed)?.unread ?? 0;
  }

  /** Returns how many feeds were counted. `place`: names the store that the articles are read from. */
  async refresh(feeds: readonly CountedFeed[], now: number, articles: ArticlesDatabase, place = ''): Promise<number> {
    if (await this.#allIsStale(now, articles, place)) this.#counts.clear();
    const stale = feeds.filter(({ feed, token }) => this.#counts.get(feed)?.token !== token);
    if (stale.length === 0) return 0;
    const counted = await countUnread(articles, stale);
    for (const { feed, token } of stale) this.#counts.set(feed, { token, unread: counted.get(feed) ?? 0 });
    this.#revision += 1;
    return stale.length;
  }

  async #allIsStale(now: number, articles: ArticlesDatabase, place: string): Promise<boolean> {
    if (Math.abs(now - this.#countedAllAt) < RECOUNT_ALL_MS) return false;
    const slots = await articles.changes.slots();
    const seen = `${place} ${slots.map(({ slot, stable }) => `${slot}:${stable}`).join(' ')}`;
    this.#countedAllAt = now;
    if (seen === this.#seen) return false;
    this.#seen = seen;
    return true;
  }
}

export async function countUnread(
  articles: ArticlesDatabase,
  feeds: readonly Pick<CountedFeed, 'feed' | 'marks'>[],
): Promise<Map<string, number>> {
  const above = await articles.countAbove(feeds.map(({ feed, marks }) => ({ feed, num: marks.upTo })));
  const owners = await ownersOf(
    articles,
    feeds.flatMap(({ marks }) => [...marks.read, ...marks.unread]),
  );
  const counts = new Map<string, number>();
  for (const { feed, marks } of feeds) {
    const there = (nums: readonly number[]) => nums.reduce((sum, num) => sum + (owners.get(num) === feed ? 1 : 0), 0);
    counts.set(feed, Math.max(0, (above.get(feed) ?? 0) - there(marks.read) + there(marks.unread)));
  }
  return counts;
}

/** The feed of each article that is there. */
async function ownersOf(articles: ArticlesDatabase, nums: readonly number[]): Promise<Map<number, string>> {
  const owners = new Map<number, string>();
  for (let from = 0; from < nums.length; from += LOOKUP_NUMS) {
    const found = await articles.byNum(nums.slice(from, from + LOOKUP_NUMS));
    for (const [num, ref] of found) owners.set(num, ref.feed);
  }
  return owners;
}
