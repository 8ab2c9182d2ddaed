import type { Control, SiteId } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { checkpointFrom, checkpointTo, readCheckpoint } from '../checkpoint.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import { readRole, type SiteRole } from '../role.ts';
import type { Comparable, Target } from '../target.ts';
import { positionIn, type Vector } from '../vector.ts';

/** One side of a verification. */
export interface VerifyEnd {
  /** Without credentials. */
  readonly url: string;
  readonly site: SiteId;
  compare(database: DatabaseName): Comparable;
  /** Its checkpoints; null where they can't be read from here, as a receiver's. */
  readonly control: Pick<Control, 'get'> | null;
  role(): Promise<Pick<SiteRole, 'role' | 'epoch'>>;
}

export function storeEnd(store: ReplicatedStore): VerifyEnd {
  const { url, site, control } = store;
  return { url, site, control, compare: (database) => store.database(database), role: () => readRole(control) };
}

export async function targetEnd(target: Target): Promise<VerifyEnd> {
  const { site, role } = await target.inspect();
  return {
    url: target.url,
    site,
    control: null,
    compare: (database) => target.compare(database),
    role: async () => role,
  };
}

/** How far replication has come between two sites. Null: nothing is known of any in that direction. */
export interface Applied {
  /** Places of the source's change feed up to which the destination has everything. */
  readonly there: Vector | null;
  /** Places of the destination's change feed up to which the source has everything; known of two-way sites only. */
  readonly back: Vector | null;
}

/**
 * Read this before looking at documents: what it covers was applied by then. The receiving end's own note goes with its
 * documents, also where it was restored from a backup, so it counts before the sender's.
 */
export async function readApplied(source: VerifyEnd, destination: VerifyEnd, database: DatabaseName): Promise<Applied> {
  const [there, back] = await Promise.all([
    vectorOf(source, destination, database),
    vectorOf(destination, source, database),
  ]);
  return { there, back };
}

async function vectorOf(from: VerifyEnd, to: VerifyEnd, database: DatabaseName): Promise<Vector | null> {
  if (from.site === to.site || !(await isOpen(from, to))) return null;
  const there = to.control && (await readCheckpoint(to.control, checkpointFrom(from.site, database)));
  const note = there ?? (from.control && (await readCheckpoint(from.control, checkpointTo(to.site, database))));
  return note?.vector ?? null;
}

/** After a failover nothing goes the way it went before, and what the notes of that time do not cover is on no way. */
async function isOpen(from: VerifyEnd, to: VerifyEnd): Promise<boolean> {
  const [sender, receiver] = await Promise.all([from.role(), to.role()]);
  if (sender.epoch < receiver.epoch) return false;
  return !(sender.role === 'replica' && receiver.role === 'primary');
}

export function isCovered(place: { readonly slot: number; readonly n: number }, vector: Vector | null): boolean {
  return vector !== null && place.n <= positionIn(vector, place.slot);
}

/** Whether a place is one that replication has not reached yet. */
export function isAhead(place: { readonly slot: number; readonly n: number }, vector: Vector | null): boolean {
  return vector !== null && place.n > positionIn(vector, place.slot);
}
