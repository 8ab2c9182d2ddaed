/** What the crawler is told to hold to. */
export interface Limits {
  readonly minIntervalMs: number;
  readonly maxIntervalMs: number;
  readonly hostGapMs: number;
  readonly hostConnections: number;
}

/** The defaults of `feedferry crawl`. */
export const LIMITS: Limits = {
  ...{ minIntervalMs: 15 * 60_000, maxIntervalMs: 24 * 3_600_000 },
  ...{ hostGapMs: 1_000, hostConnections: 1 },
};
