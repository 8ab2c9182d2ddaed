/** What a primary that was replaced holds and the new primary never saw. */
import type { SiteId, Version, Versioned } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { type Side, sideOf } from '../applying/merge.ts';
import { dominates, vectorOf } from '../applying/version-vectors.ts';
import { type Checkpoint, checkpointTo, readCheckpoint, resumeFrom } from '../checkpoint.ts';
import { ASIDE_NOTES, pagesOfNotes, readAsideNote } from '../notes.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import type { Target } from '../target.ts';
import { positionIn, type Vector } from '../vector.ts';

/** Documents that are looked at in one go. */
const PAGE = 200;
const PAGE_CHARS_MAX = 2_000_000;

/**
 * - `missing`: the new primary has no document of that id.
 * - `newer`: it has a version that this one stems from.
 * - `concurrent`: it has a version that this one does not stem from, nor the other way round.
 */
export type WhyUnseen = 'missing' | 'newer' | 'concurrent';

export interface Unseen {
  readonly database: DatabaseName;
  readonly doc: Side;
  /** The version at the new primary. */
  readonly there: Version | null;
  readonly why: WhyUnseen;
}

export interface UnseenOptions {
  readonly store: ReplicatedStore;
  readonly target: Target;
  readonly primary: SiteId;
  readonly databases: readonly DatabaseName[];
  /** What the new primary keeps of this site. */
  readonly checkpoints: Readonly<Partial<Record<DatabaseName, Checkpoint | null>>>;
  /** How many were looked at since the last call. */
  readonly onLooked?: (docs: number) => void;
}

/**
 * Everything past the last checkpoint that both ends know of, compared with what the new primary has now: the
 * checkpoint may lag behind, and need not be known at all.
 */
export async function* findUnseen(options: UnseenOptions): AsyncGenerator<Unseen> {
  const { store, target, databases, onLooked } = options;
  for (const database of databases) {
    const there = target.compare(database);
    const start = await startOf(options, database);
    for await (const docs of candidates(store, database, start)) {
      const found = await there.versions(docs.map(({ id }) => id));
      for (const doc of docs) {
        const unseen = compared(database, doc, found.get(doc.id));
        if (unseen !== undefined) yield unseen;
      }
      onLooked?.(docs.length);
    }
  }
}

async function startOf({ store, primary, checkpoints }: UnseenOptions, database: DatabaseName): Promise<Vector> {
  const own = await readCheckpoint(store.control, checkpointTo(primary, database));
  return resumeFrom(checkpoints[database] ?? null, own) ?? {};
}

function compared(
  database: DatabaseName,
  doc: Versioned<unknown>,
  there: Versioned<unknown> | undefined,
): Unseen | undefined {
  if (there === undefined) return { database, doc: sideOf(doc), there: null, why: 'missing' };
  if (there.ver === doc.ver) return undefined;
  // Of two merged versions the one that has seen more may be the smaller one: the other would stay here for ever.
  if (there.ver > doc.ver && dominates(vectorOf(there), vectorOf(doc))) return undefined;
  const why = dominates(vectorOf(doc), vectorOf(there)) ? 'newer' : 'concurrent';
  return { database, doc: sideOf(doc), there: there.ver, why };
}

async function* candidates(
  store: ReplicatedStore,
  database: DatabaseName,
  start: Vector,
): AsyncGenerator<Versioned<unknown>[]> {
  const { changes } = store.database(database);
  for (const { slot, stable } of await changes.slots()) {
    for (let after = positionIn(start, slot); after < stable; ) {
      const { docs, through } = await changes.read(slot, after, PAGE, PAGE_CHARS_MAX);
      if (docs.length > 0) yield docs;
      if (through <= after) break;
      after = through;
    }
  }
  const aside = await asideIds(store, database);
  for (let from = 0; from < aside.length; from += PAGE) {
    const found = await store.database(database).versions(aside.slice(from, from + PAGE));
    const early = [...found.values()].filter(({ slot, n }) => n <= positionIn(start, slot));
    if (early.length > 0) yield early;
  }
}

/** What a destination refused may be before the checkpoint. */
async function asideIds({ control }: ReplicatedStore, database: DatabaseName): Promise<string[]> {
  const ids = new Set<string>();
  for await (const notes of pagesOfNotes(control, ASIDE_NOTES)) {
    for (const note of notes) {
      const aside = readAsideNote(note.id);
      if (aside?.database === database) ids.add(aside.id);
    }
  }
  return [...ids];
}
