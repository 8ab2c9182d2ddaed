import { statSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Durability } from '../contract.ts';
import { storeError } from '../errors.ts';
import { type Patience, whileBusy } from './waiting.ts';
import { WriteQueue } from './write-queue.ts';

/** A deleted or replaced file is noticed by writers within this time. */
const GONE_CHECK_MS = 1000;

/**
 * The WAL is moved into the file at that many pages. While a lot is loaded, most of them are pages of indexes that come
 * again in the next transaction: four times the WAL writes them a quarter as often, which doubles the rate.
 */
export const WAL_PAGES = { normal: 4000, bulk: 16_000 } as const;

/**
 * Pages that SQLite keeps in memory of its own; the system keeps the file's besides. A crawl was as fast with 8 MiB as with 64.
 * An index that is made after a load is sorted in pieces of this size.
 */
export const CACHE_KIB = { normal: 16 * 1024, bulk: 64 * 1024 } as const;

export interface ConnectionOptions {
  readonly path: string;
  readonly waitMsMax: number;
  readonly schemaVersion: number;
  /** Opened so: closing it writes nothing. */
  readonly readOnly: boolean;
}

/**
 * The one connection of an open store. SQLite's calls are synchronous, so a transaction is one function call that
 * nothing else of this process comes between; other processes are waited for asynchronously.
 */
export class Connection {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly patience: Patience;
  readonly #schemaVersion: number;
  readonly #readOnly: boolean;
  readonly #statements = new Map<string, StatementSync>();
  readonly #files: readonly { path: string; identity: string }[];
  readonly #queue: WriteQueue;
  #loads = 0;
  #synced: Durability | undefined;
  #checkedAt = 0;
  #closed = false;

  constructor(db: DatabaseSync, { path, waitMsMax, schemaVersion, readOnly }: ConnectionOptions) {
    this.path = path;
    this.#db = db;
    this.#schemaVersion = schemaVersion;
    this.#readOnly = readOnly;
    this.patience = { path, waitMsMax, check: () => this.checkOpen() };
    this.#queue = new WriteQueue(this.patience, (durability, work) => this.#writeTransaction(durability, work));
    this.#files = [path, `${path}-wal`].map((file) => ({ path: file, identity: identityOf(file) }));
  }

  /** A prepared statement, made once. Only inside `read` and `write`. */
  statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Changes of the schema. Only inside `write`. */
  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** Statements that need not see one state of the store. */
  read<T>(use: () => T): Promise<T> {
    return whileBusy(this.patience, use);
  }

  /** Statements that see one state of the store. */
  snapshot<T>(use: () => T): Promise<T> {
    return whileBusy(this.patience, () => this.#transaction('BEGIN', use));
  }

  /**
   * Part of one write transaction; others of the same turn may share it. `use` may run several times, and its effects
   * count once. They are on disk when this resolves with `sync`; with `lazy` they are when a later `sync` write is, or
   * after a checkpoint. `bulk`: its transaction may take longer, see `write-queue.ts`.
   */
  async write<T>(durability: Durability, use: () => T, bulk = false): Promise<T> {
    this.checkOpen();
    return await this.#queue.add({ durability, bulk }, use);
  }

  /** A lot is about to be written; until the function that is returned is called. */
  beginLoad(): () => void {
    this.#loads += 1;
    if (this.#loads === 1) this.#setSizes('bulk');
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#loads -= 1;
      if (this.#loads === 0 && !this.#closed) this.#setSizes('normal');
    };
  }

  #setSizes(when: keyof typeof WAL_PAGES): void {
    this.#db.exec(`PRAGMA wal_autocheckpoint = ${WAL_PAGES[when]}; PRAGMA cache_size = -${CACHE_KIB[when]}`);
  }

  /** Throws STORE_GONE where the file is not the one that was opened; looks at most once a second unless `now`. */
  checkThere(now = false): void {
    const at = performance.now();
    if (!now && at - this.#checkedAt < GONE_CHECK_MS) return;
    for (const { path, identity } of this.#files) {
      if (identityOf(path) === identity) continue;
      const message = `The file ${path} was removed or replaced while the store was open.`;
      throw storeError('STORE_GONE', message, { input: path });
    }
    this.#checkedAt = at;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  checkOpen(): void {
    if (this.#closed) throw closedError(this.path);
  }

  /** Rolls nothing back: between calls there is no transaction. The last connection of all moves the WAL into the file. */
  close(lastWrite: () => void): void {
    if (this.#closed) return;
    this.#queue.end(() => closedError(this.path));
    try {
      if (!this.#readOnly) {
        this.#setDurability('sync');
        this.#transaction('BEGIN IMMEDIATE', lastWrite);
      }
    } catch {
      // Best effort: it only tidies up.
    }
    this.#closed = true;
    this.#statements.clear();
    this.#db.close();
  }

  #writeTransaction(durability: Durability, work: () => void): void {
    this.checkThere();
    this.#setDurability(durability);
    this.#transaction('BEGIN IMMEDIATE', () => {
      this.#checkVersion();
      work();
    });
  }

  #transaction<T>(begin: 'BEGIN' | 'BEGIN IMMEDIATE', use: () => T): T {
    // One that could not even be rolled back, as the disk was failing.
    if (this.#db.isTransaction) this.statement('ROLLBACK').run();
    this.statement(begin).run();
    try {
      const result = use();
      this.statement('COMMIT').run();
      return result;
    } catch (error) {
      // Some failures have rolled back already.
      if (this.#db.isTransaction) this.statement('ROLLBACK').run();
      throw error;
    }
  }

  /** `synchronous` can't be changed inside a transaction (https://www.sqlite.org/pragma.html#pragma_synchronous). */
  #setDurability(durability: Durability): void {
    if (this.#synced === durability) return;
    this.#db.exec(durability === 'sync' ? 'PRAGMA synchronous = FULL' : 'PRAGMA synchronous = NORMAL');
    this.#synced = durability;
  }

  /** Another process may have upgraded the file below this one. */
  #checkVersion(): void {
    const row = this.statement('PRAGMA user_version').get() as { user_version: number } | undefined;
    if (row?.user_version === this.#schemaVersion) return;
    const message = `The store ${this.path} has schema version ${row?.user_version}, this Feedferry knows ${this.#schemaVersion}.`;
    throw storeError('STORE_NEWER', message, { input: this.path });
  }
}

function closedError(path: string): Error {
  return storeError('STORE_CLOSED', `The store ${path} is closed.`, { input: path });
}

function identityOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat ? `${stat.dev}:${stat.ino}` : 'none';
}
