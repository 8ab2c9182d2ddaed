/**
 * A crawl's dealings with its store: one writer for each database, batches, and patience. A store that does not answer
 * is asked again, up to a limit; then, and where asking again is useless, the trouble is thrown as `StoreTrouble`,
 * so that nobody takes it for a fault of the feed at hand.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  AnyEdit,
  Control,
  Durability,
  Edit,
  KnownArticle,
  Live,
  Outcome,
  Store,
  Version,
  Writer,
} from '../store/contract.ts';
import type { Article, FeedRecord } from '../store/documents.ts';
import { CodedError, codeOf, readOnlyError } from '../store/errors.ts';
import { Batch } from './batch.ts';

/** How long a store that may come back is waited for, within one crawl. */
export const STORE_RETRY_MS_MAX = 30_000;
const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 2_000;

/** As much as a large feed brings: a store without room for it is still in trouble. */
const PROBE_CHARS = 1024 * 1024;
const PROBE_NOTE = 'crawler/probe';

/** Documents in one call: the store's write lock is held for some 10 ms at a time. */
const ARTICLES_PER_WRITE_MAX = 256;
const FEEDS_PER_CALL_MAX = 256;

/**
 * Articles wait so long for those of other feeds: each transaction writes the pages of the index by time again that it
 * touches, at random places, and its cost is mostly in these.
 */
const GATHER_MS = 10;

/** The store failed for good, as far as this crawl is concerned. `cause`: what it said. */
export class StoreTrouble extends Error {
  override readonly cause: unknown;

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'StoreTrouble';
    this.cause = cause;
  }
}

/** The crawlers are paused, so that the store takes nothing of theirs. */
export function isShutOut(error: unknown): boolean {
  return error instanceof StoreTrouble && codeOf(error.cause) === 'WRITER_SHUT_OUT';
}

export interface StoreSessionOptions {
  readonly store: Store;
  /** Shown to operators. `crawler: ...`: it writes nothing while the crawlers are paused. */
  readonly owner: string;
  /** Where the articles are another's than the feeds. Default: `owner`. */
  readonly articlesOwner?: string;
  readonly durability: Durability;
  /** Aborted: no more patience. */
  readonly signal?: AbortSignal | undefined;
  /** Default STORE_RETRY_MS_MAX. */
  readonly retryMsMax?: number;
  /** Told of every retry, for the metrics and the status. */
  readonly onRetry?: (error: unknown) => void;
}

export class StoreSession implements AsyncDisposable {
  readonly #options: StoreSessionOptions;
  readonly #articles: LazyWriter<Article>;
  readonly #feeds: LazyWriter<FeedRecord>;
  readonly #articleWrites: Batch<readonly AnyEdit<Article>[], Outcome[]>;
  readonly #feedWrites: Batch<Edit<FeedRecord>, Outcome>;
  readonly #feedReads: Batch<string, Live<FeedRecord> | undefined>;

