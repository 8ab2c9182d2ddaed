/** Plain counters of one running site; who serves `/metrics` names and labels them. All grow only. */
export interface SiteMetrics {
  requests: { ok: number; redirected: number; refused: number; failed: number };
  /** Sum over all requests, ms. */
  requestMs: number;
  articlesOpened: number;
  /** Written documents. */
  marksWritten: number;
  starsWritten: number;
  /** Another process had taken the writer over. */
  writersReopened: number;
  /** Feeds whose unread articles were counted. */
  feedsCounted: number;
  /** Pages that ended because they had looked at enough references. */
  pagesCutShort: number;
  /** Reads of articles, by where. */
  reads: { primary: number; replica: number };
  /** Reads that a store did not answer, so that another one was asked. */
  readFailovers: number;
}

export function newSiteMetrics(): SiteMetrics {
  return {
    requests: { ok: 0, redirected: 0, refused: 0, failed: 0 },
    requestMs: 0,
    articlesOpened: 0,
    marksWritten: 0,
    starsWritten: 0,
    writersReopened: 0,
    feedsCounted: 0,
    pagesCutShort: 0,
    reads: { primary: 0, replica: 0 },
    readFailovers: 0,
  };
}
