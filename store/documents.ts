/**
 * What each database holds. Content is JSON only: strings, finite numbers, booleans, null, arrays and objects; never
 * `undefined`. Times are milliseconds since 1970 (UTC). Field names must not clash with the envelope of
 * `store/contract.ts` (`_id ver org vv slot n del delAt b h1 h2 h3 fill`).
 */

/** One entry of a feed. `_id`: `articleId(feed, identity)`. */
export interface Article {
  /** `_id` of its feed. */
  feed: string;
  /** The integer id that sync clients see: below 2^53, grows with arrival, never changes. 0: let the store assign it. */
  num: number;
  /** The entry's own guid/id, verbatim. */
  guid: string | null;
  /** Where a click leads. Absolute http(s). */
  url: string | null;
  /** Plain text. May be empty. */
  title: string;
  authors: string[];
  /** Sanitized HTML, links absolute. May be empty. */
  html: string;
  /** Plain text for lists, at most 300 characters. */
  summary: string;
  published: number | null;
  updated: number | null;
  /** When this site first saw it. */
  arrived: number;
  /** Sort time of reading lists: `published`, else `updated`, never later than `arrived`; else `arrived`. */
  at: number;
  categories: string[];
  enclosures: Enclosure[];
  /** Of what a reader sees, before sanitizing; an equal one means: nothing to write. */
  fingerprint: string;
}

export interface Enclosure {
  url: string;
  type: string | null;
  /** Bytes, as declared. */
  length: number | null;
}

export type FeedFormat = 'rss' | 'atom' | 'rdf' | 'json';

/** One feed that is crawled. `_id`: `feedId(url)` of the URL it was first added with. */
export interface FeedRecord {
  /** As `Article.num`. */
  num: number;
  /** Fetched from here. */
  url: string;
  title: string;
  siteUrl: string | null;
  description: string;
  iconUrl: string | null;
  format: FeedFormat | null;
  language: string | null;
  /** Opaque, sent back verbatim (RFC 9110 section 13.1). */
  etag: string | null;
  lastModified: string | null;
  /** The origin that gave them, where it is not that of `url`: redirects lead there. Absent or null: it is. */
  validatorsFrom?: string | null;
  /** Of the last body that was parsed; an equal body needs no parsing. */
  bodyHash: string | null;
  addedAt: number;
  /** Not before this. */
  nextAt: number;
  /**
   * Not before this, whoever asks: the minimum interval and what the publisher asks for, without what the crawler adds of
   * its own. Absent: not known.
   */
  allowedAt?: number;
  /** Why then: a sentence for people, such as `max-age of 1 h`. */
  nextWhy: string;
  /** The adaptive interval in force. */
  intervalMs: number;
  /** What the feed itself asked for when it was last parsed; it holds for 304s too. Absent: nothing. */
  hints?: FeedHints;
  /**
   * Where permanent redirects (301, 308) led at every fetch since `since`. Absent or null: nowhere. `heldBy`: they are
   * confirmed, but another feed, this one, is fetched from there.
   */
  moved?: { to: string; since: number; times: number; heldBy?: string } | null;
  /**
   * Not found (404) since `since`, whatever other failures came between. `lookedAt`: the last attempt that asked its site
   * instead of it. `found`: the feed that the site's page named at every look since. Absent or null: not missing.
   */
  missing?: {
    since: number;
    lookedAt: number | null;
    found: { url: string; since: number; times: number } | null;
  } | null;
  /**
   * What the feed offers in place of polling (W3C WebSub): its hubs, and what they know it by. `whole`: its entries are told
   * apart by the whole feed only, so that what a hub pushes is but a reason to fetch it. `until`: a hub pushes what is new
   * so long; null: none does. `plain`: `nextAt` and `nextWhy` as they would be without that. Absent or null: nothing.
   */
  webSub?: {
    hubs: string[];
    topic: string;
    whole: boolean;
    until: number | null;
    plain: { nextAt: number; nextWhy: string } | null;
  } | null;
  /** What an operator has set for this feed alone. Absent: nothing. */
  overrides?: FeedOverrides;
  /** Last attempt, last success (200 or 304), last time that an article was new or changed. */
  triedAt: number | null;
  succeededAt: number | null;
  changedAt: number | null;
  /** Failures in a row. */
  errors: number;
  /** `gone`: the publisher answered 410. `paused`: an operator's wish. */
  state: 'active' | 'gone' | 'paused';
  lastError: { code: string; message: string; at: number } | null;
  /** The last 20 attempts, newest first. */
  history: Attempt[];
}

/** In place of the crawler's settings, for one feed. `login` and `headers` are secrets. */
export interface FeedOverrides {
  userAgent?: string;
  /** Basic authentication. */
  login?: { user: string; password: string };
  /** Names in lower case. */
  headers?: Record<string, string>;
  /** Where `login` and `headers` are sent: the origin of the feed when they were set. */
  origin?: string;
  /** URL of an HTTP proxy, with its own user and password. */
  proxy?: string;
  timeoutMs?: number;
}

/** RSS `ttl skipHours skipDays` and the syndication module of RSS 1.0. Hours 0 to 23 and days 0 (Sunday) to 6, UTC. */
export interface FeedHints {
  ttlMs: number | null;
  skipHours: number[];
  skipDays: number[];
  updatePeriodMs: number | null;
}

export interface Attempt {
  at: number;
  ms: number;
  /** HTTP status; null where there was none. */
  status: number | null;
  /** `ok`, `not-modified`, or an error code. */
  outcome: string;
  message: string;
  bytes: number;
  added: number;
  changed: number;
}

/** `_id`: the user's name. Until accounts come, one user named `reader`. */
export interface User {
  num: number;
  name: string;
  addedAt: number;
}

/** Who follows what. `_id`: `USER.FEED`. */
export interface Subscription {
  user: string;
  feed: string;
  /** The reader's own name for it. */
  title: string | null;
  folder: string | null;
  addedAt: number;
}

/** A reader's state, sparse. `_id`: `USER.FEED` for a mark, `USER.ARTICLE` for a star. */
export type ReaderState = ReadMark | Star;

/** Read are the articles of the feed with `num <= upTo` but those in `unread`, and those in `read`. Both sorted. */
export interface ReadMark {
  kind: 'mark';
  user: string;
  feed: string;
  upTo: number;
  read: number[];
  unread: number[];
}

export interface Star {
  kind: 'star';
  user: string;
  feed: string;
  article: string;
  /** The article's `num` and `at`, so that the list of stars can be sorted and paged. */
  articleNum: number;
  articleAt: number;
  starredAt: number;
}

/** What every versioned database holds. */
export interface Contents {
  articles: Article;
  feeds: FeedRecord;
  users: User;
  subscriptions: Subscription;
  states: ReaderState;
}

export type DatabaseName = keyof Contents;

/** The fields that engines copy out of the content, to look documents up by. */
export interface Indexed {
  articles: Pick<Article, 'feed' | 'num' | 'at' | 'fingerprint'>;
  feeds: Pick<FeedRecord, 'num' | 'nextAt' | 'state' | 'url'>;
  users: Pick<User, 'num'>;
  subscriptions: object;
  states: object;
}

export const DATABASE_NAMES: readonly DatabaseName[] = ['articles', 'feeds', 'users', 'subscriptions', 'states'];

/** Databases whose documents carry an integer id `num`, unique in the site. */
export const NUMBERED: ReadonlySet<DatabaseName> = new Set<DatabaseName>(['articles', 'feeds', 'users']);
