import type { FeedRecord, Subscription } from '../store/documents.ts';

/** What pages show of a feed: its record without validators and history. */
export interface FeedHeading {
  readonly id: string;
  readonly url: string;
  readonly title: string;
  readonly siteUrl: string | null;
  readonly language: string | null;
  readonly state: FeedRecord['state'];
  readonly nextAt: number;
  readonly nextWhy: string;
  readonly triedAt: number | null;
  readonly succeededAt: number | null;
  readonly changedAt: number | null;
  readonly errors: number;
  readonly lastError: FeedRecord['lastError'];
}

/** `missing`: followed, but its record is gone. */
export type FeedHealth = 'fine' | 'waiting' | 'failing' | 'gone' | 'paused' | 'missing';

export interface ShelfFeed {
  readonly id: string;
  /** The reader's own name, else the feed's, else its address. */
  readonly title: string;
  /** The reader's own name. */
  readonly ownTitle: string | null;
  readonly folder: string | null;
  readonly unread: number;
  readonly health: FeedHealth;
  readonly heading: FeedHeading | null;
}

export interface ShelfFolder {
  readonly name: string;
  readonly unread: number;
  readonly feeds: readonly ShelfFeed[];
}

/** All that a reader follows, in the order in which pages show it: by title, regardless of case and accents. */
export interface Shelf {
  readonly feeds: readonly ShelfFeed[];
  readonly byId: ReadonlyMap<string, ShelfFeed>;
  readonly folders: readonly ShelfFolder[];
  readonly unread: number;
}

const BY_NAME = new Intl.Collator('en', { sensitivity: 'base', numeric: true });

export function headingOf(record: FeedRecord, id: string): FeedHeading {
  const { url, title, siteUrl, language, state, nextAt, nextWhy, triedAt, succeededAt, changedAt, errors } = record;
  const times = { nextAt, nextWhy, triedAt, succeededAt, changedAt };
  return { id, url, title, siteUrl, language, state, ...times, errors, lastError: record.lastError };
}

export function buildShelf(
  subscriptions: Iterable<Subscription>,
  headingById: (id: string) => FeedHeading | undefined,
  unreadOf: (id: string) => number,
): Shelf {
  const feeds: ShelfFeed[] = [];
  for (const { feed, title, folder } of subscriptions) {
    const heading = headingById(feed) ?? null;
    const shown = title ?? (heading?.title || heading?.url) ?? feed;
    const health = healthOf(heading);
    feeds.push({ id: feed, title: shown, ownTitle: title, folder, unread: unreadOf(feed), health, heading });
  }
  feeds.sort((a, b) => BY_NAME.compare(a.title, b.title) || (a.id < b.id ? -1 : 1));
  const byId = new Map(feeds.map((feed) => [feed.id, feed]));
  return { feeds, byId, folders: foldersOf(feeds), unread: sumOf(feeds) };
}

function foldersOf(feeds: readonly ShelfFeed[]): ShelfFolder[] {
  const byName = Map.groupBy(feeds, (feed) => feed.folder);
  const folders: ShelfFolder[] = [];
  for (const [name, inside] of byName) {
    if (name !== null) folders.push({ name, unread: sumOf(inside), feeds: inside });
  }
  return folders.sort((a, b) => BY_NAME.compare(a.name, b.name));
}

function sumOf(feeds: readonly ShelfFeed[]): number {
  return feeds.reduce((sum, feed) => sum + feed.unread, 0);
}

export function healthOf(heading: FeedHeading | null): FeedHealth {
  if (heading === null) return 'missing';
  if (heading.state !== 'active') return heading.state;
  if (heading.errors > 0) return 'failing';
  return heading.triedAt === null ? 'waiting' : 'fine';
}
