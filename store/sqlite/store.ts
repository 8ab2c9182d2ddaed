import type { DatabaseSync } from 'node:sqlite';
import type { Database, OpenOptions, SiteId, Store, StoreHealth } from '../contract.ts';
import type { Contents, DatabaseName } from '../documents.ts';
import type { Faults } from '../faults.ts';
import { VersionClock } from '../version.ts';
import { SqliteArticles } from './articles.ts';
import { Connection } from './connection.ts';
import { SqliteControl } from './control.ts';
import { SqliteDatabase } from './database.ts';
import { SqliteFeeds } from './feeds.ts';
import { buildForsaken } from './indexes.ts';
import { openFile } from './open-file.ts';
import { MIGRATIONS, type Migration } from './schema.ts';
import { dropLease } from './slots.ts';
import { pathOfUrl } from './url.ts';

const WAIT_MS_MAX = 10_000;

/**
 * Opens the store in one SQLite file, makes it where there is none, and brings its schema up to date. Several processes
 * may have it open at once. `faults` and `migrations` are for tests. Throws STORE_* errors.
 */
export async function openSqlite(
  url: string,
  options: OpenOptions = {},
  faults?: Faults,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<Store> {
  const path = pathOfUrl(url);
  const waitMsMax = options.waitMsMax ?? WAIT_MS_MAX;
  const readOnly = options.readOnly ?? false;
  const db = await openFile({
    path,
    waitMsMax,
    mustExist: readOnly || (options.mustExist ?? false),
    upgrade: !readOnly && (options.upgrade ?? true),
    readOnly,
    migrations,
    onMigration: options.onMigration ?? (() => {}),
  });
  const schemaVersion = migrations.at(-1)?.version ?? 0;
  const connection = new Connection(db, { path, waitMsMax, schemaVersion, readOnly });
  const store = new SqliteStore(connection, siteOf(db), schemaVersion, options.clock ?? Date.now, faults);
  try {
    if (!readOnly && (options.upgrade ?? true)) await store.buildForsaken();
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

function siteOf(db: DatabaseSync): SiteId {
  return db.prepare("SELECT value FROM meta WHERE name = 'site'").get()?.value as SiteId;
}

class SqliteStore implements Store {
  readonly url: string;
  readonly engine = 'sqlite';
  readonly site: SiteId;
  readonly articles: SqliteArticles;
  readonly feeds: SqliteFeeds;
  readonly users: SqliteDatabase<Contents['users']>;
  readonly subscriptions: SqliteDatabase<Contents['subscriptions']>;
  readonly states: SqliteDatabase<Contents['states']>;
  readonly control: SqliteControl;
  readonly #db: Connection;
  readonly #schemaVersion: number;
  readonly #leases = new Set<number>();

  constructor(db: Connection, site: SiteId, schemaVersion: number, clock: () => number, faults: Faults | undefined) {
    const stamper = { site, versions: new VersionClock(site, clock), clock };
    const context = { db, stamper, faults, leases: this.#leases };
    this.url = `sqlite:${db.path}`;
    this.site = site;
    this.articles = new SqliteArticles('articles', context);
    this.feeds = new SqliteFeeds('feeds', context);
    this.users = new SqliteDatabase('users', context);
    this.subscriptions = new SqliteDatabase('subscriptions', context);
    this.states = new SqliteDatabase('states', context);
    this.control = new SqliteControl(db);
    this.#db = db;
    this.#schemaVersion = schemaVersion;
  }

  database<N extends DatabaseName>(name: N): Database<Contents[N]> {
    return this[name] as unknown as Database<Contents[N]>;
  }

  /** Makes the indexes that a process left out while it loaded, and was killed. */
  async buildForsaken(): Promise<void> {
    await buildForsaken(this.#db, this.#leases);
  }

  async health(): Promise<StoreHealth> {
    this.#db.checkOpen();
    this.#db.checkThere(true);
    return await this.#db.read(() => {
      const sql =
        'SELECT sqlite_version() AS version, page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size';
      const row = this.#db.statement(sql).get();
      return {
        engine: 'sqlite',
        engineVersion: `SQLite ${row?.version}`,
        schemaVersion: this.#schemaVersion,
        site: this.site,
        sizeBytes: Number(row?.bytes),
      };
    });
  }

  async close(): Promise<void> {
    this.#db.close(() => {
      for (const lease of this.#leases) dropLease(this.#db, lease);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
