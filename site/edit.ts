import { setTimeout } from 'node:timers/promises';
import type { Database, Edit, Version } from '../store/contract.ts';
import { codeOf, storeError } from '../store/errors.ts';
import type { Editor } from './standing-writer.ts';

/** How often one document is read again after somebody else changed it in between. */
export const EDIT_ATTEMPTS_MAX = 16;
/** Longest pause before the second attempt, and how much longer it may be before each one after: writers that met must part. */
const PAUSE_MS = 10;
/** Documents of one read and one write. */
const BATCH_DOCS = 500;

export interface Written<C> {
  readonly id: string;
  readonly ver: Version;
  readonly content: C | null;
}

/**
 * Reads documents, changes them, and writes each only over the version that was read; where another writer was faster,
 * again. `change` gets null where there is no document, returns null to delete, and returns the very same object to
 * leave it. Returns what was written; what was left is not in it. Throws EDIT_CONTENDED and what the store throws.
 */
export async function editDocuments<C>(
  database: Database<C>,
  editor: Editor<C>,
  ids: readonly string[],
  change: (content: C | null, id: string) => C | null | Promise<C | null>,
): Promise<Written<C>[]> {
  const written: Written<C>[] = [];
  for (let from = 0; from < ids.length; from += BATCH_DOCS) {
    let open = [...new Set(ids.slice(from, from + BATCH_DOCS))];
    for (let attempt = 1; open.length > 0; attempt += 1) {
      if (attempt > EDIT_ATTEMPTS_MAX) {
        throw storeError('EDIT_CONTENDED', `${open[0]} was changed by others ${EDIT_ATTEMPTS_MAX} times`, {
          input: open[0] ?? '',
          retryable: true,
        });
      }
      if (attempt > 1) await setTimeout(Math.random() * PAUSE_MS * attempt);
      open = await attemptEdits(database, editor, open, change, written);
    }
  }
  return written;
}

/** Returns the ids that must be tried again. */
async function attemptEdits<C>(
  database: Database<C>,
  editor: Editor<C>,
  ids: readonly string[],
  change: (content: C | null, id: string) => C | null | Promise<C | null>,
  written: Written<C>[],
): Promise<string[]> {
  const there = await database.getMany(ids);
  const edits: Edit<C>[] = [];
  for (const id of ids) {
    const doc = there.get(id);
    const before = doc?.content ?? null;
    const content = await change(before, id);
    if (content !== before) edits.push({ id, content, ifVer: doc?.ver ?? null });
  }
  if (edits.length === 0) return [];
  try {
    const outcomes = await editor.edit(edits);
    const again: string[] = [];
    outcomes.forEach((outcome, i) => {
      const content = edits[i]?.content ?? null;
      if (outcome.result === 'written') written.push({ id: outcome.id, ver: outcome.ver, content });
      else again.push(outcome.id);
    });
    return again;
  } catch (error) {
    // Nobody knows whether it landed: reading again tells, and what landed needs no second write.
    if (codeOf(error) !== 'WRITE_UNRESOLVED') throw error;
    return edits.map((edit) => edit.id);
  }
}
