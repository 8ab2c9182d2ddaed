import type { DatabaseSync } from 'node:sqlite';

/** `FFry`: tells our files from other applications' (https://www.sqlite.org/pragma.html#pragma_application_id). */
export const APPLICATION_ID = 0x46467279;

/** One step of the schema, forward only. Runs inside a transaction, and must not change once it was released. */
export interface Migration {
  readonly version: number;
  readonly what: string;
  apply(db: DatabaseSync): void;
}

/** In the order of their versions, from 1, without gaps. */
export const MIGRATIONS: readonly Migration[] = [
  { version: 1, what: 'the first schema', apply: (db) => db.exec(VERSION_1) },
];

/**
 * `n` is the row id: there is one slot, so the place in the change feed is the place in the table, and reading changes
 * is reading on. `body` comes last, so that no query of the other columns reads through it.
 */
function versioned(table: string, columns: string): string {
  return `
    CREATE TABLE ${table} (
      n INTEGER PRIMARY KEY, _id TEXT NOT NULL UNIQUE, ver TEXT NOT NULL, org TEXT NOT NULL, vv TEXT,
      del INTEGER NOT NULL, delAt INTEGER,
      b INTEGER NOT NULL, h1 INTEGER NOT NULL, h2 INTEGER NOT NULL, h3 INTEGER NOT NULL,
      ${columns} body TEXT NOT NULL
    );
    CREATE INDEX ${table}_sums ON ${table} (n, b, h1, h2, h3);
    CREATE INDEX ${table}_deleted ON ${table} (_id) WHERE del = 1;
    INSERT INTO slots (database, epoch, mode, base, reserved) VALUES ('${table}', 1, 'read-write', 0, 0);`;
}

const VERSION_1 = `
  CREATE TABLE control (id TEXT PRIMARY KEY, rev INTEGER NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE slots (
    database TEXT PRIMARY KEY, epoch INTEGER NOT NULL, mode TEXT NOT NULL,
    base INTEGER NOT NULL, reserved INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE leases (
    lease INTEGER PRIMARY KEY AUTOINCREMENT, database TEXT NOT NULL, owner TEXT NOT NULL,
    host TEXT NOT NULL, pid INTEGER NOT NULL
  );
  ${versioned('articles', 'feed TEXT, num INTEGER, at INTEGER, fp TEXT,')}
  CREATE INDEX articles_timeline ON articles (at, num, feed, _id);
  CREATE INDEX articles_feed_timeline ON articles (feed, at, num, _id);
  CREATE INDEX articles_feed_num ON articles (feed, num);
  CREATE INDEX articles_num ON articles (num);
  ${versioned('feeds', 'num INTEGER, nextAt INTEGER, state TEXT, url TEXT,')}
  CREATE INDEX feeds_due ON feeds (state, nextAt, _id, url);
  CREATE INDEX feeds_num ON feeds (num);
  ${versioned('users', 'num INTEGER,')}
  CREATE INDEX users_num ON users (num);
  ${versioned('subscriptions', '')}
  ${versioned('states', '')}
`;
