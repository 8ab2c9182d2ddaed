import type { DatabaseSync } from 'node:sqlite';
import type { MigrationEvent } from '../contract.ts';
import { olderError, storeError } from '../errors.ts';
import { backUp } from './backup.ts';
import { isBusy } from './failures.ts';
import { pragma } from './pragma.ts';
import type { Migration } from './schema.ts';
import { type Patience, whileBusy } from './waiting.ts';

export interface MigrateOptions extends Patience {
  readonly migrations: readonly Migration[];
  readonly onMigration: (event: MigrationEvent) => void;
  /** False: STORE_OLDER instead of an upgrade. */
  readonly upgrade: boolean;
}

/** The schema version of a store that this program may open. Throws STORE_NEWER. */
export function checkVersion(db: DatabaseSync, options: MigrateOptions): number {
  const version = Number(pragma(db, 'user_version'));
  const known = latest(options);
  if (version <= known) return version;
  const message = `The store ${options.path} has schema version ${version}, this Feedferry knows ${known}.`;
  throw storeError('STORE_NEWER', message, { input: options.path });
}

/**
 * Brings the schema to the version of the last migration, in one transaction; before an upgrade, and while no other
 * process can write, a verified backup is made beside the file. Throws STORE_NEWER, STORE_OLDER, STORE_BACKUP_FAILED
 * and STORE_MIGRATION_FAILED; after each the store is as it was.
 */
export async function migrate(db: DatabaseSync, options: MigrateOptions): Promise<void> {
  const target = latest(options);
  const there = checkVersion(db, options);
  if (there === target) return;
  if (there > 0 && !options.upgrade) throw olderError(options.path, there, target);
  const upgraded = await whileBusy(options, () => {
    db.exec('PRAGMA synchronous = FULL; BEGIN IMMEDIATE');
    try {
      // Another process may have been first.
      const from = checkVersion(db, options);
      if (from < target) runMigrations(db, from, options);
      db.exec('COMMIT');
      return from < target && from > 0;
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  });
  if (upgraded) options.onMigration({ step: 'done', version: target });
}

function latest({ migrations }: MigrateOptions): number {
  return migrations.at(-1)?.version ?? 0;
}

function runMigrations(db: DatabaseSync, from: number, options: MigrateOptions): void {
  const backup = from > 0 ? backUp(options.path, `v${from}`) : undefined;
  if (backup) options.onMigration({ step: 'backup', to: backup });
  for (const step of options.migrations) {
    if (step.version <= from) continue;
    if (backup) options.onMigration({ step: 'migrate', from: step.version - 1, to: step.version, what: step.what });
    try {
      step.apply(db);
      db.exec(`PRAGMA user_version = ${step.version}`);
    } catch (error) {
      if (isBusy(error)) throw error;
      throw failed(options.path, step, backup, error);
    }
  }
  // Writers of other processes, which know the old schema, must not go on.
  db.exec('UPDATE slots SET epoch = epoch + 1');
}

function failed(path: string, step: Migration, backup: string | undefined, cause: unknown): Error {
  const said = cause instanceof Error ? cause.message : String(cause);
  const kept = backup ? ` The backup is ${backup}.` : '';
  const message = `The store ${path} could not be brought to schema version ${step.version} (${step.what}): ${said}.${kept}`;
  return storeError('STORE_MIGRATION_FAILED', message, { input: path, cause });
}
