/**
 * The losing sides of conflicts: notes in the `control` of the site that met them, until somebody resolves them. Nothing
 * limits how many are kept; what is shown comes in pages.
 */
import type { Control, Version } from '../../store/contract.ts';
import { DATABASE_NAMES, type DatabaseName } from '../../store/documents.ts';
import { replicatorError } from '../errors.ts';
import { pagesOfNotes } from '../notes.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import { type Side, sideOf } from './merge.ts';

const PREFIX = 'conflict/';

/** Of one page. */
export const CONFLICTS_SHOWN_MAX = 1000;

/** One version that lost. */
export interface Conflict {
  readonly database: DatabaseName;
  readonly id: string;
  readonly loser: Side;
  /** What was written instead, or stayed, then; what is there now can be newer. */
  readonly winner: Version;
  /** When this site met it. Milliseconds since 1970. */
  readonly at: number;
}

/** What is left of a resolved one: the loser may arrive once more, by another way. */
interface Resolved {
  readonly resolved: 'keep' | 'restore';
  readonly at: number;
}

export interface ConflictPage {
  readonly conflicts: readonly (Conflict & { readonly key: string })[];
  /** Pass it on as `after`; null: that was the last page. */
  readonly next: string | null;
}

/**
 * Keeps losers, durably once this resolves. Keeping one twice is harmless, and does not open again what was resolved.
 */
export async function keepLosers(control: Control, losers: readonly Conflict[]): Promise<void> {
  // Of one store a power cut takes the latest writes: once the last one is safe, all are.
  for (const [i, conflict] of losers.entries()) {
    await control.put(keyOf(conflict), conflict, 0, i === losers.length - 1 ? 'sync' : 'lazy');
  }
}

/** Those that wait for somebody, in the order of database and id. `limit`: at most `CONFLICTS_SHOWN_MAX`. */
export async function listConflicts(
  control: Control,
  { database, after, limit = 100 }: { database?: DatabaseName; after?: string; limit?: number } = {},
): Promise<ConflictPage> {
  const most = Math.min(limit, CONFLICTS_SHOWN_MAX);
  const found: (Conflict & { key: string })[] = [];
  for await (const conflict of openConflicts(control, database, after)) {
    if (found.length === most) return { conflicts: found, next: found.at(-1)?.key ?? null };
    found.push(conflict);
  }
  return { conflicts: found, next: null };
}

/** How many wait, of each database that has any. */
export async function countConflicts(control: Control): Promise<Partial<Record<DatabaseName, number>>> {
  const counts: Partial<Record<DatabaseName, number>> = {};
  for await (const { database } of openConflicts(control)) counts[database] = (counts[database] ?? 0) + 1;
  return counts;
}

/** `key`: as `listConflicts` gives it. Throws CONFLICT_UNKNOWN. */
export async function readConflict(control: Control, key: string): Promise<Conflict> {
  const note = key.startsWith(PREFIX) ? await control.get(key) : undefined;
  if (note && !isResolved(note.value)) return note.value as Conflict;
  const was = note ? ' any more: it was resolved' : '';
  const shown = key.startsWith(PREFIX) ? key.slice(PREFIX.length) : key;
  throw replicatorError('CONFLICT_UNKNOWN', `There is no conflict "${shown}"${was}.`, { input: shown });
}

/**
 * `keep`: what is there stays. `restore`: the loser's content becomes a new edit of this site, and replicates as such;
 * what is there now is replaced, with all that was edited since. Throws CONFLICT_UNKNOWN, and what an edit throws.
 */
export async function resolveConflict(
  store: ReplicatedStore,
  key: string,
  resolution: 'keep' | 'restore',
  at: number,
): Promise<Conflict> {
  const conflict = await readConflict(store.control, key);
  if (resolution === 'restore') {
    const { id, loser } = conflict;
    const options = { owner: 'replicate conflicts', durability: 'sync' } as const;
    await using writer = await store.database(conflict.database).openWriter(options);
    await writer.edit([{ id, content: loser.content }]);
  }
  const resolved: Resolved = { resolved: resolution, at };
  await store.control.put(key, resolved);
  return conflict;
}

export function keyOf({ database, id, loser }: Pick<Conflict, 'database' | 'id' | 'loser'>): string {
  return `${PREFIX}${database}/${id}@${loser.ver}`;
}

/** What `decide` wants kept, as it is kept. */
export function conflictOf(database: DatabaseName, loser: Side, winner: Version, at: number): Conflict {
  return { database, id: loser.id, loser: sideOf(loser), winner, at };
}

async function* openConflicts(
  control: Control,
  database?: DatabaseName,
  after?: string,
): AsyncGenerator<Conflict & { key: string }> {
  const prefix = database === undefined ? PREFIX : `${PREFIX}${database}/`;
  for await (const notes of pagesOfNotes(control, prefix, after)) {
    for (const { id, value } of notes) {
      if (!isResolved(value) && isConflict(value)) yield { ...value, key: id };
    }
  }
}

function isResolved(value: unknown): value is Resolved {
  return typeof value === 'object' && value !== null && 'resolved' in value;
}

function isConflict(value: unknown): value is Conflict {
  return DATABASE_NAMES.some((name) => name === (value as Partial<Conflict> | null)?.database);
}
