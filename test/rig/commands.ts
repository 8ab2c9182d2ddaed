/**
 * MongoDB commands as calls of DocumentDB's SQL functions, which take and give whole BSON commands: most bytes pass
 * through unread. What a test server of Feedferry needs is here; transactions, change streams and users are not.
 */
import { Long, serialize } from 'bson';
import type { CursorTable } from './cursors.ts';
import { booleanOf, bsonOf, type Database, readBson, type SqlRow } from './documentdb-sql.ts';
import { isLockingError, MongoError } from './mongo-errors.ts';
import { collectionOf, MESSAGE_BYTES_MAX, namespaceOf, type Request } from './wire.ts';
import { findAndModify, write } from './writes.ts';

/** How often a command that lost a lock to another one is repeated; MongoDB does so without end. */
const LOCK_TRIES_MAX = 100;

/** Wire version 21: MongoDB 7.0, what the driver then takes for granted works here. */
const WIRE_VERSION = 21;
const SERVER_VERSION = [7, 0, 0, 0];

export interface Session {
  readonly database: Database;
  readonly cursors: CursorTable;
  readonly connectionId: number;
  readonly clock: () => number;
}

type Handler = (request: Request, session: Session) => Promise<Uint8Array> | Uint8Array;

/** Commands that commit as they go: what failed may have been done in part, so they repeat parts by themselves. */
const COMMITTING: ReadonlySet<string> = new Set(['insert', 'update']);

/** The reply to a request, as BSON. Throws MongoError, and PostgreSQL's errors with their SQLSTATE. */
export async function runCommand(request: Request, session: Session): Promise<Uint8Array> {
  if ('startTransaction' in request.command || 'txnNumber' in request.command) {
    throw new MongoError(20, 'IllegalOperation', 'Transaction numbers are only allowed on a replica set member');
  }
  const handler = HANDLERS[request.name.toLowerCase()];
  if (!handler) throw new MongoError(59, 'CommandNotFound', `no such command: '${request.name}'`);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await handler(request, session);
    } catch (error) {
      if (!isLockingError(error) || attempt === LOCK_TRIES_MAX || COMMITTING.has(request.name)) throw error;
    }
  }
}

const OK = serialize({ ok: 1 });

const HANDLERS: Readonly<Record<string, Handler>> = {
  hello: greet,
  ismaster: greet,
  ping: () => OK,
  endsessions: () => OK,
  buildinfo: () => serialize({ version: SERVER_VERSION.slice(0, 3).join('.'), versionArray: SERVER_VERSION, ok: 1 }),
  getlog: () => serialize({ totalLinesWritten: 0, log: [], ok: 1 }),
  connectionstatus: () => serialize({ authInfo: { authenticatedUsers: [], authenticatedUserRoles: [] }, ok: 1 }),

  insert: (request, { database }) => write('insert', request, database),
  update: (request, { database }) => write('update', request, database),
  delete: (request, { database }) => write('delete', request, database),
  findandmodify: (request, { database }) => findAndModify(request, database),

  find: (request, session) => firstPage('find_cursor_first_page', request, session),
  aggregate: (request, session) => firstPage('aggregate_cursor_first_page', request, session),
  listcollections: (request, session) => firstPage('list_collections_cursor_first_page', request, session),
  listindexes: (request, session) => firstPage('list_indexes_cursor_first_page', request, session),
  getmore: nextPage,
  killcursors: killCursors,
  count: (request, session) => answer('select documentdb_api.count_query($1, $2) r', request, session),
  distinct: (request, session) => answer('select documentdb_api.distinct_query($1, $2) r', request, session),

  create: (request, session) => answer('select documentdb_api.create_collection_view($1, $2) r', request, session),
  collmod: (request, session) => answer('select documentdb_api.coll_mod($1, $3, $2) r', request, session),
  createindexes: (request, session) =>
    answer('select documentdb_api_internal.create_indexes_non_concurrently($1, $2, true) r', request, session),
  dropindexes: dropIndexes,
  drop,
  dropdatabase: dropDatabase,
  listdatabases: async (request, { database }) =>
    bsonOf(await database.row('select documentdb_api.list_databases($1) r', [request.body]), 'r'),
  collstats: async (request, { database }) =>
    bsonOf(await database.row('select documentdb_api.coll_stats($1, $2, 1) r', target(request)), 'r'),
  dbstats: async (request, { database }) =>
    bsonOf(await database.row('select documentdb_api.db_stats($1, 1, false) r', [request.database]), 'r'),
};

