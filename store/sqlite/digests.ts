import { setImmediate as turn } from 'node:timers/promises';
import type { Digest, DigestPage, DigestQuery, Version } from '../contract.ts';
import type { DatabaseName } from '../documents.ts';
import { fingerprints } from '../envelope.ts';
import { storeError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { SLOT } from './slots.ts';

/** Rows of the index read in one turn of the event loop: about 5 ms. */
const TURN_ROWS = 10_000;
/** Documents looked up, and characters hashed, in one turn. */
const TURN_DOCS = 1000;
const TURN_CHARS = 2 * 1024 * 1024;

interface DigestRow {
  n: number;
  _id: string;
  ver: string;
  del: number;
  b: number;
  h1: number;
  h2: number;
  h3: number;
  /** Of a deep look. */
  body?: string;
}

/** How many documents have a number above `after`; in several turns, so that others come between. */
export async function countAfter(db: Connection, name: DatabaseName, after: number): Promise<number> {
  const sql = `
    SELECT count(*) AS count, max(n) AS last
    FROM (SELECT n FROM ${name} INDEXED BY ${name}_sums WHERE n > ? ORDER BY n LIMIT ${TURN_ROWS})`;
  for (let total = 0, from = after; ; ) {
    const row = await db.read(() => db.statement(sql).get(from) as { count: number; last: number | null });
    total += row.count;
    if (row.last === null || row.count < TURN_ROWS) return total;
    from = row.last;
    await turn();
  }
}

/**
 * Digests in the order of `n`, which is the order of the index for verification: what is in none of the buckets is left
 * out without looking at its row. The cursor is the last number that was looked at.
 */
export async function digests(db: Connection, name: DatabaseName, query: DigestQuery): Promise<DigestPage> {
  const { ids, limit, deep = false } = query;
  const select = `SELECT n, _id, ver, del, b, h1, h2, h3${deep ? ', body' : ''} FROM ${name}`;
  if (ids !== undefined) {
    const rows = await lookUp(db, `${select} WHERE _id = ?`, ids, limit);
    return { digests: rows.digests, cursor: null };
  }
  const found: Digest[] = [];
  const buckets = query.buckets && new Set(query.buckets);
  for (let after = placeOf(query.cursor); ; ) {
    const index = await indexRows(db, name, after);
    const wanted = buckets ? index.filter(([, b]) => buckets.has(b)) : index;
    const numbers = wanted.map(([n]) => n);
    const { digests, last } = await lookUp(db, `${select} WHERE n = ?`, numbers, limit - found.length);
    found.push(...digests);
    if (last !== undefined) return { digests: found, cursor: String(last) };
    const end = index.at(-1)?.[0];
    if (end === undefined || index.length < TURN_ROWS) return { digests: found, cursor: null };
    after = end;
    await turn();
  }
}

async function indexRows(db: Connection, name: DatabaseName, after: number): Promise<[n: number, b: number][]> {
  const sql = `SELECT n, b FROM ${name} INDEXED BY ${name}_sums WHERE n > ? ORDER BY n LIMIT ${TURN_ROWS}`;
  return await db.read(() => {
    const rows = db.statement(sql).all(after) as unknown as { n: number; b: number }[];
    return rows.map(({ n, b }) => [n, b]);
  });
}

/** Looks up one row for each key, up to `limit`. `last`: the key at which the limit was reached. */
async function lookUp<K extends string | number>(
  db: Connection,
  sql: string,
  keys: readonly K[],
  limit: number,
): Promise<{ digests: Digest[]; last?: K }> {
  const found: Digest[] = [];
  for (let at = 0; at < keys.length; ) {
    if (at > 0) await turn();
    const from = at;
    at = await db.read(() => {
      const statement = db.statement(sql);
      let chars = 0;
      let i = from;
      for (; i < keys.length && i - from < TURN_DOCS && chars < TURN_CHARS && found.length < limit; i += 1) {
        const row = statement.get(keys[i] as K) as DigestRow | undefined;
        if (row) found.push(digestOf(row));
        chars += row?.body?.length ?? 0;
      }
      return i;
    });
    const last = keys[at - 1];
    if (found.length >= limit && last !== undefined) return { digests: found, last };
  }
  return { digests: found };
}

function digestOf({ n, _id: id, ver, del, b, h1, h2, h3, body }: DigestRow): Digest {
  return {
    id,
    ver: ver as Version,
    deleted: del === 1,
    slot: SLOT,
    n,
    h1,
    h2,
    h3,
    sound: body === undefined ? null : isSound({ id, ver: ver as Version, del, b, h1, h2, h3, body }),
  };
}

function isSound(
  row: Omit<DigestRow, '_id' | 'n' | 'ver' | 'body'> & { id: string; ver: Version; body: string },
): boolean {
  const { id, body, ver, del, b, h1, h2, h3 } = row;
  const words = fingerprints(id, body, ver, del === 1);
  return words.b === b && words.h1 === h1 && words.h2 === h2 && words.h3 === h3;
}

/** Throws BATCH_INVALID for a cursor that no page gave. */
function placeOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const n = Number(cursor);
  if (Number.isSafeInteger(n) && n >= 0) return n;
  throw storeError('BATCH_INVALID', `No page of digests ended at ${JSON.stringify(cursor)}.`, { input: cursor });
}
