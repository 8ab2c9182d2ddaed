import type { DatabaseName } from '../../store/documents.ts';
import { replicatorError } from '../errors.ts';
import { type BackupContents, type BackupFile, openBackupFile, scanBackup } from './file.ts';
import { type Plan, planFor } from './state.ts';

/** What a restore takes from a file: found, and found possible, before a store is touched. */
export interface PlannedRestore extends AsyncDisposable {
  readonly file: BackupFile;
  readonly contents: BackupContents;
  readonly plan: Plan;
  /** The moment asked for, milliseconds since 1970; null: the newest state. */
  readonly at: number | null;
  readonly databases: readonly DatabaseName[];
}

/**
 * `databases` null: all that the file has. Throws BACKUP_FILE_UNUSABLE, BACKUP_NOT_OURS, BACKUP_NEWER, BACKUP_DAMAGED,
 * BACKUP_OTHER_DATABASES, RESTORE_TOO_EARLY.
 */
export async function planRestore(
  path: string,
  at: number | null,
  databases: readonly DatabaseName[] | null,
): Promise<PlannedRestore> {
  await using stack = new AsyncDisposableStack();
  const file = stack.use(await mustOpen(path));
  const contents = await scanBackup(file);
  const plan = planFor(file, contents, at);
  const planned = { file, contents, plan, at, databases: chosen(file, contents, databases) };
  const opened = stack.move();
  return { ...planned, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Throws BACKUP_FILE_UNUSABLE. */
export async function mustOpen(path: string): Promise<BackupFile> {
  const file = await openBackupFile(path, 'r');
  if (file !== undefined) return file;
  throw replicatorError('BACKUP_FILE_UNUSABLE', `There is no file ${path}.`, { input: path });
}

/** Throws BACKUP_OTHER_DATABASES for one that the file lacks. */
function chosen(
  file: BackupFile,
  { head }: BackupContents,
  wanted: readonly DatabaseName[] | null,
): readonly DatabaseName[] {
  const missing = wanted?.filter((name) => !head.databases.includes(name)) ?? [];
  if (missing.length === 0) return head.databases.filter((name) => wanted?.includes(name) ?? true);
  const message = `${file.path} holds ${head.databases.join(', ')}, and not ${missing.join(', ')}.`;
  throw replicatorError('BACKUP_OTHER_DATABASES', message, { input: file.path });
}
