/** How two concurrent states of one reader become one. Both rules are commutative, associative and idempotent. */
import type { ReadMark, Star } from '../../store/documents.ts';

/**
 * What was read at either site is read. `isLossy`: an article that one reader's hand set back to unread is read in the
 * other mark, and so in the result.
 */
export function mergeMarks(a: ReadMark, b: ReadMark): { readonly content: ReadMark; readonly isLossy: boolean } {
  const [low, high] = a.upTo <= b.upTo ? [a, b] : [b, a];
  const readLow = new Set(low.read);
  const unreadLow = new Set(low.unread);
  const isReadLow = (num: number) => (num <= low.upTo ? !unreadLow.has(num) : readLow.has(num));
  const unread = sorted(high.unread.filter((num) => num <= high.upTo && !isReadLow(num)));
  const read = sorted([...low.read, ...high.read].filter((num) => num > high.upTo));
  const kept = new Set(unread);
  const isLossy = [...low.unread, ...high.unread].some((num) => num <= high.upTo && !kept.has(num));
  return { content: { ...high, upTo: high.upTo, read, unread }, isLossy };
}

/** A star is a star; of its parts the same one is taken at every site. */
export function mergeStars(a: Star, b: Star): Star {
  return {
    ...a,
    articleNum: Math.max(a.articleNum, b.articleNum),
    articleAt: Math.max(a.articleAt, b.articleAt),
    starredAt: Math.min(a.starredAt, b.starredAt),
  };
}

function sorted(nums: readonly number[]): number[] {
  return [...new Set(nums)].sort((x, y) => x - y);
}
