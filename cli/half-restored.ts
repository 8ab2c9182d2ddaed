import { readRestoreState } from '../replicator/backup/restore-note.ts';
import type { Store } from '../store/contract.ts';
import { moment } from './text.ts';

export const HALF_RESTORED_ADVICE = 'Run the same `feedferry restore` again: it goes on where it was stopped.';

/** Why nothing should be served from this store; null: it is whole. */
export async function halfRestored(store: Pick<Store, 'control'>): Promise<string | null> {
  const state = await readRestoreState(store.control);
  if (state === null || state.finishedAt !== null) return null;
  return `The store is half restored from ${state.path}, begun ${moment(state.startedAt)}: documents are missing`;
}
