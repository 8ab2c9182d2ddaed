/**
 * The algebra of read marks: which of a feed's articles one reader has read, kept sparse. Pure. An article stands here
 * as its integer id `num`, which grows with arrival.
 */

/** Read are the nums up to `upTo` but those in `unread`, and those in `read`. Both lists are sorted and free of repeats. */
export interface Marks {
  readonly upTo: number;
  /** All above `upTo`. */
  readonly read: readonly number[];
  /** All at or below `upTo`. */
  readonly unread: readonly number[];
}

/** Of one feed. Past it, the oldest articles that were left unread between read ones become read (`compact`). */
export const EXCEPTIONS_MAX = 5_000;

export const NOTHING_READ: Marks = { upTo: 0, read: [], unread: [] };

export function isRead(marks: Marks, num: number): boolean {
  return num <= marks.upTo ? !has(marks.unread, num) : has(marks.read, num);
}

/** These and every function below return the very same object where nothing changes. */
export function markRead(marks: Marks, num: number): Marks {
  if (isRead(marks, num)) return marks;
  return num <= marks.upTo
    ? { ...marks, unread: without(marks.unread, num) }
    : { ...marks, read: withNum(marks.read, num) };
}

export function markUnread(marks: Marks, num: number): Marks {
  if (!isRead(marks, num)) return marks;
  return num <= marks.upTo
    ? { ...marks, unread: withNum(marks.unread, num) }
    : { ...marks, read: without(marks.read, num) };
}

/** Everything up to `bound` becomes read; what is above it stays as it was. */
export function markUpTo(marks: Marks, bound: number): Marks {
  const unread = marks.unread.filter((num) => num > bound);
  if (bound <= marks.upTo) return unread.length === marks.unread.length ? marks : { ...marks, unread };
  return { upTo: bound, read: marks.read.filter((num) => num > bound), unread };
}

/** Raises `upTo`, where the caller knows that every article in between is in `read`. */
export function absorbUpTo(marks: Marks, bound: number): Marks {
  if (bound <= marks.upTo) return marks;
  return { upTo: bound, read: marks.read.filter((num) => num > bound), unread: marks.unread };
}

/** Drops exceptions of articles that are no longer there. */
export function forget(marks: Marks, gone: ReadonlySet<number>): Marks {
  if (gone.size === 0) return marks;
  const read = marks.read.filter((num) => !gone.has(num));
  const unread = marks.unread.filter((num) => !gone.has(num));
  if (read.length === marks.read.length && unread.length === marks.unread.length) return marks;
  return { upTo: marks.upTo, read, unread };
}

/**
 * At most `limit` exceptions. What was read stays read, and so does what the reader set unread, as far as there is
 * room; of the rest the oldest become read, never the newest.
 */
export function compact(marks: Marks, limit: number = EXCEPTIONS_MAX): Marks {
  const surplus = marks.read.length + marks.unread.length - limit;
  if (surplus <= 0) return marks;
  const bound = marks.read[Math.min(surplus, marks.read.length) - 1];
  const raised = bound === undefined ? marks : absorbUpTo(marks, bound);
  const overfull = raised.unread.length + raised.read.length - limit;
  return overfull <= 0 ? raised : { ...raised, unread: raised.unread.slice(overfull) };
}

/** Where `num` stands or would stand. */
function placeOf(sorted: readonly number[], num: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? Number.POSITIVE_INFINITY) < num) low = middle + 1;
    else high = middle;
  }
  return low;
}

function has(sorted: readonly number[], num: number): boolean {
  return sorted[placeOf(sorted, num)] === num;
}

function withNum(sorted: readonly number[], num: number): number[] {
  return sorted.toSpliced(placeOf(sorted, num), 0, num);
}

function without(sorted: readonly number[], num: number): number[] {
  return sorted.toSpliced(placeOf(sorted, num), 1);
}
