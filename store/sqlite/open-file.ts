import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { MigrationEvent } from '../contract.ts';
import { storeError } from '../errors.ts';
import { newSiteId } from '../ids.ts';
import { CACHE_KIB, WAL_PAGES } from './connection.ts';
import { asStoreError } from './failures.ts';
import { checkVersion, migrate } from './migrate.ts';
import { pragma } from './pragma.ts';
import { APPLICATION_ID, type Migration } from './schema.ts';
import { BUSY_TIMEOUT_MS, whileBusy } from './waiting.ts';

const MAGIC = 'SQLite format 3\0';

/** Three articles a page; of a new file only. With SQLite's 4 KiB it is one, and the file half empty. */
const PAGE_BYTES = 8192;
/** The WAL is cut to that many bytes after it was moved into the file. */
const WAL_BYTES_KEPT = 64 * 1024 * 1024;

export interface OpenFileOptions {
  readonly path: string;
  readonly waitMsMax: number;
  readonly mustExist: boolean;
  readonly migrations: readonly Migration[];
  readonly onMigration: (event: MigrationEvent) => void;
  readonly upgrade: boolean;
  /** To look and change nothing; goes with `mustExist` and without `upgrade`. */
  readonly readOnly: boolean;
}

/** Opens or makes the file of a store and brings its schema up to date. Throws STORE_* errors. */
export async function openFile(options: OpenFileOptions): Promise<DatabaseSync> {
  const { path } = options;
  try {
    prepareFile(options);
  } catch (error) {
    throw asStoreError(error, path);
  }
  const db = await whileBusy(options, () => openDatabase(path, options.readOnly));
  try {
    await whileBusy(options, () => claimFile(db, options));
    const version = await whileBusy(options, () => checkVersion(db, options));
    if (options.readOnly && version === 0) throw missing(path, `There is no store in ${path}.`);
    if (!options.readOnly) await whileBusy(options, () => db.exec('PRAGMA journal_mode = WAL'));
    await migrate(db, options);
    // Reading opens the WAL, so that its identity can be kept.
    await whileBusy(options, () => db.exec('SELECT count(*) FROM meta'));
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** What must hold before SQLite may touch the path: it could make files, or take a foreign one for empty. */
function prepareFile({ path, mustExist, readOnly }: OpenFileOptions): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) {
    if (mustExist) throw missing(path, `There is no store at ${path}.`);
    makeFolder(dirname(path));
  } else {
    if (!stat.isFile()) throw storeError('STORE_URL_INVALID', `${path} is no file.`, { input: path });
    accessSync(path, readOnly ? constants.R_OK : constants.R_OK | constants.W_OK);
    if (stat.size > 0 && headOf(path) !== MAGIC) throw notOurs(path, 'is no SQLite file');
    if (stat.size === 0 && mustExist) throw missing(path, `${path} is empty.`);
  }
  // SQLite keeps its WAL beside the file, and what its readers share.
  accessSync(dirname(path), constants.W_OK);
}

/**
 * One folder after the other: Node's own `recursive` reports a read-only file system as ENOENT, and never ends where
 * the system takes no folders, as below /proc.
 */
function makeFolder(folder: string): void {
  if (existsSync(folder) || folder === dirname(folder)) {
    if (!statSync(folder).isDirectory())
      throw storeError('STORE_URL_INVALID', `${folder} is no folder.`, { input: folder });
    return;
  }
  makeFolder(dirname(folder));
  accessSync(dirname(folder), constants.W_OK);
  try {
    mkdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another process may have been first.
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT') throw error;
    throw storeError('STORE_URL_INVALID', `No folder can be made at ${folder}.`, { input: folder, cause: error });
  }
}

function headOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(MAGIC.length);
    readSync(file, head, 0, head.length, 0);
    return head.toString('latin1');
  } finally {
    closeSync(file);
  }
}

function openDatabase(path: string, readOnly: boolean): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly });
  db.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
  db.exec(`PRAGMA cache_size = -${CACHE_KIB.normal}; PRAGMA temp_store = MEMORY`);
  db.exec(`PRAGMA wal_autocheckpoint = ${WAL_PAGES.normal}; PRAGMA journal_size_limit = ${WAL_BYTES_KEPT}`);
  return db;
}

/**
 * Makes sure that the file is ours, or marks an empty one as ours. The mark is committed through a rollback journal,
 * before WAL is turned on: it is in the file itself from the first commit.
 */
function claimFile(db: DatabaseSync, { path, mustExist, readOnly }: OpenFileOptions): void {
  if (pragma(db, 'application_id') === APPLICATION_ID) return;
  if (readOnly) throw notOurs(path, 'belongs to another application');
  db.exec('PRAGMA synchronous = FULL; BEGIN IMMEDIATE');
  try {
    // Another process may have been first.
    if (pragma(db, 'application_id') !== APPLICATION_ID) {
      const { tables } = db.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() as { tables: number };
      if (tables > 0 || pragma(db, 'application_id') !== 0 || pragma(db, 'user_version') !== 0)
        throw notOurs(path, 'belongs to another application');
      if (mustExist) throw missing(path, `There is no store in ${path}.`);
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      db.exec('CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID');
      db.prepare("INSERT INTO meta (name, value) VALUES ('site', ?), ('rev', 0)").run(newSiteId());
    }
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function missing(path: string, message: string): Error {
  return storeError('STORE_MISSING', message, { input: path });
}

function notOurs(path: string, why: string): Error {
  return storeError('STORE_NOT_OURS', `The file ${path} ${why}.`, { input: path });
}
