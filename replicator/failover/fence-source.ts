import type { DatabaseName } from '../../store/documents.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import { readRole } from '../role.ts';

/** Says that this site found a newer primary and stopped writing. */
export const FENCED_NOTE = 'site/fenced';

export interface Fenced {
  /** What the newer primary's side answered. */
  readonly why: string;
  readonly databases: readonly DatabaseName[];
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * A primary that was replaced stops writing, so that no more of its edits go where nobody else sees them. A replica has
 * nothing to stop: whom it follows is fenced instead. Idempotent. `epoch`: the one that was refused. False: this site was
 * promoted above it since, so that it is no longer the one that was meant.
 */
export async function fenceSource(
  source: ReplicatedStore,
  databases: readonly DatabaseName[],
  why: string,
  at: number,
  epoch = Number.POSITIVE_INFINITY,
): Promise<boolean> {
  const role = await readRole(source.control);
  if (role.epoch > epoch) return false;
  if (role.role === 'replica') return true;
  const value: Fenced = { why, databases, at };
  await source.control.put(FENCED_NOTE, value);
  for (const name of databases) {
    const database = source.database(name);
    if ((await database.mode()) === 'read-write') await database.setMode('read-only');
  }
  const now = await readRole(source.control);
  if (now.role !== 'primary' || now.epoch <= epoch) return true;
  // Promoted in between: that had the modes right, and this must not be the last word.
  await source.control.delete(FENCED_NOTE);
  for (const name of databases) await source.database(name).setMode('read-write');
  return false;
}
