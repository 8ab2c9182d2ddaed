import type { ArticlesDatabase } from '../store/contract.ts';
import { integerId } from '../store/ids.ts';

/** Articles that arrived longer ago than this need no closer look. */
const SETTLED_MS = 2_000;
/** All nums of one second. */
const NUMS_PER_SECOND = integerId(1_577_836_801_000, 0, 0);

/**
 * The highest `num` that any article of these feeds has now, or some number between it and the next to come: what is
 * marked read up to it was there when the page was made, and what arrives later stays unread. Nums start with the
 * second of arrival (`store/ids.ts`), so a moment ago serves as the bound; only for feeds with yet newer articles it is
 * searched for.
 */
export async function markBound(articles: ArticlesDatabase, feeds: readonly string[], now: number): Promise<number> {
  let low = integerId(now - SETTLED_MS, 0, 0);
  const busy = await withAnyAbove(articles, feeds, low);
  if (busy.length === 0) return low;
  // A crawler's clock may be ahead of ours: step away in doubling strides until nothing is above.
  let stride = NUMS_PER_SECOND;
  let high = Math.min(low + stride, Number.MAX_SAFE_INTEGER);
  while (high < Number.MAX_SAFE_INTEGER && (await withAnyAbove(articles, busy, high)).length > 0) {
    low = high;
    stride *= 2;
    high = Math.min(low + stride, Number.MAX_SAFE_INTEGER);
  }
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if ((await withAnyAbove(articles, busy, middle)).length > 0) low = middle;
    else high = middle;
  }
  return high;
}

async function withAnyAbove(articles: ArticlesDatabase, feeds: readonly string[], num: number): Promise<string[]> {
  if (feeds.length === 0) return [];
  const counts = await articles.countAbove(feeds.map((feed) => ({ feed, num })));
  return feeds.filter((feed) => (counts.get(feed) ?? 0) > 0);
}
