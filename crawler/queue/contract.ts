/**
 * The contract of a crawl queue. A feed is in it at most once, waiting or claimed; a host gets no more than its budget,
 * whichever process asks. The queue holds no truth: what is due stands in the store, so that a queue that is lost is
 * only filled again.
 */
export interface Job {
  /** `_id` of the feed. */
  readonly feed: string;
  readonly url: string;
  /** When the feed was due. Those that wait longest come first, as far as their hosts allow. */
  readonly nextAt: number;
  /** A reader waits for it: before all others. */
  readonly urgent: boolean;
  /** Somebody wants it crawled although it is not due; for processes that find it in a queue that they share. */
  readonly force?: boolean;
}

/** The right to crawl a feed, until `done` or `giveBack`. */
export interface Claim {
  readonly job: Job;
  /** Of the feed's URL. */
  readonly host: string;
  /** Other feeds of this host wait: its connection is worth keeping. */
  readonly more: boolean;
  /** Aborted when the claim may have gone to another process: whoever has it must stop. Undefined: that can't happen. */
  readonly lost?: AbortSignal;
}

export type ClaimAnswer =
  | { readonly kind: 'claimed'; readonly claim: Claim }
  /** All that wait, wait for their hosts; the first of them is free in so many ms, or when a claim has ended (null). */
  | { readonly kind: 'wait'; readonly ms: number | null }
  /** Somebody paused the queue, under this id. */
  | { readonly kind: 'paused'; readonly by: string }
  | { readonly kind: 'empty' };

export interface QueueCounts {
  readonly waiting: number;
  readonly claimed: number;
}

/** The proof of a drain: at one moment the queue was paused, and nothing in flight. */
export interface Drained {
  readonly pausedBy: string;
  readonly claimed: 0;
  readonly waiting: number;
  /** Claims of processes that did not renew them: their feeds wait again. */
  readonly reclaimed: number;
}

/** What is in flight has so long to end, or to be given up by who does not renew it. */
export const DRAIN_MS_MAX = 40_000;

export interface Queue extends AsyncDisposable {
  /** Other processes use the queue too: ask again after so many ms, whatever it answered. Null: only this process does. */
  readonly pollMs: number | null;
  /** Jobs that wait, as of the last call. */
  readonly waiting: number;
  /** How far the clock that all go by is ahead of this process's, in ms. Absent: this process's own is meant. */
  readonly aheadMs?: number;
  /**
   * Returns how many were added. A feed that waits already is not added again, but becomes urgent where the new job is;
   * one that is claimed is left alone. Throws CRAWL_QUEUE_FULL, having added none.
   */
  add(jobs: readonly Job[]): Promise<number>;
  claim(): Promise<ClaimAnswer>;
  /**
   * Redirects lead the claim's feed to a host, to the same one as before or another: where it was is free from now on, but
   * for the gap (to those in its own line perhaps only when the claim ends). Returns 0 where this host may be asked now, which is the claim's place then; else in how many ms to ask
   * again, before which those in line at that host get no turn. A claim that is lost gets 0: its `lost` tells.
   */
  goOn(claim: Claim, host: string): Promise<number>;
  /** The feed was crawled and stored. A claim that was lost: nothing happens. */
  done(claim: Claim): Promise<void>;
  /** The feed was not crawled, or could not be stored: it waits again. A claim that was lost: nothing happens. */
  giveBack(claim: Claim): Promise<void>;
  /** Takes all out that wait; returns how many. Claims go on. */
  clear(): Promise<number>;
  counts(): Promise<QueueCounts>;
  /**
   * From when it has returned, nobody who shares the queue is given a claim; jobs can be added, claims end as ever. A queue
   * that is lost forgets it, as all else. Under another id than before: that one counts.
   */
  pause(id: string): Promise<void>;
  /** The id under which it is paused; null: it is not. */
  pausedBy(): Promise<string | null>;
  /** Ends the pause of this id. False: it was not paused, or under another id, which stands. */
  resume(id: string): Promise<boolean>;
  /** Pauses, and waits until nothing is in flight. Throws CRAWL_QUEUE_BUSY after `msMax` (default DRAIN_MS_MAX). */
  drain(id: string, msMax?: number): Promise<Drained>;
}

/** Aborted with `signal`, and when the claim is lost. */
export function untilLost({ lost }: Claim, signal: AbortSignal): AbortSignal {
  return lost === undefined ? signal : AbortSignal.any([signal, lost]);
}
