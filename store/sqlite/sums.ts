import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import type { BucketSum } from '../contract.ts';
import type { DatabaseName } from '../documents.ts';
import { BUCKET_COUNT } from '../envelope.ts';
import { type Patience, whileBusy } from './waiting.ts';

/** Rows read in one turn of the event loop: less than 10 ms. */
const TURN_ROWS = 20_000;

/** Of each bucket, one after the other: count, s1, s2, s3. */
const FIELDS = 4;

/**
 * Count and sums of each bucket, in one state of the store, read off an index that holds nothing else. That index is
 * kept in the order of `n`: in the order of buckets it would sum up faster (0.1 s a million documents rather than 0.3)
 * and cost every crawled article a page written at a random place. A connection of its own keeps the state, while others
 * of this process write between the turns. Rows are added up where SQLite has them: fetching each would leave 100 MB
 * of garbage a million.
 */
export async function bucketSums(name: DatabaseName, patience: Patience): Promise<BucketSum[]> {
  const db = await whileBusy(patience, () => new DatabaseSync(patience.path, { readOnly: true }));
  try {
    const adder = new Adder(db, name);
    const sums = new Float64Array(BUCKET_COUNT * FIELDS);
    db.exec('BEGIN');
    for (let after = 0; ; await turn()) {
      const from = after;
      const to = await whileBusy(patience, () => adder.addSome(from));
      if (to === null) return listOf(sums);
      for (let i = 0; i < sums.length; i += 1) sums[i] = (sums[i] ?? 0) + (adder.sums[i] ?? 0);
      after = to;
    }
  } finally {
    db.close();
  }
}

/** Adds up the rows of one turn at a time. */
class Adder {
  /** Of the last turn. */
  readonly sums = new Float64Array(BUCKET_COUNT * FIELDS);
  readonly #end: ReturnType<DatabaseSync['prepare']>;
  readonly #adding: ReturnType<DatabaseSync['prepare']>;

  constructor(db: DatabaseSync, name: DatabaseName) {
    const { sums } = this;
    const step = (count: number, b: number, h1: number, h2: number, h3: number): number => {
      const at = b * FIELDS;
      sums[at] = (sums[at] ?? 0) + 1;
      sums[at + 1] = (sums[at + 1] ?? 0) + h1;
      sums[at + 2] = (sums[at + 2] ?? 0) + h2;
      sums[at + 3] = (sums[at + 3] ?? 0) + h3;
      return count + 1;
    };
    // The types do not know that the columns are integers. SQLite takes the count of arguments from `step`.
    db.aggregate('add_to_bucket', { start: 0, step: step as (...values: SQLOutputValue[]) => number });
    const index = `${name} INDEXED BY ${name}_sums`;
    this.#end = db.prepare(
      `SELECT max(n) AS n FROM (SELECT n FROM ${index} WHERE n > ? ORDER BY n LIMIT ${TURN_ROWS})`,
    );
    this.#adding = db.prepare(`SELECT add_to_bucket(b, h1, h2, h3) FROM ${index} WHERE n > ? AND n <= ?`);
  }

  /** Returns the last `n` that was added; null: there is none. May be tried again where it throws. */
  addSome(after: number): number | null {
    this.sums.fill(0);
    const n = this.#end.get(after)?.n ?? null;
    if (n === null) return null;
    this.#adding.get(after, n);
    return Number(n);
  }
}

function listOf(sums: Float64Array): BucketSum[] {
  const list: BucketSum[] = [];
  for (let b = 0; b < BUCKET_COUNT; b += 1) {
    const [count = 0, s1 = 0, s2 = 0, s3 = 0] = sums.subarray(b * FIELDS, (b + 1) * FIELDS);
    if (count > 0) list.push({ b, count, s1, s2, s3 });
  }
  return list;
}
