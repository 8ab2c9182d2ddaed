import { DatabaseSync } from 'node:sqlite';
import { replicatorError } from '../errors.ts';

/**
 * Keeps others away from a backup file: `FILE.lock` is locked by the operating system through SQLite, so that the lock
 * ends with the process however that ends. The empty file stays, as removing it would let two in. Throws BACKUP_BUSY and
 * BACKUP_FILE_UNUSABLE.
 */
export function lockBackup(path: string): Disposable {
  const lock = `${path}.lock`;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(lock);
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    database?.close();
    const about = { input: path, cause };
    if (/locked/.test(String(cause))) throw replicatorError('BACKUP_BUSY', `Another run writes ${path}.`, about);
    throw replicatorError('BACKUP_FILE_UNUSABLE', `Cannot make ${lock}: ${(cause as Error).message}`, about);
  }
  return { [Symbol.dispose]: () => database.close() };
}
