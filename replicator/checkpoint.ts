import type { Control, SiteId } from '../store/contract.ts';
import type { DatabaseName } from '../store/documents.ts';
import { meet, type Vector } from './vector.ts';

/** Sessions that a checkpoint remembers. */
export const HISTORY_MAX = 20;

/** How far one database of a source has come at one destination. Both ends keep one. */
export interface Checkpoint {
  /** Of the replicator that wrote it; the first entry of `history`. */
  readonly session: string;
  /** Everything up to here is applied at the destination. */
  readonly vector: Vector;
  /**
   * How far the source may have numbered its documents when the session began: up to here also documents that were
   * written at the destination's own site are sent, as it may have lost them.
   */
  readonly seed: Vector;
  /** Newest first, at most `HISTORY_MAX`: each session with the last vector it wrote. */
  readonly history: readonly { readonly session: string; readonly vector: Vector; readonly at: number }[];
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** The note that the destination keeps. */
export function checkpointFrom(source: SiteId, database: DatabaseName): string {
  return `replication/from/${source}/${database}`;
}

/** The note that the source keeps. */
export function checkpointTo(destination: SiteId, database: DatabaseName): string {
  return `replication/to/${destination}/${database}`;
}

/** What is kept by that id; null: nothing. */
export async function readCheckpoint(control: Pick<Control, 'get'>, id: string): Promise<Checkpoint | null> {
  return ((await control.get(id))?.value as Checkpoint | undefined) ?? null;
}

/**
 * Where to go on: the latest session that both ends know, and of each slot the smaller position of the two. Either end
 * may have been restored to an older state since; what was not seen by both is sent again. Null: from the beginning.
 * (The rule is CouchDB's: https://docs.couchdb.org/en/stable/replication/protocol.html#compare-replication-logs)
 */
export function resumeFrom(atDestination: Checkpoint | null, atSource: Checkpoint | null): Vector | null {
  for (const there of atDestination?.history ?? []) {
    const here = atSource?.history.find(({ session }) => session === there.session);
    if (here) return meet(there.vector, here.vector);
  }
  return null;
}

/** What one end kept, with the sessions before this one as its history. */
export function historyBefore(session: string, kept: Checkpoint | null): Checkpoint['history'] {
  return (kept?.history ?? []).filter((entry) => entry.session !== session).slice(0, HISTORY_MAX - 1);
}

/** `before`: of the end that will keep it. `at`: milliseconds since 1970. */
export function checkpointOf(
  session: string,
  vector: Vector,
  seed: Vector,
  before: Checkpoint['history'],
  at: number,
): Checkpoint {
  return { session, vector, seed, history: [{ session, vector, at }, ...before], at };
}
