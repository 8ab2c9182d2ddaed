import type { Control } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';

/** The note in `control` of a store that was restored, or is half restored. */
export const RESTORE_NOTE = 'restore/state';

/** What was restored into a store, and how far that came. */
export interface RestoreState {
  /** `Head.id` of the backup file, the frame, and the moment that was asked for. */
  readonly backup: string;
  readonly frame: number;
  readonly at: number | null;
  readonly databases: readonly DatabaseName[];
  readonly path: string;
  readonly startedAt: number;
  /** Null: it is not complete, and nothing should be served from this store. */
  readonly finishedAt: number | null;
  /** Blocks of each database that are applied, newest first. */
  readonly blocks: Readonly<Partial<Record<DatabaseName, number>>>;
}

/** Null: nothing was ever restored into this store. */
export async function readRestoreState(control: Control): Promise<RestoreState | null> {
  return ((await control.get(RESTORE_NOTE))?.value as RestoreState | undefined) ?? null;
}
