/** What an article keeps from its first version on. `num` 0: the store assigns it. */
export interface Arrival {
  readonly num: number;
  readonly arrived: number;
}

/** The dates of an entry. */
export interface Dates {
  readonly published: number | null;
  readonly updated: number | null;
}

/**
 * Of reading lists: `published`, or `updated` where that is all a feed says; but an entry that claims to come from the
 * future comes when it arrived.
 */
export function sortTime(entry: Dates, arrived: number): number {
  return Math.min(entry.published ?? entry.updated ?? arrived, arrived);
}
