import type { BucketSum, Digest } from '../../store/contract.ts';
import { type Applied, isAhead, isCovered } from './ends.ts';

/**
 * How a document differs. Repair takes the source's version for all but the last two: there the destination has what the
 * source never had.
 * - `missing`: not at the destination.
 * - `older`: an older version at the destination.
 * - `undeleted`: deleted at the source, there at the destination, and not newer.
 * - `deleted`: there at the source, deleted at the destination, and not newer.
 * - `content`: the same version with another content, and both are what was written.
 * - `damaged`: the same version, and what is stored on one side or both is not what was written.
 * - `extra`: not at the source.
 * - `newer`: a newer version at the destination.
 */
export const FINDING_KINDS = [
  'missing',
  'older',
  'undeleted',
  'deleted',
  'content',
  'damaged',
  'extra',
  'newer',
] as const;

export type FindingKind = (typeof FINDING_KINDS)[number];

/** `in-flight`: replication has not reached that place yet. */
export type Standing = 'equal' | 'in-flight' | FindingKind;

/** What both sides have of one document. */
export interface Pair {
  readonly source: Digest | null;
  readonly destination: Digest | null;
}

/** `applied` must be from before the pair was read, and the pair's source from after its destination where that is newer. */
export function standingOf({ source, destination }: Pair, applied: Applied): Standing {
  if (source === null && destination === null) return 'equal';
  if (destination === null) return source !== null && isAhead(source, applied.there) ? 'in-flight' : 'missing';
  if (source === null) return isAhead(destination, applied.back) ? 'in-flight' : 'extra';
  if (destination.ver > source.ver) return isAhead(destination, applied.back) ? 'in-flight' : 'newer';
  const isOlder = destination.ver < source.ver;
  if (isOlder && isAhead(source, applied.there)) return 'in-flight';
  if (source.deleted !== destination.deleted) return source.deleted ? 'undeleted' : 'deleted';
  if (isOlder) return 'older';
  if (source.sound === false || destination.sound === false) return 'damaged';
  return hasSameWords(source, destination) ? 'equal' : 'content';
}

/** Whether the checkpoints alone prove a difference: replication had passed it before it was looked at. */
export function isProven({ source, destination }: Pair, applied: Applied): boolean {
  if (source !== null && (destination === null || destination.ver < source.ver)) {
    return isCovered(source, applied.there);
  }
  return destination !== null && (source === null || destination.ver > source.ver)
    ? isCovered(destination, applied.back)
    : false;
}

/** Whether nobody wrote either side between two looks. */
export function isUnchanged(before: Pair, now: Pair): boolean {
  return isSame(before.source, now.source) && isSame(before.destination, now.destination);
}

function isSame(a: Digest | null, b: Digest | null): boolean {
  if (a === null || b === null) return a === b;
  return a.ver === b.ver && a.deleted === b.deleted && hasSameWords(a, b);
}

export function hasSameWords(a: Digest, b: Digest): boolean {
  return a.h1 === b.h1 && a.h2 === b.h2 && a.h3 === b.h3;
}

/** A bucket that differs. `docs`: how many documents the fuller side has in it. */
export interface DifferingBucket {
  readonly b: number;
  readonly docs: number;
}

/** In the order of buckets. */
export function differingBuckets(source: readonly BucketSum[], destination: readonly BucketSum[]): DifferingBucket[] {
  const there = new Map(destination.map((sum) => [sum.b, sum]));
  const here = new Map(source.map((sum) => [sum.b, sum]));
  const all = [...new Set([...here.keys(), ...there.keys()])].sort((a, b) => a - b);
  return all.flatMap((b) => {
    const [one, other] = [here.get(b), there.get(b)];
    if (one && other && hasSameSums(one, other)) return [];
    return [{ b, docs: Math.max(one?.count ?? 0, other?.count ?? 0) }];
  });
}

function hasSameSums(a: BucketSum, b: BucketSum): boolean {
  return a.count === b.count && a.s1 === b.s1 && a.s2 === b.s2 && a.s3 === b.s3;
}

/** Buckets that are listed together, so that one side of a group fits into memory. A bucket beyond that is alone. */
export function bucketGroups(buckets: readonly DifferingBucket[], docsMax: number): DifferingBucket[][] {
  const groups: DifferingBucket[][] = [];
  let docs = 0;
  for (const bucket of buckets) {
    const group = groups.at(-1);
    docs += bucket.docs;
    if (group === undefined || docs > docsMax) {
      groups.push([bucket]);
      docs = bucket.docs;
    } else group.push(bucket);
  }
  return groups;
}
