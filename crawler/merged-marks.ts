/** What a reader has read of two feeds that become one. Pure. */
import type { ReadMark } from '../store/documents.ts';

/** As in `site/marks.ts`: of more exceptions the oldest articles that were left unread become read. */
export const EXCEPTIONS_MAX = 5_000;

export type MarkedRead = Pick<ReadMark, 'upTo' | 'read' | 'unread'>;

/** An article of the feed that stays. */
export interface MergedArticle {
  readonly num: number;
  /** Its number in the feed that goes, the same where it is a copy from there; null: it was not there. */
  readonly fromNum: number | null;
  /** Copied just now: no reader of this feed can have seen it. */
  readonly isNew: boolean;
}

export interface MarksOfReader {
  readonly from: MarkedRead | null;
  readonly into: MarkedRead | null;
  /** Did the reader follow it, or ever read in it? */
  readonly knewFrom: boolean;
  readonly knewInto: boolean;
}

/**
 * Read anywhere is read. Of articles that the reader's own feed did not have, those that were there before are no news,
 * for the two are the same feed: they count as read.
 */
export function mergedMarks(articles: readonly MergedArticle[], reader: MarksOfReader): MarkedRead {
  const upTo = Math.max(reader.from?.upTo ?? 0, reader.into?.upTo ?? 0);
  const read: number[] = [];
  const unread: number[] = [];
  const from = readIn(reader.from);
  const into = readIn(reader.into);
  for (const article of articles) {
    const isRead = wasRead(article, reader, from, into);
    if (isRead && article.num > upTo) read.push(article.num);
    if (!isRead && article.num <= upTo) unread.push(article.num);
  }
  const ascending = (a: number, b: number) => a - b;
  const surplus = Math.max(0, read.length + unread.length - EXCEPTIONS_MAX);
  return { upTo, read: read.sort(ascending), unread: unread.sort(ascending).slice(surplus) };
}

type IsRead = (num: number) => boolean;

function wasRead(article: MergedArticle, reader: MarksOfReader, inFrom: IsRead, inInto: IsRead): boolean {
  const { num, fromNum, isNew } = article;
  const { knewFrom, knewInto } = reader;
  if (knewFrom && fromNum !== null && inFrom(fromNum)) return true;
  // The mark of the feed that stays says nothing of what was copied into it, though it may lie above.
  if (knewInto && !(knewFrom && fromNum === num) && inInto(num)) return true;
  if (!knewFrom) return isNew;
  return !knewInto && fromNum === null && num <= (reader.from?.upTo ?? 0);
}

function readIn(marks: MarkedRead | null): IsRead {
  if (marks === null) return () => false;
  const read = new Set(marks.read);
  const unread = new Set(marks.unread);
  return (num) => (num <= marks.upTo ? !unread.has(num) : read.has(num));
}
