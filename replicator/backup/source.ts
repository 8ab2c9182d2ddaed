/** The source's side of a backup: what changed, and what the source remembers of its runs. */
import type { Control, Versioned } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import type { ReplicatedDatabase, ReplicatedStore } from '../replicated-store.ts';
import { positionIn, type Vector } from '../vector.ts';
import type { Trailer } from './format.ts';

/** Documents, and characters of their content, that are read in one go. */
const PAGE_DOCS = 500;
const PAGE_CHARS = 1024 * 1024;
/** Runs that the source remembers of a file. */
const RUNS_MAX = 20;
/** Files that the source remembers. */
const FILES_MAX = 100;
const NOTES = 'backup/';

/** One pass over the changes past a vector, up to where the feed stands when the pass begins. */
export async function* changesPast(
  database: ReplicatedDatabase,
  positions: Map<string, number>,
): AsyncGenerator<Versioned<unknown>[]> {
  for (const { slot, stable } of await database.changes.slots()) {
    let at = positions.get(String(slot)) ?? 0;
    while (at < stable) {
      const page = await database.changes.read(slot, at, PAGE_DOCS, PAGE_CHARS);
      at = page.through;
      positions.set(String(slot), at);
      if (page.docs.length > 0) yield page.docs;
    }
  }
}

/** How many documents a pass from here has before it. */
export async function countPast(database: ReplicatedDatabase, from: Vector): Promise<number> {
  let docs = 0;
  for (const { slot, stable } of await database.changes.slots()) {
    const at = positionIn(from, slot);
    if (at < stable) docs += await database.changes.remaining(slot, at);
  }
  return docs;
}

/** What the source keeps of one backup file in `control`. */
export interface SourceNote {
  readonly path: string;
  /** Newest first. A run is in it before its frame is complete, and its changes are then durable at the source. */
  readonly runs: readonly { readonly session: string; readonly at: number }[];
  /** The last frame that is known to be complete, and where it ends. */
  readonly done: { readonly frame: number; readonly end: number } | null;
}

export async function readNote(control: Control, id: string): Promise<SourceNote | null> {
  return ((await control.get(NOTES + id))?.value as SourceNote | undefined) ?? null;
}

/** Before the trailer is written. */
export async function noteRun(control: Control, id: string, path: string, session: string, at: number): Promise<void> {
  const before = await readNote(control, id);
  if (before === null) await forgetOldest(control);
  const runs = [{ session, at }, ...(before?.runs ?? [])].slice(0, RUNS_MAX);
  await control.put(NOTES + id, { path, runs, done: before?.done ?? null } satisfies SourceNote);
}

/** After it is on the disk. */
export async function noteDone(control: Control, id: string, frame: number, end: number): Promise<void> {
  const before = await readNote(control, id);
  if (before !== null) await control.put(NOTES + id, { ...before, done: { frame, end } }, undefined, 'lazy');
}

export async function forgetFile(control: Control, id: string): Promise<void> {
  await control.delete(NOTES + id);
}

async function forgetOldest(control: Control): Promise<void> {
  const notes = await control.list(NOTES, { limit: FILES_MAX * 2 });
  const lastRun = ({ value }: { value: unknown }) => (value as SourceNote).runs[0]?.at ?? 0;
  const byAge = notes.sort((a, b) => lastRun(b) - lastRun(a));
  for (const note of byAge.slice(FILES_MAX - 1)) await control.delete(note.id);
}

/**
 * Whether the source still has what the last frame was made from; empty: it has. A source that was put back to an older
 * state does not know that run, or its change feed ends below where the run had read.
 */
export async function whyFull(store: ReplicatedStore, note: SourceNote | null, last: Trailer): Promise<string> {
  if (note === null) return 'the source does not know this file: it was put back to an older state, or is a copy';
  if (!note.runs.some(({ session }) => session === last.session)) {
    return 'the source does not know the last run: it was put back to an older state';
  }
  for (const [name, vector] of Object.entries(last.vectors)) {
    const slots = await store.database(name as DatabaseName).changes.slots();
    for (const [slot, n] of Object.entries(vector)) {
      const stable = slots.find((one) => String(one.slot) === slot)?.stable ?? 0;
      if (stable < n) return `slot ${slot} of ${name} stands at ${stable}, below ${n} of the last run`;
    }
  }
  return '';
}
