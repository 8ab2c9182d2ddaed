/**
 * The contract of a store. Two engines keep it, `sqlite/` and `mongodb/`; `test/contract/` holds both to it.
 * Nothing outside this folder knows which one runs. `docs/store.md` tells the why of each rule.
 */
import type { Article, Contents, DatabaseName, FeedRecord } from './documents.ts';

/** `TTTTTTTTTTTT-CCCC-SITE`: hex milliseconds, hex counter, site. Compares as text: a total order with one winner. */
export type Version = string & { readonly brand: 'Version' };

/** A site's short name, drawn at random when a store is made: 8 lower-case letters and digits. */
export type SiteId = string & { readonly brand: 'SiteId' };

export type Mode = 'read-write' | 'read-only';

/**
 * `sync`: an acknowledged write survives a power cut. `lazy`: it survives `kill -9`; a power cut may take the last
 * moments, and of one store it takes a suffix in the order of acknowledgement. On MongoDB both are majority, journaled.
 */
export type Durability = 'sync' | 'lazy';

/** A document with its envelope. `content` is null in a tombstone. */
export interface Versioned<C> {
  readonly id: string;
  readonly ver: Version;
  readonly org: SiteId;
  /** Two-way mode only. */
  readonly vv: Readonly<Record<string, string>> | null;
  readonly slot: number;
  readonly n: number;
  readonly delAt: number | null;
  readonly content: C | null;
}

/** A document that is there. */
export interface Live<C> extends Versioned<C> {
  readonly content: C;
}

/** A local change. `content: null` deletes. */
export interface Edit<C> {
  readonly id: string;
  readonly content: C | null;
  /** Compare-and-set: only if the version there is this one; null: only if there is no document (or a tombstone). */
  readonly ifVer?: Version | null;
}

/** A document from another site, to be applied behind the `ver` guard. */
export type Replica<C> = Pick<Versioned<C>, 'id' | 'ver' | 'org' | 'vv' | 'delAt' | 'content'>;

export type Outcome =
  | { readonly id: string; readonly result: 'written'; readonly ver: Version; readonly n: number }
  /** `apply`: what is there is as new or newer; nothing was written. */
  | { readonly id: string; readonly result: 'stale' }
  /** `edit` with `ifVer`: another version is there; nothing was written. */
  | { readonly id: string; readonly result: 'conflict' };

/**
 * The right to write into one database: a leased slot and its numbers. Safe for concurrent calls.
 * Throws DATABASE_READ_ONLY, WRITER_FENCED, WRITER_CLOSED, WRITE_UNRESOLVED, BATCH_INVALID and the STORE_* codes.
 */
export interface Writer<C> extends AsyncDisposable {
  readonly slot: number;
  readonly epoch: number;
  /**
   * Local edits: each gets a version newer than what is there. Outcomes in the order of the edits. Deleting what is not
   * there writes a tombstone. `num: 0` is replaced by the number which the document has, else by a new one.
   */
  edit(edits: readonly Edit<C>[]): Promise<Outcome[]>;
  /** Replicated documents keep their `ver` and `org`; applying twice, late or out of order is harmless. */
  apply(replicas: readonly Replica<C>[]): Promise<Outcome[]>;
  /** Resolves when `stable` covers all that was acknowledged. */
  settle(): Promise<void>;
  /** Settles, then gives the slot back. */
  close(): Promise<void>;
}

export interface WriterOptions {
  /** Shown to operators: `crawl`, `site`, `feeds add`. */
  readonly owner: string;
  readonly durability: Durability;
}

export interface SlotState {
  readonly slot: number;
  readonly epoch: number;
  /** Every number up to here is settled: a tailer may read so far and no further. */
  readonly stable: number;
  /** How far beyond `stable` its writer may have numbered. */
  readonly window: number;
  /** Empty: nobody. */
  readonly owner: string;
}

export interface ChangePage<C> {
  /** In the order of `n`, tombstones included, fillers left out. */
  readonly docs: Versioned<C>[];
  /** The checkpoint after these. */
  readonly through: number;
  readonly stable: number;
}

/** This site's changes to one database, as tailers read them. DESIGN section 4: slots, stable, hole fence. */
export interface ChangeFeed<C> {
  slots(): Promise<SlotState[]>;
  /** Documents with `after < n <= stable` of one slot, at most `limit`. */
  read(slot: number, after: number, limit: number): Promise<ChangePage<C>>;
  /** Fences whoever writes in this slot: epoch + 1, every hole filled, `stable` published, the slot free. Idempotent. */
  takeOver(slot: number): Promise<SlotState>;
}

export interface ScanOptions {
  /** Ids that start with this. */
  readonly prefix?: string;
  /** Ids greater than this. */
  readonly after?: string;
  readonly limit: number;
  /** Tombstones too. Default false. */
  readonly deleted?: boolean;
}

/** Count and sums of `h1 h2 h3` of one of the 4,096 buckets; tombstones included, fillers not. */
export interface BucketSum {
  readonly b: number;
  readonly count: number;
  readonly s1: number;
  readonly s2: number;
  readonly s3: number;
}

