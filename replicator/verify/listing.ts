import type { Digest } from '../../store/contract.ts';
import { listed, type Seen, type Sides } from './look.ts';
import { isProven, standingOf } from './standing.ts';

/**
 * All documents of some buckets on both sides, of which those are kept that differ. A listing is no snapshot: what is
 * written meanwhile may be in it twice or not at all, so `suspects` only says what to look at again. In flight is what it
 * says: replication has not reached its place.
 */
export async function listGroup(
  sides: Sides,
  buckets: readonly number[],
): Promise<{ readonly suspects: Seen[]; readonly inFlight: Seen[] }> {
  const applied = await sides.applied();
  const suspects = new Map<string, Seen>();
  const inFlight = new Map<string, Seen>();
  const compare = (id: string, source: Digest | null, destination: Digest | null): void => {
    const pair = { source, destination };
    const standing = standingOf(pair, applied);
    if (standing === 'equal') return;
    const seen = { id, ...pair, standing, proven: isProven(pair, applied) };
    (standing === 'in-flight' ? inFlight : suspects).set(id, seen);
  };
  const here = new Map<string, Digest>();
  for await (const page of listed(sides.source, { buckets })) for (const digest of page) here.set(digest.id, digest);
  for await (const page of listed(sides.destination, { buckets })) {
    for (const digest of page) {
      compare(digest.id, here.get(digest.id) ?? null, digest);
      here.delete(digest.id);
    }
  }
  for (const [id, digest] of here) compare(id, digest, null);
  for (const id of inFlight.keys()) suspects.delete(id);
  return { suspects: [...suspects.values()], inFlight: [...inFlight.values()] };
}
