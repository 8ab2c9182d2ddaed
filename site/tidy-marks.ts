import type { ArticlesDatabase } from '../store/contract.ts';
import { integerId } from '../store/ids.ts';
import { absorbUpTo, compact, forget, type Marks } from './marks.ts';

/** Only articles older than this are absorbed, so that one whose write is still under way is not passed over. */
const ABSORB_AFTER_MS = 10 * 60_000;

/**
 * The same marks with fewer exceptions: without those of articles that are gone, with `upTo` raised over a stretch in
 * which all was read, and within the limit of `marks.ts`.
 */
export async function tidyMarks(articles: ArticlesDatabase, feed: string, marks: Marks, now: number): Promise<Marks> {
  const exceptions = [...marks.read, ...marks.unread];
  if (exceptions.length === 0) return marks;
  const there = await articles.byNum(exceptions);
  const gone = new Set(exceptions.filter((num) => there.get(num)?.feed !== feed));
  const pruned = forget(marks, gone);
  return compact(await absorb(articles, feed, pruned, integerId(now - ABSORB_AFTER_MS, 0, 0)));
}

/**
 * Where as many articles lie between `upTo` and a read one as there are read ones, all of them are read. That holds for
 * the first so many of the list and for none after, so it is searched by halving, with nothing but counts.
 */
async function absorb(articles: ArticlesDatabase, feed: string, marks: Marks, below: number): Promise<Marks> {
  const read = marks.read.filter((num) => num < below);
  const total = await countAbove(articles, feed, marks.upTo);
  let known = 0;
  let unknown = read.length;
  while (known < unknown) {
    const middle = Math.ceil((known + unknown) / 2);
    const above = await countAbove(articles, feed, read[middle - 1] ?? 0);
    if (total - above === middle) known = middle;
    else unknown = middle - 1;
  }
  const bound = read[known - 1];
  if (bound === undefined) return marks;
  // An article that arrived between the counts could have hidden an unread one; then the next time will do.
  return (await countAbove(articles, feed, marks.upTo)) === total ? absorbUpTo(marks, bound) : marks;
}

async function countAbove(articles: ArticlesDatabase, feed: string, num: number): Promise<number> {
  return (await articles.countAbove([{ feed, num }])).get(feed) ?? 0;
}
