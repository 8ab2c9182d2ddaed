/** What a verification found, as plain JSON. */
import type { SiteId, Version } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import type { FieldDifference } from './fields.ts';
import type { Seen } from './look.ts';
import { FINDING_KINDS, type FindingKind } from './standing.ts';

/** Of each kind in each database so many are named; all are counted. */
export const NAMED_MAX = 1000;
/** Of those, so many with their fields. */
export const WITH_FIELDS_MAX = 100;
/** In-flight documents that are named. */
export const IN_FLIGHT_NAMED_MAX = 20;

export type Side = 'source' | 'destination';

export interface FoundVersion {
  readonly ver: Version;
  readonly deleted: boolean;
  readonly slot: number;
  readonly n: number;
}

export interface Finding {
  readonly id: string;
  readonly kind: FindingKind;
  /** Null: it has no such document. */
  readonly source: FoundVersion | null;
  readonly destination: FoundVersion | null;
  /** Sides on which what is stored is not what was written. Only looked at where versions are equal, or with `deep`. */
  readonly damaged: readonly Side[];
  /** Null: only one side has it, it can't be read, or there were too many. Empty: the contents are the same. */
  readonly fields: readonly FieldDifference[] | null;
}

export interface DatabaseReport {
  readonly database: DatabaseName;
  /** Documents, tombstones included. */
  readonly docs: Readonly<Record<Side, number>>;
  readonly bucketsDiffering: number;
  readonly counts: Readonly<Record<FindingKind, number>>;
  /** At most `NAMED_MAX` of each kind; by kind, then id. */
  readonly findings: readonly Finding[];
  /** Written at one side and not yet at the other, as its checkpoint or its changing says; at most 20 are named. */
  readonly inFlight: { readonly count: number; readonly ids: readonly string[] };
  /** Whether a checkpoint of replication from the source to the destination is known. */
  readonly checkpoint: boolean;
  /** Bodies that were hashed again on both sides; null: it was not asked for. */
  readonly hashed: number | null;
  readonly ms: number;
}

export interface VerifyReport {
  /** `in-flight`: equal but for documents that replication has not brought yet. */
  readonly verdict: 'equal' | 'in-flight' | 'differing';
  readonly source: { readonly url: string; readonly site: SiteId };
  readonly destination: { readonly url: string; readonly site: SiteId };
  readonly deep: boolean;
  readonly databases: readonly DatabaseReport[];
  readonly ms: number;
}

/** Gathers what is found in one database: counts all, keeps what is named. */
export class Findings {
  readonly counts: Record<FindingKind, number>;
  readonly #named: Finding[] = [];
  readonly #inFlightIds: string[] = [];
  #inFlight = 0;

  constructor() {
    this.counts = Object.fromEntries(FINDING_KINDS.map((kind) => [kind, 0])) as Record<FindingKind, number>;
  }

  /** Counts one of this kind, and tells whether it is to be named, and whether with its fields. */
  admit(kind: FindingKind): 'counted' | 'named' | 'with-fields' {
    this.counts[kind] += 1;
    if (this.counts[kind] <= WITH_FIELDS_MAX) return 'with-fields';
    return this.counts[kind] <= NAMED_MAX ? 'named' : 'counted';
  }

  name(finding: Finding): void {
    this.#named.push(finding);
  }

  addInFlight(seen: readonly { readonly id: string }[]): void {
    this.#inFlight += seen.length;
    const room = IN_FLIGHT_NAMED_MAX - this.#inFlightIds.length;
    if (room > 0) this.#inFlightIds.push(...seen.slice(0, room).map(({ id }) => id));
  }

  report(): Pick<DatabaseReport, 'counts' | 'findings' | 'inFlight'> {
    const rank = (kind: FindingKind): number => FINDING_KINDS.indexOf(kind);
    const findings = this.#named.toSorted((a, b) => rank(a.kind) - rank(b.kind) || (a.id < b.id ? -1 : 1));
    return { counts: this.counts, findings, inFlight: { count: this.#inFlight, ids: this.#inFlightIds } };
  }
}

export function foundOf({ source, destination }: Seen): Pick<Finding, 'source' | 'destination' | 'damaged'> {
  const damaged: Side[] = [];
  if (source?.sound === false) damaged.push('source');
  if (destination?.sound === false) damaged.push('destination');
  return { source: source && versionOf(source), destination: destination && versionOf(destination), damaged };
}

function versionOf({ ver, deleted, slot, n }: FoundVersion): FoundVersion {
  return { ver, deleted, slot, n };
}

export function differencesIn({ databases }: Pick<VerifyReport, 'databases'>): number {
  return databases.reduce((sum, { counts }) => sum + FINDING_KINDS.reduce((n, kind) => n + counts[kind], 0), 0);
}

export function inFlightIn({ databases }: Pick<VerifyReport, 'databases'>): number {
  return databases.reduce((sum, { inFlight }) => sum + inFlight.count, 0);
}

export function verdictOf(report: Pick<VerifyReport, 'databases'>): VerifyReport['verdict'] {
  if (differencesIn(report) > 0) return 'differing';
  return inFlightIn(report) > 0 ? 'in-flight' : 'equal';
}
