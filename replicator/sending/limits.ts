import type { Limits } from '../status.ts';

/**
 * Documents that were sent, but not yet noted at both ends as applied. After a kill at most so many are sent again. Batches
 * under way count with all their documents.
 */
export const UNCONFIRMED_DOCS_MAX = 1000;

/** Characters of canonical JSON in one batch, but for a single document that is larger. */
export const BATCH_CHARS_MAX = 2_000_000;

/** Over a long line, which many small batches keep fuller than a few large ones: none waits long for its own end. */
export const FAR_BATCH_DOCS_MAX = 60;

const CONCURRENCY_MAX = 64;

/**
 * To a store at hand two batches under way, just what `UNCONFIRMED_DOCS_MAX` allows: what comes with each batch costs a
 * server half as much as with batches of 200. The concurrency is for long lines; close by `link.ts` takes less.
 */
export const DEFAULT_LIMITS: Limits = {
  docsPerSecondMax: null,
  bytesPerSecondMax: null,
  batchDocs: 500,
  concurrency: 16,
};

/** With what makes no sense brought into bounds: an operator's slip must not stop a destination. */
export function withLimits(limits: Limits, change: Partial<Limits>): Limits {
  const { docsPerSecondMax, bytesPerSecondMax, batchDocs, concurrency } = { ...limits, ...change };
  return {
    docsPerSecondMax: rate(docsPerSecondMax),
    bytesPerSecondMax: rate(bytesPerSecondMax),
    batchDocs: whole(batchDocs, UNCONFIRMED_DOCS_MAX),
    concurrency: whole(concurrency, CONCURRENCY_MAX),
  };
}

function rate(perSecond: number | null): number | null {
  return perSecond === null || !(perSecond > 0) ? null : perSecond;
}

function whole(count: number, max: number): number {
  return Math.min(max, Math.max(1, Math.floor(count) || 1));
}
