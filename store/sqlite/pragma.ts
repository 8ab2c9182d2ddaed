import type { DatabaseSync } from 'node:sqlite';

/** The value of a pragma that has one. */
export function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}
