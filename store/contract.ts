/**
 * The contract of a store. Two engines keep it, `sqlite/` and `mongodb/`; `test/contract/` holds both to it.
 * Nothing outside this folder knows which one runs. `docs/store.md` tells the why of each rule.
 */
import type { Article, Contents, DatabaseName, FeedRecord } from './documents.ts';
import type { Serialized } from './serialized.ts';

/** `TTTTTTTTTTTT-CCCC-SITE`: hex milliseconds, hex counter, site. Compares as text: a total order with one winner. */
export type Version = string & { readonly brand: 'Version' };

/** A site's short name, drawn at random when a store is made: 8 lower-case letters and digits. */
export type SiteId = string & { readonly brand: 'SiteId' };

/** `replica`: documents of other sites can be applied, local edits are refused. `read-only`: neither. */
export type Mode = 'read-write' | 'read-only' | 'replica';

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
  /**
   * Version vector, `{site: TTTTTTTTTTTT-CCCC}`. Null: only `org` has edited it, and `{[org]: clock of ver}` is meant. A
   * site that edits what another one wrote begins one.
   */
  readonly vv: Readonly<Record<string, string>> | null;
  readonly slot: number;
  readonly n: number;
  readonly delAt: number | null;
  readonly content: C | null;
  /**
   * `canonicalJson(content)` (`null` in a tombstone), where the engine has it at hand: saves serializing it again.
   * Believed of the very object that an engine returned, whose content is parsed out of it; made again of any copy.
   */
  readonly body?: string;
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
  /** The new version is greater than this one too, whatever the clock says. */
  readonly above?: Version;
}

/** The same, or one whose content another thread has serialized. */
export type AnyEdit<C> = Omit<Edit<C>, 'content'> & { readonly content: C | Serialized<C> | null };

/** A document from another site, to be applied behind the `ver` guard. */
export interface Replica<C> extends Pick<Versioned<C>, 'id' | 'ver' | 'org' | 'vv' | 'delAt' | 'content' | 'body'> {
  /** Besides the guard, which comes first: only if the version there is this one; null: only if there is none at all. */
  readonly ifVer?: Version | null;
  /** For repair: replaces this very version too, where what is stored there has another body or other words. */
  readonly heal?: boolean;
}

export type Outcome =
  | { readonly id: string; readonly result: 'written'; readonly ver: Version; readonly n: number }
  /** `apply`: what is there is as new or newer; nothing was written. */
  | { readonly id: string; readonly result: 'stale' }
  /** `ifVer`: another version is there; nothing was written. */
  | { readonly id: string; readonly result: 'conflict' };

/**
 * The right to write into one database: a leased slot and its numbers. Safe for concurrent calls.
 * Throws DATABASE_READ_ONLY, WRITER_FENCED, WRITER_SHUT_OUT, WRITER_CLOSED, WRITE_UNRESOLVED, BATCH_INVALID and the
 * STORE_* codes.
 */
export interface Writer<C> extends AsyncDisposable {
  readonly slot: number;
  readonly epoch: number;
  /**
   * Local edits: each gets a version newer than what is there. Outcomes in the order of the edits. Deleting what is not
   * there writes a tombstone. `num: 0` is replaced by the number which the document has, else by a new one.
   */
  edit(edits: readonly AnyEdit<C>[]): Promise<Outcome[]>;
  edit(edits: readonly Edit<C>[]): Promise<Outcome[]>;
  /**
   * Replicated documents keep their `ver` and `org`; applying twice, late or out of order is harmless. `note` is put
   * into `control` with the last of the documents where the engine has transactions, after them elsewhere; never before.
   */
  apply(
    replicas: readonly Replica<C>[],
    note?: { readonly id: string; readonly value: unknown },
    between?: Between,
  ): Promise<Outcome[]>;
  /** Resolves when `stable` covers all that was acknowledged. */
  settle(): Promise<void>;
  /** Settles, then gives the slot back. */
  close(): Promise<void>;
}

