import type { DatabaseName } from '../store/documents.ts';

/**
 * - `connecting`: looking for the destination.
 * - `backfilling`: more than `BACKFILL_DOCS_MIN` documents behind.
 * - `tailing`: up to date but for what is under way.
 * - `waiting`: a failure; it is tried again at `retryAt`.
 * - `paused`: an operator's wish.
 * - `fenced`: the destination has a newer primary; ends by an operator's decision only.
 * - `stopped`.
 */
export type DestinationState = 'connecting' | 'backfilling' | 'tailing' | 'waiting' | 'paused' | 'fenced' | 'stopped';

export interface DatabaseStatus {
  readonly database: DatabaseName;
  /** Documents and bytes (of canonical JSON) that the destination has acknowledged since this start. */
  readonly docs: number;
  readonly bytes: number;
  /** Documents still to come, as last counted and reckoned on since. */
  readonly docsToDo: number;
  /** 0 to 1, of what there was to do; never above 1. */
  readonly share: number;
}

/** What operators see of one destination. All of it is plain JSON. */
export interface DestinationStatus {
  readonly name: string;
  readonly url: string;
  readonly direction: 'one-way' | 'two-way';
  readonly state: DestinationState;
  /** Why it is in that state, as a sentence for people: what it waits for, and how long yet. */
  readonly why: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly retryAt: number | null;
  readonly databases: readonly DatabaseStatus[];
  readonly docs: number;
  readonly bytes: number;
  readonly docsToDo: number;
  readonly docsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Null: not known yet. */
  readonly etaMs: number | null;
  /** From writing at the source to acknowledgement at the destination, of the last documents. Null: none yet. */
  readonly lagMs: { readonly p50: number; readonly p99: number } | null;
  /** How long the oldest document that the destination lacks has been waiting; 0: it lacks none. */
  readonly behindMs: number;
  readonly conflicts: number;
  /** Documents that the destination refuses for good: `replication/aside/NAME/DATABASE/ID` at the source says why. */
  readonly aside: number;
  readonly retries: number;
  readonly lastError: { readonly code: string; readonly message: string; readonly at: number } | null;
  readonly limits: Limits;
  /** What holds the rate back now: `nothing`, `docs-per-second`, `source`, `destination`... as a sentence. */
  readonly throttle: string;
}

/** What an operator can change while it runs. */
export interface Limits {
  /** Null: no limit. */
  readonly docsPerSecondMax: number | null;
  readonly bytesPerSecondMax: number | null;
  /** Documents of one batch. */
  readonly batchDocs: number;
  /** Batches under way at a time. */
  readonly concurrency: number;
}
