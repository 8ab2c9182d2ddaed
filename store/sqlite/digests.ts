import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import type { Digest, DigestPage, DigestQuery, Version } from '../contract.ts';
import type { DatabaseName } from '../documents.ts';
import { fingerprints } from '../envelope.ts';
import { storeError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { SLOT } from './slots.ts';
import { type Patience, whileBusy } from './waiting.ts';

/** Rows of the index read in one turn of the event loop: a few ms. */
const TURN_ROWS = 20_000;
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
 * out without looking at its row. The cursor is the last number that was looked at. A connection of its own keeps small
 * what is cached, and in the cache of the other one what readers need.
 */
export async function digests(name: DatabaseName, patience: Patience, query: DigestQuery): Promise<DigestPage> {
  const { ids, buckets, cursor, limit, deep = false } = query;
  const after = placeOf(cursor);
  const db = await whileBusy(patience, () => new DatabaseSync(patience.path, { readOnly: true }));
  const reading = { db, name, patience, columns: `n, _id, ver, del, b, h1, h2, h3${deep ? ', body' : ''}` };
  try {
    if (ids) return { digests: (await lookUp(reading, '_id', ids, limit)).digests, cursor: null };
    return buckets ? await ofBuckets(reading, buckets, after, limit) : await ofAll(reading, after, limit);
  } finally {
    db.close();
  }
}

interface Reading {
  readonly db: DatabaseSync;
  readonly name: DatabaseName;
  readonly patience: Patience;
  readonly columns: string;
}

async function ofAll({ db, name, patience, columns }: Reading, after: number, limit: number): Promise<DigestPage> {
  const statement = db.prepare(`SELECT ${columns} FROM ${name} WHERE n > ? ORDER BY n LIMIT ?`);
  const found: Digest[] = [];
  for (let from = after; ; await turn()) {
    const most = Math.min(TURN_DOCS, limit - found.length);
    const some = await whileBusy(patience, () => someRows(statement, from, most));
    found.push(...some.digests);
    from = some.digests.at(-1)?.n ?? from;
    if (some.isLast) return { digests: found, cursor: null };
    if (found.length >= limit) return { digests: found, cursor: String(from) };
  }
}

/** Until there are enough of them, or of their characters. */
function someRows(statement: StatementSync, after: number, most: number): { digests: Digest[]; isLast: boolean } {
  const digests: Digest[] = [];
  let chars = 0;
  for (const row of statement.iterate(after, most) as Iterable<DigestRow>) {
    digests.push(digestOf(row));
    chars += row.body?.length ?? 0;
    if (chars >= TURN_CHARS) return { digests, isLast: false };
  }
  return { digests, isLast: digests.length < most };
}

async function ofBuckets(
  reading: Reading,
  buckets: readonly number[],
  after: number,
  limit: number,
): Promise<DigestPage> {
  const { db, name, patience } = reading;
  const index = `${name} INDEXED BY ${name}_sums`;
  const end = db.prepare(`SELECT max(n) AS n FROM (SELECT n FROM ${index} WHERE n > ? ORDER BY n LIMIT ${TURN_ROWS})`);
  const within = db.prepare(`
    SELECT n FROM ${index} WHERE n > ? AND n <= ? AND b IN (SELECT value FROM json_each(?)) ORDER BY n`);
  const wanted = JSON.stringify(buckets);
  const found: Digest[] = [];
  for (let from = after; ; await turn()) {
    const { numbers, to } = await whileBusy(patience, () => {
      const to = end.get(from)?.n as number | null;
      const rows = to === null ? [] : (within.all(from, to, wanted) as unknown as { n: number }[]);
      return { numbers: rows.map(({ n }) => n), to };
    });
    const { digests, last } = await lookUp(reading, 'n', numbers, limit - found.length);
    found.push(...digests);
    if (last !== undefined) return { digests: found, cursor: String(last) };
    if (to === null) return { digests: found, cursor: null };
    from = to;
  }
}

/** Looks up one row for each key, up to `limit`. `last`: the key at which the limit was reached. */
async function lookUp<K extends string | number>(
  { db, name, patience, columns }: Reading,
  key: '_id' | 'n',
  keys: readonly K[],
  limit: number,
): Promise<{ digests: Digest[]; last?: K }> {
  const statement = db.prepare(`SELECT ${columns} FROM ${name} WHERE ${key} = ?`);
  const found: Digest[] = [];
  for (let at = 0; at < keys.length; ) {
    if (at > 0) await turn();
    const from = at;
    const room = limit - found.length;
    const some = await whileBusy(patience, () => {
      const digests: Digest[] = [];
      let chars = 0;
      let i = from;
      for (; i < keys.length && i - from < TURN_DOCS && chars < TURN_CHARS && digests.length < room; i += 1) {
        const row = statement.get(keys[i] as K) as DigestRow | undefined;
        if (row) digests.push(digestOf(row));
        chars += row?.body?.length ?? 0;
      }
      return { digests, to: i };
    });
    found.push(...some.digests);
    at = some.to;
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