export interface WriterOptions {
  /** Shown to operators: `site`, `feeds add`. `crawler: serve`: of the kind `crawler`, which `shutOut` is about. */
  readonly owner: string;
  readonly durability: Durability;
  /** For loading a lot at once: a larger window of numbers where there is one. Default false. */
  readonly bulk?: boolean;
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
/**
 * Called between two documents where an engine works on many in this very thread: it may block it for a moment, so that
 * others get a processor. Engines whose work is done elsewhere don't call it.
 */
export type Between = () => void;

export interface ChangeFeed<C> {
  slots(): Promise<SlotState[]>;
  /**
   * Documents with `after < n <= stable` of one slot, at most `limit`, and no more once their bodies exceed `charsMax`
   * (default: the engine's own limit, if it has one). It may be fewer, with more to come after `through`; it is one at
   * least, unless there is none up to `stable`. `between`: see `Between`.
   */
  read(slot: number, after: number, limit: number, charsMax?: number, between?: Between): Promise<ChangePage<C>>;
  /** How many documents, tombstones included, a reader of this slot has before it up to `stable`. */
  remaining(slot: number, after: number): Promise<number>;
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

/** What verification compares: a document without its body. */
export interface Digest {
  readonly id: string;
  readonly ver: Version;
  readonly deleted: boolean;
  readonly slot: number;
  readonly n: number;
  readonly h1: number;
  readonly h2: number;
  readonly h3: number;
  /** `deep`: whether the stored words are those of the stored body. Null: not looked at. */
  readonly sound: boolean | null;
}

export interface DigestQuery {
  /** Of these buckets only (0 to 4095). Default: all. */
  readonly buckets?: readonly number[];
  /** Of these documents only, each in one state; at most `limit`, and instead of `buckets` and `cursor`. */
  readonly ids?: readonly string[];
  /** Where the page before ended; opaque. */
  readonly cursor?: string;
  readonly limit: number;
  /** Reads the bodies and hashes them again. Default false. */
  readonly deep?: boolean;
}

export interface DigestPage {
  /** In an order of the engine's own; fillers left out. A document that changes meanwhile may come twice or not at all. */
  readonly digests: Digest[];
  /** Null: that was the last page. */
  readonly cursor: string | null;
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
  /** As `getMany`, tombstones too. */
  versions(ids: readonly string[]): Promise<Map<string, Versioned<C>>>;
  /** In the order of ids (by UTF-8 bytes). */
  scan(options: ScanOptions & { deleted?: false }): Promise<Live<C>[]>;
  scan(options: ScanOptions): Promise<Versioned<C>[]>;
  /** Documents that are there, tombstones and fillers left out. */
  count(): Promise<number>;
  bucketSums(): Promise<BucketSum[]>;
  digests(query: DigestQuery): Promise<DigestPage>;
  mode(): Promise<Mode>;
  /** Every change of mode takes effect before it returns: every writer is fenced first. The same mode again: nothing. */
  setMode(mode: Mode): Promise<void>;
  /**
   * `deferred`: an empty database may be filled without the indexes that only readers need; queries are slow until it is
   * set back to `kept`, which builds them. Returns false, and changes nothing, where the engine gains nothing by it or
   * the database is not empty; `kept` returns whether there was anything to build. A store that is opened with deferred
   * indexes builds them first, unless the process that fills it still runs.
   */
  setIndexes(indexes: 'deferred' | 'kept'): Promise<boolean>;
  openWriter(options: WriterOptions): Promise<Writer<C>>;
  /**
   * While the note `shutOutNote(kind)` of `control` has `shut: true`, no writer of this kind opens (WRITER_SHUT_OUT). This
   * fences those that were open when the note was put; when it has returned, none of them can write, also one whose
   * process wakes up later. Other writers go on. Returns what was fenced, as it was. Idempotent.
   */
  shutOut(kind: string): Promise<SlotState[]>;
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
  /**
   * Ids of the feeds that are fetched from exactly these URLs, for each URL that has any: usually one, of whatever id, for
   * a feed keeps the id of the URL it was added with. Looks through an index of all feeds: for rare questions.
   */
  byUrl(urls: readonly string[]): Promise<Map<string, string[]>>;
  byNum(nums: readonly number[]): Promise<Map<number, string>>;
}

/** Local notes of a site: small JSON documents, never replicated, with compare-and-set. */
export interface Control {
  get(id: string): Promise<ControlNote | undefined>;
  /** In the order of ids. `after`: ids greater than this. */
  list(prefix: string, page?: { readonly after?: string; readonly limit?: number }): Promise<ControlNote[]>;
  /**
   * Writes durably, unless `lazy` is asked for. `ifRev`: only if the note has this revision (0: only if there is none).
   * Returns the new revision, or null where another is there. Revisions are integers above 0; a note that was deleted
   * and made again does not get one that it had before.
   */
  put(id: string, value: unknown, ifRev?: number, durability?: Durability): Promise<number | null>;
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
  /** Nothing is written, neither by opening nor by closing; implies `mustExist` and no `upgrade`. See `open-to-read.ts`. */
  readonly readOnly?: boolean;
  /** Longest wait for a lock or a server, in ms. Default 10,000. */
  readonly waitMsMax?: number;
}

export type MigrationEvent =
  | { readonly step: 'backup'; readonly to: string }
  | { readonly step: 'migrate'; readonly from: number; readonly to: number; readonly what: string }
  | { readonly step: 'done'; readonly version: number };
