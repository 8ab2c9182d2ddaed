/** Calls of DocumentDB's SQL functions. BSON goes in as bytes and comes out as text: `BSONHEX` and hex digits. */
import { type Document, deserialize } from 'bson';
import { type ClientBase, Pool } from 'pg';

const CONNECTIONS_MAX = 24;
const CONNECT_MS_MAX = 30_000;
const PREFIX = 'BSONHEX';

export type SqlRow = Readonly<Record<string, unknown>>;

export interface Database extends AsyncDisposable {
  /** The only row that a call gives. `timeoutMs`: 0 or no number is without limit. */
  row(sql: string, args: readonly unknown[], timeoutMs?: unknown): Promise<SqlRow>;
  /** Throws where there is no such index. */
  indexName(indexId: number): Promise<string>;
}

/** `host`: the folder of the server's socket. */
export function openDatabase(host: string): Database {
  const pool = new Pool({
    host,
    user: 'postgres',
    database: 'postgres',
    max: CONNECTIONS_MAX,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: CONNECT_MS_MAX,
  });
  // A connection that breaks while idle is replaced at the next call, which reports what is wrong.
  pool.on('error', () => {});

  const row: Database['row'] = async (sql, args, timeoutMs) => {
    if (typeof timeoutMs !== 'number' || timeoutMs <= 0) return firstRow(pool, sql, args);
    const client = await pool.connect();
    try {
      await client.query(`set statement_timeout = ${Math.ceil(timeoutMs)}`);
      return await firstRow(client, sql, args);
    } finally {
      await client.query('reset statement_timeout').catch(() => {});
      client.release();
    }
  };

  return {
    row,
    async indexName(indexId) {
      const sql = 'select (index_spec).index_name from documentdb_api_catalog.collection_indexes where index_id = $1';
      return String((await row(sql, [indexId])).index_name);
    },
    async [Symbol.asyncDispose]() {
      await pool.end();
    },
  };
}

/** Each kind of call is parsed and planned once a connection. */
async function firstRow(via: Pool | ClientBase, text: string, args: readonly unknown[]): Promise<SqlRow> {
  const result = await via.query<Record<string, unknown>>({ name: text.slice(0, 63), text, values: [...args] });
  const row = result.rows[0];
  if (!row) throw new Error(`no row from: ${text}`);
  return row;
}

export function bsonOf(row: SqlRow, column: string): Uint8Array {
  const text = row[column];
  if (typeof text !== 'string' || !text.startsWith(PREFIX)) throw new Error(`no BSON in ${column}`);
  return Buffer.from(text.slice(PREFIX.length), 'hex');
}

export function readBson(row: SqlRow, column: string): Document {
  return deserialize(bsonOf(row, column), { promoteLongs: false });
}

export function booleanOf(row: SqlRow, column: string): boolean {
  return row[column] === true;
}