  constructor(options: StoreSessionOptions) {
    this.#options = options;
    const { store, owner, articlesOwner = owner, durability } = options;
    this.#articles = new LazyWriter(() => store.articles.openWriter({ owner: articlesOwner, durability }));
    this.#feeds = new LazyWriter(() => store.feeds.openWriter({ owner, durability }));
    this.#articleWrites = new Batch({
      run: (batch) => this.#writeArticles(batch),
      weight: (edits) => edits.length,
      weightMax: ARTICLES_PER_WRITE_MAX,
      gatherMs: GATHER_MS,
      splitOn: isPoison,
    });
    this.#feedWrites = new Batch({
      run: (edits) => this.#patiently(() => this.#feeds.use((writer) => writer.edit(edits))),
      weightMax: FEEDS_PER_CALL_MAX,
      splitOn: isPoison,
    });
    this.#feedReads = new Batch({
      run: async (ids) => {
        const found = await this.#patiently(() => store.feeds.getMany(ids));
        return ids.map((id) => found.get(id));
      },
      weightMax: FEEDS_PER_CALL_MAX,
    });
  }

  get control(): Control {
    return this.#options.store.control;
  }

  feed(id: string): Promise<Live<FeedRecord> | undefined> {
    return this.#feedReads.add(id);
  }

  known(ids: readonly string[]): Promise<Map<string, KnownArticle>> {
    return this.#patiently(() => this.#options.store.articles.known(ids));
  }

  articles(ids: readonly string[]): Promise<Map<string, Live<Article>>> {
    return this.#patiently(() => this.#options.store.articles.getMany(ids));
  }

  /** Resolves when they are acknowledged. Every edit carries `ifVer`, so that repeating one does no harm. */
  writeArticles(edits: readonly (AnyEdit<Article> & { ifVer: Version | null })[]): Promise<Outcome[]> {
    return this.#articleWrites.add(edits);
  }

  /** As `writeArticles`. */
  writeFeed(edit: Edit<FeedRecord>): Promise<Outcome> {
    return this.#feedWrites.add(edit);
  }

  /** Resolves when the change feed shows all articles that were acknowledged. */
  settle(): Promise<void> {
    return this.#articles.settle();
  }

  /** For reads besides these. */
  read<T>(operation: (store: Store) => Promise<T>): Promise<T> {
    return this.#patiently(() => operation(this.#options.store));
  }

  /** Once, without patience: throws what the store says where it can't be written to. */
  async probe(): Promise<void> {
    const { store } = this.#options;
    for (const database of [store.articles, store.feeds]) {
      const mode = await database.mode();
      // A writer of a replica's database opens all the same: for replication, and for no crawler.
      if (mode !== 'read-write') throw readOnlyError(database.name, store.url, mode);
    }
    await this.#articles.use(async () => {});
    await this.#feeds.use(async () => {});
    // One that is locked or full opens and answers all the same: what is fetched then would be fetched again and again.
    await store.control.put(PROBE_NOTE, { room: ' '.repeat(PROBE_CHARS) }, undefined, 'lazy');
    await store.control.delete(PROBE_NOTE);
    await store.health();
  }

  /**
   * Settles and gives the slots back; a later write leases others. Throws what the store says; what was acknowledged is
   * safe all the same.
   */
  async close(): Promise<void> {
    const closed = await Promise.allSettled([this.#articles.close(), this.#feeds.close()]);
    const failed = closed.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #writeArticles(batch: (readonly AnyEdit<Article>[])[]): Promise<Outcome[][]> {
    const edits = batch.flat();
    const outcomes = await this.#patiently(() => this.#articles.use((writer) => writer.edit(edits)));
    let from = 0;
    return batch.map(({ length }) => {
      from += length;
      return outcomes.slice(from - length, from);
    });
  }

  async #patiently<T>(operation: () => Promise<T>): Promise<T> {
    const { signal, retryMsMax = STORE_RETRY_MS_MAX, onRetry } = this.#options;
    const startedAt = performance.now();
    let pauseMs = PAUSE_MS_MIN;
    for (;;) {
      try {
        return await operation();
      } catch (error) {
        const over = performance.now() - startedAt + pauseMs > retryMsMax;
        if (!mayPass(error) || over || signal?.aborted === true) throw new StoreTrouble(error);
        onRetry?.(error);
        await sleep(pauseMs, undefined, { signal }).catch(() => {});
        pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
      }
    }
  }
}

/**
 * Worth trying again: what the store says is passing; a writer that was taken over, for a new one can be opened
 * (unless the database was set read-only, which the opening then says); an unresolved write, for every edit is guarded.
 */
function mayPass(error: unknown): boolean {
  return isLost(error) || codeOf(error) === 'WRITE_UNRESOLVED' || (error instanceof CodedError && error.retryable);
}

function isLost(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'WRITER_FENCED' || code === 'WRITER_CLOSED';
}

/** One document of the batch is at fault. */
function isPoison(error: unknown): boolean {
  return error instanceof StoreTrouble && codeOf(error.cause) === 'BATCH_INVALID';
}

/** Opened at the first use, and again after it was lost. */
class LazyWriter<C> {
  readonly #open: () => Promise<Writer<C>>;
  #writer: Promise<Writer<C>> | undefined;

  constructor(open: () => Promise<Writer<C>>) {
    this.#open = open;
  }

  async use<T>(operation: (writer: Writer<C>) => Promise<T>): Promise<T> {
    this.#writer ??= this.#open();
    const opening = this.#writer;
    try {
      return await operation(await opening);
    } catch (error) {
      const lost = isLost(error);
      if (this.#writer === opening && (lost || (await failedToOpen(opening)))) this.#writer = undefined;
      if (lost) opening.then((writer) => writer.close()).catch(() => {});
      throw error;
    }
  }

  async settle(): Promise<void> {
    await (await this.#writer)?.settle();
  }

  async close(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer !== undefined) await (await writer).close();
  }
}

async function failedToOpen(opening: Promise<unknown>): Promise<boolean> {
  return opening.then(
    () => false,
    () => true,
  );
}
