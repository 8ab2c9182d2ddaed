/** What one destination counts. Plain numbers; whoever publishes them (the command line does) names and labels them. */
export interface ReplicationMetrics {
  /** Acknowledged by the destination: sent documents, of which so many were new there and so many were not. */
  docs: number;
  bytes: number;
  written: number;
  stale: number;
  conflicts: number;
  batches: number;
  /** Refused for good, and put aside. */
  aside: number;
  /** Sessions that began, and how many of them failed. */
  sessions: number;
  failures: number;
  /** Of all pages together, at the source. */
  readMs: number;
  /** Of all batches together, as the destination tells. */
  appliedMs: number;
  checkpointsAtSource: number;
  checkpointsAtDestination: number;
}

export function newMetrics(): ReplicationMetrics {
  return {
    ...{ docs: 0, bytes: 0, written: 0, stale: 0, conflicts: 0, batches: 0, aside: 0 },
    ...{ sessions: 0, failures: 0, readMs: 0, appliedMs: 0, checkpointsAtSource: 0, checkpointsAtDestination: 0 },
  };
}
