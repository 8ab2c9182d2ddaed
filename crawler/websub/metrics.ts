/** What WebSub counts in one process. Plain numbers; whoever publishes them (the command line does) names and labels them. */
export interface WebSubMetrics {
  /**
   * Pushes by what became of them: `stored` (something was new or changed), `known` (nothing was), `poll` (a reason to fetch
   * the feed), `signature` (wrong or none: ignored), `gone`, `busy`, `paused`, `store`.
   */
  readonly pushes: Record<string, number>;
  /** Requests to hubs by mode and how they ended: `subscribe taken`, `subscribe refused`, `unsubscribe taken`... */
  readonly requests: Record<string, number>;
  /** Questions of hubs by what they were told: `confirmed`, `refused`, `denied`. */
  readonly questions: Record<string, number>;
  articlesNew: number;
  articlesChanged: number;
}

export function newWebSubMetrics(): WebSubMetrics {
  return { pushes: {}, requests: {}, questions: {}, articlesNew: 0, articlesChanged: 0 };
}

export function count(counters: Record<string, number>, what: string): void {
  counters[what] = (counters[what] ?? 0) + 1;
}
