/** Whether a test crawl went well: pure, from what was counted. */
import type { CrawlSummary } from '../crawler.ts';
import type { Comparison } from './compare.ts';

export interface Thresholds {
  /** Feeds that fail here and not at production (without production: that fail), percent of those fetched. */
  readonly errorsPercentMax: number;
  /** Articles with a difference that nothing explains, percent of those compared. */
  readonly differencesPercentMax: number;
}

export interface Verdict {
  /** `incomplete`: it was stopped, nothing was due, or a store was in trouble; what was seen was fine. */
  readonly outcome: 'fine' | 'differing' | 'incomplete';
  readonly errorsPercent: number;
  /** Of the feeds that fail here and not at production; false: of all that fail, as production is not known. */
  readonly errorsAreOurs: boolean;
  /** Null: nothing was compared. */
  readonly differencesPercent: number | null;
  /** Sentences: what is beyond a threshold, what is incomplete. */
  readonly reasons: readonly string[];
}

export function verdictOf(
  crawl: CrawlSummary,
  comparison: Comparison | null,
  thresholds: Thresholds,
  interrupted: boolean,
): Verdict {
  const errorsAreOurs = comparison !== null && comparison.error === null;
  const errors = errorsPercent(crawl, comparison);
  const differences = comparison === null ? null : differencesPercent(comparison);
  const beyond: string[] = [];
  if (errors > thresholds.errorsPercentMax) {
    const what = errorsAreOurs ? 'of the feeds fail here and not at production' : 'of the feeds failed';
    beyond.push(`${errors}% ${what}; ${thresholds.errorsPercentMax}% are allowed`);
  }
  if (differences !== null && differences > thresholds.differencesPercentMax) {
    const allowed = `${thresholds.differencesPercentMax}% are allowed`;
    beyond.push(`${differences}% of the articles differ, and nothing explains it; ${allowed}`);
  }
  const missing = incomplete(crawl, comparison, interrupted);
  const outcome = beyond.length > 0 ? 'differing' : missing.length > 0 ? 'incomplete' : 'fine';
  return {
    outcome,
    errorsPercent: errors,
    errorsAreOurs,
    differencesPercent: differences,
    reasons: [...beyond, ...missing],
  };
}

function incomplete(crawl: CrawlSummary, comparison: Comparison | null, interrupted: boolean): string[] {
  const reasons: string[] = [];
  if (interrupted) reasons.push('It was stopped before its end');
  else if (crawl.feeds === 0) reasons.push('Nothing was fetched: no feed was due');
  if (crawl.error !== null) reasons.push(`Its store was in trouble: ${crawl.error.message}`);
  if (comparison?.error) reasons.push(`The comparison ended early: ${comparison.error.message}`);
  else if (comparison?.complete === false) reasons.push(`${comparison.left} feeds were not compared any more`);
  return reasons;
}

function errorsPercent({ feeds, unfinished, failed }: CrawlSummary, comparison: Comparison | null): number {
  if (comparison !== null && comparison.error === null) {
    return percent(comparison.feeds.failOnlyHere, comparison.feeds.fetched);
  }
  const failures = Object.values(failed).reduce((sum, n) => sum + n, 0);
  return percent(failures, feeds - unfinished);
}

/** Explained: not fetched since, arrived since, fell out of the window. */
function differencesPercent({ articles }: Comparison): number {
  const { same, unseen, differing, onlyHere, onlyThere } = articles;
  const unexplained = differing.sent + differing.read + onlyHere['not-taken'] + onlyThere.missing;
  return percent(unexplained, same + unseen + unexplained);
}

/** Two digits behind the point, and never 0 where there is one. */
function percent(part: number, whole: number): number {
  if (part === 0 || whole <= 0) return 0;
  return Math.max(0.01, Math.round((part / whole) * 10_000) / 100);
}
