import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, OpenOptions, SiteId, Store, StoreHealth } from '../contract.ts';
import type { Contents, DatabaseName } from '../documents.ts';
import { olderError, storeError } from '../errors.ts';
import type { Faults } from '../faults.ts';
import { VersionClock } from '../version.ts';
import { MongodbArticles } from './articles.ts';
import { Connection } from './connection.ts';
import { MongodbControl } from './control.ts';
import { MongodbDatabase } from './database.ts';
import { MongodbFeeds } from './feeds.ts';
import { createMeta, expectMeta, type Meta, readMeta } from './meta.ts';
import { latestVersion, type MigrateOptions, makeStore, upgrade } from './migrate.ts';
import { newerError } from './modes.ts';
import { MIGRATIONS, type Migration } from './schema.ts';

const WAIT_MS_MAX = 10_000;

/** How long a closing store takes to give the slots of its writers back. */
const ABANDON_MS_MAX = 1_000;

/** One command of an upgrade, which may have a whole collection to work on. */
const UPGRADE_STEP_MS_MAX = 3_600_000;

/**
 * Opens the store in one MongoDB database, makes it where there is none, and brings its schema up to date. Any number
 * of processes may have it open. `faults` and `migrations` are for tests. Throws STORE_* errors.
 */
export async function openMongodb(
  url: string,
  options: OpenOptions = {},
  faults?: Faults,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<Store> {
  const waitMsMax = options.waitMsMax ?? WAIT_MS_MAX;
  const db = Connection.open(url, waitMsMax);
  try {
    const migrating = { migrations, onMigration: options.onMigration ?? (() => {}) };
    const { site } = await prepare(db, url, options, migrating);
    return new MongodbStore(db, site, latestVersion(migrations), options.clock ?? Date.now, faults);
  } catch (error) {
    await db.close();
    throw error;
  }
}

async function prepare(db: Connection, url: string, wishes: OpenOptions, options: MigrateOptions): Promise<Meta> {
  const target = latestVersion(options.migrations);
  let meta = await readMeta(db);
  if (!meta || meta.version === 0) {
    if (wishes.mustExist === true || wishes.readOnly === true)
      throw storeError('STORE_MISSING', `There is no store at ${db.shown}.`, { input: db.shown });
    meta ??= await createMeta(db);
    if (meta.version === 0) await makeStore(db, options);
    meta = await expectMeta(db);
  }
  if (meta.version > target) throw newerError(db, meta.version, target);
  if (meta.version === target) return meta;
  if (wishes.upgrade === false || wishes.readOnly === true) throw olderError(db.shown, meta.version, target);
  await using patient = Connection.open(url, db.waitMsMax, UPGRADE_STEP_MS_MAX);
  await upgrade(patient, options);
  return await expectMeta(db);
}

class MongodbStore implements Store {
  readonly url: string;
  readonly engine = 'mongodb';
  readonly site: SiteId;
  readonly articles: MongodbArticles;
  readonly feeds: MongodbFeeds;
  readonly users: MongodbDatabase<Contents['users']>;
  readonly subscriptions: MongodbDatabase<Contents['subscriptions']>;
  readonly states: MongodbDatabase<Contents['states']>;
  readonly control: MongodbControl;
  readonly #db: Connection;
  readonly #schemaVersion: number;
  readonly #writers = new Set<{ abandon(): Promise<void> }>();

  constructor(db: Connection, site: SiteId, schemaVersion: number, clock: () => number, faults: Faults | undefined) {
    const stamper = { site, versions: new VersionClock(site, clock), clock };
    this.control = new MongodbControl(db);
    const context = { db, control: this.control, schemaVersion, stamper, faults, writers: this.#writers };
    this.url = db.shown;
    this.site = site;
    this.articles = new MongodbArticles('articles', context);
    this.feeds = new MongodbFeeds('feeds', context);
    this.users = new MongodbDatabase('users', context);
    this.subscriptions = new MongodbDatabase('subscriptions', context);
    this.states = new MongodbDatabase('states', context);
    this.#db = db;
    this.#schemaVersion = schemaVersion;
  }

  database<N extends DatabaseName>(name: N): Database<Contents[N]> {
    return this[name] as unknown as Database<Contents[N]>;
  }

  async health(): Promise<StoreHealth> {
    await expectMeta(this.#db);
    const { version } = await this.#db.patiently(() => this.#db.db.command({ buildInfo: 1 }));
    // Not every user may ask for it.
    const size = await this.#db.db.stats().catch(() => undefined);
    return {
      engine: 'mongodb',
      engineVersion: `MongoDB ${version}`,
      schemaVersion: this.#schemaVersion,
      site: this.site,
      sizeBytes: size ? Number(size.storageSize ?? 0) + Number(size.indexSize ?? 0) : null,
    };
  }

  async close(): Promise<void> {
    if (this.#db.isClosed) return;
    const abandoned = Promise.allSettled([...this.#writers].map((writer) => writer.abandon()));
    const timer = new AbortController();
    await Promise.race([abandoned, sleep(ABANDON_MS_MAX, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
    await this.#db.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
