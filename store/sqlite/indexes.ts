/**
 * The indexes that only readers need can wait until a new database has been filled: sorting a million articles once is
 * faster than finding each its place. What was dropped is noted in `meta`, in the same transaction, as the statements
 * that make it again; a store that is opened with such a note makes them first.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { DatabaseName } from '../documents.ts';
import { DATABASE_NAMES } from '../documents.ts';
import type { Connection } from './connection.ts';
import { dropLease, isHeld, noteLease } from './slots.ts';

/** The rest is for writing, for verification, or holds next to nothing. */
const FOR_READERS: Partial<Record<DatabaseName, readonly string[]>> = {
  articles: ['articles_timeline', 'articles_feed_timeline', 'articles_feed_num', 'articles_num'],
  feeds: ['feeds_due', 'feeds_num'],
};

interface Deferred {
  /** Held by the process that fills the database; when it is gone, whoever opens the store makes the indexes. */
  readonly lease: number;
  /** What is still to be made. */
  readonly statements: readonly string[];
}

/** Drops the indexes of an empty database that only readers need. False: there is nothing to gain, or it holds something. */
export async function deferIndexes(db: Connection, name: DatabaseName, leases: Set<number>): Promise<boolean> {
  const names = FOR_READERS[name];
  if (names === undefined) return false;
  const lease = await db.write('sync', () => {
    const there = deferredOf(db, name);
    if (there) return there.lease;
    if (db.statement(`SELECT 1 FROM ${name} LIMIT 1`).get()) return null;
    const find = db.statement("SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?");
    const statements = names.map((index) => String(find.get(index)?.sql));
    const lease = noteLease(db, leaseName(name), 'deferred indexes');
    writeDeferred(db, name, { lease, statements });
    for (const index of names) db.exec(`DROP INDEX ${index}`);
    return lease;
  });
  if (lease === null) return false;
  leases.add(lease);
  return true;
}

/** Makes again what was left out, one index a transaction. False: nothing was. */
export async function buildIndexes(db: Connection, name: DatabaseName, leases: Set<number>): Promise<boolean> {
  const deferred = await db.read(() => deferredOf(db, name));
  if (!deferred) return false;
  const endLoad = db.beginLoad();
  try {
    for (let more = true; more; await turn()) more = await db.write('sync', () => buildNext(db, name));
  } finally {
    endLoad();
  }
  leases.delete(deferred.lease);
  return true;
}

/** For a store that was just opened: makes what a process left out that is gone. */
export async function buildForsaken(db: Connection, leases: Set<number>): Promise<void> {
  for (const name of DATABASE_NAMES) {
    const deferred = await db.read(() => deferredOf(db, name));
    if (deferred && !(await db.read(() => isHeld(db, deferred.lease)))) await buildIndexes(db, name, leases);
  }
}

/** Returns whether there is more to make. */
function buildNext(db: Connection, name: DatabaseName): boolean {
  const deferred = deferredOf(db, name);
  if (!deferred) return false;
  const [first, ...rest] = deferred.statements;
  if (first !== undefined) db.exec(first);
  if (rest.length > 0) {
    writeDeferred(db, name, { ...deferred, statements: rest });
    return true;
  }
  db.statement('DELETE FROM meta WHERE name = ?').run(noteName(name));
  dropLease(db, deferred.lease);
  return false;
}

function deferredOf(db: Connection, name: DatabaseName): Deferred | undefined {
  const row = db.statement('SELECT value FROM meta WHERE name = ?').get(noteName(name));
  return row && (JSON.parse(String(row.value)) as Deferred);
}

function writeDeferred(db: Connection, name: DatabaseName, deferred: Deferred): void {
  const sql = 'INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)';
  db.statement(sql).run(noteName(name), JSON.stringify(deferred));
}

function noteName(name: DatabaseName): string {
  return `deferred/${name}`;
}

/** No database's: a takeover drops the leases of a database, and this one is no writer's. */
function leaseName(name: DatabaseName): string {
  return `indexes of ${name}`;
}