/** A standalone server: no replica set, so the driver neither retries writes nor opens transactions. */
function greet(_request: Request, session: Session): Uint8Array {
  return serialize({
    helloOk: true,
    isWritablePrimary: true,
    ismaster: true,
    maxBsonObjectSize: 16 * 1024 * 1024,
    maxMessageSizeBytes: MESSAGE_BYTES_MAX,
    maxWriteBatchSize: 100_000,
    localTime: new Date(session.clock()),
    logicalSessionTimeoutMinutes: 30,
    connectionId: session.connectionId,
    minWireVersion: 0,
    maxWireVersion: WIRE_VERSION,
    readOnly: false,
    ok: 1,
  });
}

async function answer(sql: string, request: Request, { database }: Session): Promise<Uint8Array> {
  const args = [request.database, request.body];
  if (sql.includes('$3')) args.push(collectionOf(request));
  return bsonOf(await database.row(sql, args, request.command.maxTimeMS), 'r');
}

async function firstPage(call: string, request: Request, session: Session): Promise<Uint8Array> {
  const id = session.cursors.newId();
  const sql = `select * from documentdb_api.${call}($1, $2, $3)`;
  const args = [request.database, request.body, String(id)];
  const row = await session.database.row(sql, args, request.command.maxTimeMS);
  if (row.continuation !== null) await keepCursor(id, request.database, row, session);
  return bsonOf(row, 'cursorpage');
}

async function nextPage(request: Request, session: Session): Promise<Uint8Array> {
  const id = cursorId(request.command.getMore);
  const cursor = session.cursors.get(id);
  const sql = 'select * from documentdb_api.cursor_get_more($1, $2, $3)';
  const row = await session.database.row(sql, [cursor.database, request.body, cursor.continuation]);
  if (row.continuation === null) session.cursors.forget(id);
  else await keepCursor(id, cursor.database, row, session);
  return bsonOf(row, 'cursorpage');
}

async function keepCursor(id: bigint, database: string, row: SqlRow, session: Session): Promise<void> {
  const continuation = bsonOf(row, 'continuation');
  const gone = session.cursors.keep({ id, database, continuation }, session.clock());
  if (gone.length > 0) await deleteCursors(gone, session);
}

async function killCursors(request: Request, session: Session): Promise<Uint8Array> {
  const killed: Long[] = [];
  const unknown: Long[] = [];
  for (const given of Array.isArray(request.command.cursors) ? request.command.cursors : []) {
    const id = cursorId(given);
    (session.cursors.forget(id) ? killed : unknown).push(Long.fromBigInt(id));
  }
  if (killed.length > 0)
    await deleteCursors(
      killed.map((id) => id.toBigInt()),
      session,
    );
  return serialize({ cursorsKilled: killed, cursorsNotFound: unknown, cursorsAlive: [], cursorsUnknown: [], ok: 1 });
}

/** Frees the files behind cursors of sorted and grouped results. */
async function deleteCursors(ids: readonly bigint[], { database }: Session): Promise<void> {
  await database.row('select documentdb_api_internal.delete_cursors($1::bigint[])', [`{${ids.join(',')}}`]);
}

async function dropIndexes(request: Request, { database }: Session): Promise<Uint8Array> {
  const row = await database.row('call documentdb_api.drop_indexes($1, $2, null)', [request.database, request.body]);
  return serialize({ ...readBson(row, 'retval'), ok: 1 });
}

async function drop(request: Request, { database }: Session): Promise<Uint8Array> {
  const row = await database.row('select documentdb_api.drop_collection($1, $2) r', target(request));
  if (!booleanOf(row, 'r')) throw new MongoError(26, 'NamespaceNotFound', 'ns not found');
  return serialize({ ns: namespaceOf(request), ok: 1 });
}

async function dropDatabase(request: Request, { database }: Session): Promise<Uint8Array> {
  await database.row('select documentdb_api.drop_database($1)', [request.database]);
  return serialize({ dropped: request.database, ok: 1 });
}

function target(request: Request): [string, string] {
  return [request.database, collectionOf(request)];
}

function cursorId(value: unknown): bigint {
  if (value instanceof Long) return value.toBigInt();
  if (typeof value === 'number') return BigInt(value);
  throw new MongoError(14, 'TypeMismatch', 'a cursor id must be a 64-bit integer');
}