export interface Database<C> {
  readonly name: DatabaseName;
  get(id: string): Promise<Live<C> | undefined>;
  getMany(ids: readonly string[]): Promise<Map<string, Live<C>>>;
  /** In the order of ids (by UTF-8 bytes). */
  scan(options: ScanOptions & { deleted?: false }): Promise<Live<C>[]>;
  scan(options: ScanOptions): Promise<Versioned<C>[]>;
  /** Documents that are there, tombstones and fillers left out. */
  count(): Promise<number>;
  bucketSums(): Promise<BucketSum[]>;
  mode(): Promise<Mode>;
  /** `read-only` takes effect before it returns: every writer is fenced first, then nothing can be written. */
  setMode(mode: Mode): Promise<void>;
  openWriter(options: WriterOptions): Promise<Writer<C>>;
  readonly changes: ChangeFeed<C>;
}

/** A place in a reading list: newest first by `at`, then by `num`. */
export interface Position {
  readonly at: number;
  readonly num: number;
}

export interface ArticleRef extends Position {
  readonly id: string;
  readonly feed: string;
}

export interface KnownArticle {
  readonly id: string;
  readonly ver: Version;
  readonly num: number;
  readonly at: number;
  readonly fingerprint: string;
}

export interface ArticlesDatabase extends Database<Article> {
  /** What a crawler must know of the entries it found, without their bodies. Tombstones left out. */
  known(ids: readonly string[]): Promise<Map<string, KnownArticle>>;
  /** Newest first, strictly older than `before`; all feeds, or one. Reads an index only. */
  timeline(query: { feed?: string; before?: Position; limit: number }): Promise<ArticleRef[]>;
  /** How many articles of each feed have a `num` above the given one. Feeds with none are in the map with 0. */
  countAbove(marks: readonly { feed: string; num: number }[]): Promise<Map<string, number>>;
  byNum(nums: readonly number[]): Promise<Map<number, ArticleRef>>;
}

export interface DueFeed {
  readonly id: string;
  readonly url: string;
  readonly nextAt: number;
}

export interface FeedsDatabase extends Database<FeedRecord> {
  /** Active feeds with `nextAt <= now`, the longest due first (by `nextAt`, then id), strictly after `after`. */
  due(query: { now: number; limit: number; after?: { nextAt: number; id: string } }): Promise<DueFeed[]>;
  /** When the next feed is due; null: no active feed. */
  nextDueAt(): Promise<number | null>;
  byNum(nums: readonly number[]): Promise<Map<number, string>>;
}

/** Local notes of a site: small JSON documents, never replicated, with compare-and-set. */
export interface Control {
  get(id: string): Promise<ControlNote | undefined>;
  /** In the order of ids. */
  list(prefix: string): Promise<ControlNote[]>;
  /**
   * Writes durably. `ifRev`: only if the note has this revision (0: only if there is none).
   * Returns the new revision, or null where another is there. Revisions are integers above 0; a note that was deleted
   * and made again does not get one that it had before.
   */
  put(id: string, value: unknown, ifRev?: number): Promise<number | null>;
  delete(id: string): Promise<void>;
}

export interface ControlNote {
  readonly id: string;
  readonly rev: number;
  readonly value: unknown;
}

export interface StoreHealth {
  readonly engine: 'sqlite' | 'mongodb';
  /** Of the engine: `SQLite 3.50.4`. */
  readonly engineVersion: string;
  readonly schemaVersion: number;
  readonly site: SiteId;
  /** Bytes; null where the engine does not tell. */
  readonly sizeBytes: number | null;
}

export interface Store extends AsyncDisposable {
  /** Without credentials. */
  readonly url: string;
  readonly engine: 'sqlite' | 'mongodb';
  readonly site: SiteId;
  readonly articles: ArticlesDatabase;
  readonly feeds: FeedsDatabase;
  readonly users: Database<Contents['users']>;
  readonly subscriptions: Database<Contents['subscriptions']>;
  readonly states: Database<Contents['states']>;
  readonly control: Control;
  database<N extends DatabaseName>(name: N): Database<Contents[N]>;
  /** One round trip; throws a STORE_* error where the store does not answer. */
  health(): Promise<StoreHealth>;
  close(): Promise<void>;
}

/** Milliseconds since 1970. Passed in, so that tests can drive it. */
export type Clock = () => number;

export interface OpenOptions {
  readonly clock?: Clock;
  /** Called before and after a schema migration, for people to see. */
  readonly onMigration?: (event: MigrationEvent) => void;
  /** Fail with STORE_MISSING where there is no store yet, rather than make one. Default false. */
  readonly mustExist?: boolean;
  /** False: fail with STORE_OLDER where the schema wants an upgrade, rather than upgrade it. Default true. */
  readonly upgrade?: boolean;
  /** Longest wait for a lock or a server, in ms. Default 10,000. */
  readonly waitMsMax?: number;
}

export type MigrationEvent =
  | { readonly step: 'backup'; readonly to: string }
  | { readonly step: 'migrate'; readonly from: number; readonly to: number; readonly what: string }
  | { readonly step: 'done'; readonly version: number };
