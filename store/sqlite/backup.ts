import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { storeError } from '../errors.ts';
import { asStoreError } from './failures.ts';

/**
 * A verified copy of a store's committed state beside it, `PATH.backup-LABEL-TIMESTAMP`. The caller holds the write
 * lock, so that nothing is written between the copy and what it is made for. Returns its path.
 * Throws STORE_BACKUP_FAILED, and then leaves no half copy.
 */
export function backUp(path: string, label: string): string {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const target = `${path}.backup-${label}-${stamp}`;
  const partial = `${target}.partial`;
  try {
    const source = new DatabaseSync(path, { readOnly: true });
    try {
      source.prepare('VACUUM INTO ?').run(partial);
      verify(source, partial);
    } finally {
      source.close();
    }
    sync(partial);
    renameSync(partial, target);
    sync(dirname(target));
    return target;
  } catch (error) {
    removeIfThere(partial);
    const said = asStoreError(error, path);
    const message = `No backup of ${path} could be made: ${said instanceof Error ? said.message : String(said)}`;
    throw storeError('STORE_BACKUP_FAILED', message, { input: path, cause: error });
  }
}

/** The copy must be sound, and have as many rows in every table. */
function verify(source: DatabaseSync, copyPath: string): void {
  const copy = new DatabaseSync(copyPath, { readOnly: true });
  try {
    const [check] = copy.prepare('PRAGMA integrity_check(1)').all() as { integrity_check: string }[];
    if (check?.integrity_check !== 'ok') throw new Error(`the copy is damaged: ${check?.integrity_check}`);
    const tables = source.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as { name: string }[];
    for (const { name } of tables) {
      const there = rowsOf(source, name);
      const copied = rowsOf(copy, name);
      if (there !== copied) throw new Error(`table ${name} has ${there} rows, its copy ${copied}`);
    }
  } finally {
    copy.close();
  }
}

function rowsOf(db: DatabaseSync, table: string): number {
  return (db.prepare(`SELECT count(*) AS rows FROM "${table}"`).get() as { rows: number }).rows;
}

/** Best effort: what failed first is what must be told. */
function removeIfThere(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
