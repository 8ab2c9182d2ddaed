import type { Digest, DigestQuery } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import type { Runtime } from '../runtime.ts';
import type { Comparable } from '../target.ts';
import { type Applied, readApplied, type VerifyEnd } from './ends.ts';
import { isProven, isUnchanged, type Pair, type Standing, standingOf } from './standing.ts';

/** Documents asked for by id in one query, and digests of one page of a listing. */
const IDS_MAX = 500;
const PAGE_DIGESTS = 1000;

/** Before each look again, in ms. The first two are always waited; more only for what keeps changing. */
export const RECHECK_MS: readonly number[] = [250, 1000, 2000, 4000];
/** What keeps its difference for so many looks again is named. */
const RECHECKS_MIN = 2;

/** One database, as both sides have it. */
export interface Sides {
  readonly name: DatabaseName;
  readonly source: Comparable;
  readonly destination: Comparable;
  readonly applied: () => Promise<Applied>;
}

export function sidesOf(source: VerifyEnd, destination: VerifyEnd, name: DatabaseName): Sides {
  return {
    name,
    source: source.compare(name),
    destination: destination.compare(name),
    applied: () => readApplied(source, destination, name),
  };
}

/** A document at one look. `proven`: the checkpoints alone show that no document on its way explains it. */
export interface Seen extends Pair {
  readonly id: string;
  readonly standing: Standing;
  readonly proven: boolean;
}

/** All digests that a query asks for, page by page. */
export async function* listed(
  side: Comparable,
  query: Omit<DigestQuery, 'limit' | 'cursor'>,
): AsyncGenerator<Digest[]> {
  let cursor: string | null = null;
  do {
    const page = await side.digests({ ...query, limit: PAGE_DIGESTS, ...(cursor !== null && { cursor }) });
    yield page.digests;
    cursor = page.cursor;
  } while (cursor !== null);
}

/**
 * Each document as it is now: what was applied first, then the source, then the destination, and what is newer there
 * once more at the source, which may have changed in between. In this order nothing that is only on its way differs.
 * `deep`: whether to hash the bodies of these, too.
 */
export async function lookAt(sides: Sides, ids: readonly string[], deep = false): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (let from = 0; from < ids.length; from += IDS_MAX) {
    const some = ids.slice(from, from + IDS_MAX);
    const applied = await sides.applied();
    const source = await digestsOf(sides.source, some, deep);
    const destination = await digestsOf(sides.destination, some, deep);
    const newer = some.filter((id) => isNewer(destination.get(id), source.get(id)));
    for (const [id, digest] of await digestsOf(sides.source, newer, deep)) source.set(id, digest);
    for (const id of some) {
      const pair = { source: source.get(id) ?? null, destination: destination.get(id) ?? null };
      seen.push({ id, ...pair, standing: standingOf(pair, applied), proven: isProven(pair, applied) });
    }
  }
  return seen;
}

function isNewer(destination: Digest | undefined, source: Digest | undefined): boolean {
  return destination !== undefined && (source === undefined || destination.ver > source.ver);
}

async function digestsOf(side: Comparable, ids: readonly string[], deep: boolean): Promise<Map<string, Digest>> {
  if (ids.length === 0) return new Map();
  const { digests } = await side.digests({ ids, limit: ids.length, deep });
  return new Map(digests.map((digest) => [digest.id, digest]));
}

/**
 * Looks again at what seemed to differ, with growing pauses, until it is equal, in flight, or sure. What still changed at
 * the last look counts as in flight.
 */
export async function recheck(
  sides: Sides,
  suspects: readonly Seen[],
  { runtime, signal }: { readonly runtime: Runtime; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly sure: Seen[]; readonly inFlight: Seen[] }> {
  const sure: Seen[] = [];
  const inFlight: Seen[] = [];
  let open = new Map(suspects.map((seen) => [seen.id, seen]));
  for (const [i, pauseMs] of RECHECK_MS.entries()) {
    if (open.size === 0) break;
    await runtime.sleep(pauseMs, signal);
    signal?.throwIfAborted();
    const still = new Map<string, Seen>();
    for (const now of await lookAt(sides, [...open.keys()])) {
      const before = open.get(now.id);
      if (now.standing === 'equal') continue;
      if (now.standing === 'in-flight') inFlight.push(now);
      else if (i + 1 >= RECHECKS_MIN && (now.proven || (before && isUnchanged(before, now)))) sure.push(now);
      else still.set(now.id, now);
    }
    open = still;
  }
  return { sure, inFlight: [...inFlight, ...open.values()] };
}
