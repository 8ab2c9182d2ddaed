/**
 * Version vectors (Parker et al., "Detection of Mutual Inconsistency in Distributed Systems", 1983): of each site the
 * clock of its last edit that a version stems from. Pure.
 */
import type { Versioned } from '../../store/contract.ts';

/** `{site: TTTTTTTTTTTT-CCCC}`. No entry: that site never edited it. */
export type VersionVector = Readonly<Record<string, string>>;

/** `TTTTTTTTTTTT-CCCC`, the part of a version in front of its site. */
const CLOCK_LENGTH = 17;

/** Without a vector of its own, a document was edited at its site of origin only. */
export function vectorOf({ ver, org, vv }: Pick<Versioned<unknown>, 'ver' | 'org' | 'vv'>): VersionVector {
  return vv ?? { [org]: ver.slice(0, CLOCK_LENGTH) };
}

/** Whether `a` has seen all that `b` has; equal vectors dominate each other. */
export function dominates(a: VersionVector, b: VersionVector): boolean {
  return Object.entries(b).every(([site, clock]) => (a[site] ?? '') >= clock);
}

/** Of each site the later clock, sites in their order: the same object whichever comes first. */
export function union(a: VersionVector, b: VersionVector): VersionVector {
  const sites = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return Object.fromEntries(sites.map((site) => [site, later(a[site], b[site])]));
}

function later(a = '', b = ''): string {
  return a > b ? a : b;
}
