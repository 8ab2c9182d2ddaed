import type { BucketSum, DigestPage, DigestQuery, Replica, SiteId, Versioned } from '../store/contract.ts';
import type { DatabaseName } from '../store/documents.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Policies } from './policy.ts';
import type { SiteRole } from './role.ts';

/** What the end that sends says of itself when a session begins. */
export interface Hello {
  /** Of the replicator process; new for each start. */
  readonly session: string;
  readonly site: SiteId;
  /** Of the source's role. A destination that knows a higher one refuses: this source was replaced. */
  readonly epoch: number;
  /** Of the source's role: the one site that ever sent to it. */
  readonly only?: SiteId;
  /** What the source keeps of how far it got from `only`. None: an older sender, which does not say. */
  readonly fromOnly?: Readonly<Partial<Record<DatabaseName, Checkpoint | null>>>;
  /** Of the source's role: the primary that it is a replica of. */
  readonly follows?: SiteId;
  readonly direction: 'one-way' | 'two-way';
  readonly databases: readonly DatabaseName[];
  /** Two-way: what becomes of the losers of conflicts. */
  readonly policies: Policies;
  /** One-way: becomes a replica even if it holds documents, or was a primary of its own. */
  readonly adopt: boolean;
  /** It mends what is there, and does not change whose replica the destination is. */
  readonly isRepair?: true;
  /** How much the source holds for a destination that has nothing: an empty one may get ready for a long load. */
  readonly docsToDo: number;
}

export interface SiteInfo {
  readonly site: SiteId;
  readonly engine: 'sqlite' | 'mongodb';
  readonly role: SiteRole;
  /** Milliseconds since 1970 at that end, so that clocks can be compared. */
  readonly clock: number;
}

export interface Push {
  readonly database: DatabaseName;
  /** May be empty, to save a checkpoint only. */
  readonly docs: readonly Replica<unknown>[];
  /** Saved once `docs` are applied, with them where the engine has transactions. */
  readonly checkpoint: Checkpoint | null;
  /** With this the destination has all that the source had: what was put off for a long load is to be done now. */
  readonly caughtUp: boolean;
}

export interface Pushed {
  readonly written: number;
  /** As new or newer there already. */
  readonly stale: number;
  /** Two-way: concurrent versions met; each was merged, kept, or dropped as the policy says. */
  readonly conflicts: number;
  /** How long applying took at that end, without the way there, in ms. */
  readonly appliedMs: number;
}

/**
 * A sender that was admitted. Every call throws WRITER_FENCED, REPLICATION_EPOCH_OLDER and the like once the destination
 * has a new primary: nothing that a stalled sender sends later gets through.
 */
export interface TargetSession extends AsyncDisposable {
  readonly info: SiteInfo;
  /** What the destination has kept for this source; null: nothing. */
  readonly checkpoints: Readonly<Partial<Record<DatabaseName, Checkpoint | null>>>;
  /** Safe for concurrent calls; they may be applied in any order. Resolves when they are applied and acknowledged. */
  push(push: Push): Promise<Pushed>;
  close(): Promise<void>;
}

/** One side of a comparison. */
export interface Comparable {
  /** `like`: the sums of the other side. Where these are the same, a side behind a wire sends nothing but that. */
  bucketSums(like?: PromiseLike<readonly BucketSum[]>): Promise<BucketSum[]>;
  digests(query: DigestQuery): Promise<DigestPage>;
  versions(ids: readonly string[]): Promise<Map<string, Versioned<unknown>>>;
}

/** The end that documents go to: a store of either engine, or a receiver over HTTPS. Nothing else knows which. */
export interface Target extends AsyncDisposable {
  /** Without credentials. */
  readonly url: string;
  inspect(): Promise<SiteInfo>;
  /** Throws REPLICATION_REFUSED and the like where the destination won't take this sender. */
  connect(hello: Hello): Promise<TargetSession>;
  compare(database: DatabaseName): Comparable;
  close(): Promise<void>;
}
