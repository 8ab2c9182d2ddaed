import type { Db, IndexDescription } from 'mongodb';
import { DATABASE_NAMES, type DatabaseName } from '../documents.ts';

/**
 * One step of the schema, forward only; it must not change once it was released. It may run again after a crash, over
 * its own half of the work. It leaves `_id`, `slot` and `n` alone.
 */
export interface Migration {
  readonly version: number;
  readonly what: string;
  apply(db: Db): Promise<void>;
}

/** In the order of their versions, from 1, without gaps. */
export const MIGRATIONS: readonly Migration[] = [{ version: 1, what: 'the first schema', apply: makeVersion1 }];

/** The place in the change feed; the sums of verification, read from the index alone; tombstones, to be counted. */
const VERSIONED: readonly IndexDescription[] = [
  { key: { slot: 1, n: 1 }, unique: true },
  { key: { b: 1, h1: 1, h2: 1, h3: 1 } },
  { key: { delAt: 1 }, partialFilterExpression: { del: true } },
];

/** Indexes that answer a query alone end with what it returns. */
const OWN: Partial<Record<DatabaseName, readonly IndexDescription[]>> = {
  articles: [
    { key: { at: -1, num: -1, feed: 1, _id: 1 } },
    { key: { feed: 1, at: -1, num: -1, _id: 1 } },
    { key: { feed: 1, num: 1 } },
    { key: { num: 1 } },
  ],
  feeds: [{ key: { state: 1, nextAt: 1, _id: 1, url: 1 } }, { key: { num: 1 } }],
  users: [{ key: { num: 1 } }],
};

async function makeVersion1(db: Db): Promise<void> {
  for (const name of DATABASE_NAMES) await db.collection(name).createIndexes([...VERSIONED, ...(OWN[name] ?? [])]);
}
