/** What a crawler counts. Plain numbers; whoever publishes them (the command line does) names and labels them. */
export interface CrawlerMetrics {
  /** Fetches by how they ended: `ok`, `not-modified`, or an error code. */
  readonly fetches: Record<string, number>;
  articlesNew: number;
  articlesChanged: number;
  articlesUnchanged: number;
  /** Over the wire. */
  bytes: number;
  /** Of all fetches together. */
  fetchMs: number;
  /** Calls to the store that were repeated. */
  storeRetries: number;
  /** Now, not in sum. */
  inFlight: number;
  waiting: number;
}

export function newMetrics(): CrawlerMetrics {
  return {
    fetches: {},
    articlesNew: 0,
    articlesChanged: 0,
    articlesUnchanged: 0,
    bytes: 0,
    fetchMs: 0,
    storeRetries: 0,
    inFlight: 0,
    waiting: 0,
  };
}
