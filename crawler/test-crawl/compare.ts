/**
 * What a test crawl found against what production has: feed by feed, a few at a time, so that production is asked for
 * little at once and memory stays small however many there are.
 */
import type { Live, Store } from '../../store/contract.ts';
import type { FeedRecord } from '../../store/documents.ts';
import { CodedError } from '../../store/errors.ts';
import { crawlerError } from '../errors.ts';
import { withoutLogin } from '../login.ts';
import {
  type ArticleFinding,
  compareFeed,
  type DifferingFinding,
  type FeedComparison,
  type OnlyHereReason,
  type OnlyThereReason,
} from './compare-feed.ts';
import type { Production } from './feed-source.ts';

/** Findings that are named in each list; all are counted. */
export const LISTED_MAX = 100;

const PAGE_FEEDS = 100;
/** Feeds that are compared at a time: so many reads does production get at once. */
const FEEDS_AT_ONCE = 4;

export interface Listed<T> {
  count: number;
  /** The first `LISTED_MAX`. */
  readonly items: T[];
}

export interface FeedFinding {
  readonly id: string;
  readonly url: string;
  readonly title: string;
  /** Codes; null: it was fetched well, or never. */
  readonly here: string | null;
  readonly there: string | null;
}

export interface FeedSummary {
  readonly id: string;
  readonly url: string;
  readonly title: string;
  readonly same: number;
  readonly onlyHere: number;
  readonly onlyThere: number;
  readonly differing: number;
  /** Differences that nothing explains. */
  readonly unexplained: number;
}

export interface Comparison {
  readonly feeds: {
    /** Fetched by this test crawl. */
    fetched: number;
    /** Of those: fetched well on both sides, so that their articles could be compared. */
    compared: number;
    fineOnBoth: number;
    failOnlyHere: number;
    failOnlyThere: number;
    failOnBoth: number;
    /** Production has never fetched it well, or not tried yet. */
    neverFetchedThere: number;
    /** Removed at production since the list was taken. */
    removedThere: number;
  };
  readonly failOnlyHere: Listed<FeedFinding>;
  readonly failOnlyThere: Listed<FeedFinding>;
  readonly articles: {
    same: number;
    unseen: number;
    readonly onlyHere: Record<OnlyHereReason, number>;
    readonly onlyThere: Record<OnlyThereReason, number>;
    readonly differing: { sent: number; read: number };
    /** How many articles differ in each field. */
    readonly fields: Record<string, number>;
  };
  readonly onlyHere: Listed<ArticleFinding & { readonly reason: OnlyHereReason }>;
  readonly onlyThere: Listed<ArticleFinding & { readonly reason: OnlyThereReason }>;
  readonly differing: Listed<DifferingFinding>;
  /** Those with most differences that nothing explains. */
  readonly worstFeeds: FeedSummary[];
  /** False: it was broken off; `left` feeds were not looked at. */
  complete: boolean;
  left: number;
  error: ReturnType<CodedError['toJSON']> | null;
  seconds: number;
}

const WORST_FEEDS_MAX = 20;

export interface CompareOptions {
  /** The test crawl's own. */
  readonly here: Store;
  /** Null: there is none to compare with. */
  readonly production: (signal: AbortSignal) => Promise<Production | null>;
  readonly ids: readonly string[];
  /** Feeds that were tried since then are compared. */
  readonly since: number;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number) => void;
}

/** Never throws: what fails ends it, and is in `error`. Null: there is nothing to compare with. */
export async function compare(options: CompareOptions): Promise<Comparison | null> {
  const { here, since, ids, signal, onProgress } = options;
  const comparison = newComparison();
  const begun = performance.now();
  let done = 0;
  try {
    const there = await options.production(signal);
    if (there === null) return null;
    const sides = { here, there, since };
    for (let from = 0; from < ids.length && !signal.aborted; from += PAGE_FEEDS) {
      const page = ids.slice(from, from + PAGE_FEEDS);
      for await (const group of pairsOf(sides, comparison, page)) {
        if (signal.aborted) break;
        for (const { pair, result } of await comparedGroup(sides, group)) addArticles(comparison, pair, result);
      }
      if (signal.aborted) break;
      done += page.length;
      onProgress(done);
    }
  } catch (thrown) {
    comparison.error = coded(thrown).toJSON();
  }
  comparison.left = ids.length - done;
  comparison.complete = comparison.left === 0;
  comparison.seconds = Math.round(performance.now() - begun) / 1_000;
  return comparison;
}

interface Sides {
  readonly here: Store;
  readonly there: Production;
  readonly since: number;
}

interface Pair {
  readonly here: Live<FeedRecord>;
  readonly there: Live<FeedRecord>;
  readonly total: number;
}

/** Counts how the feeds of a page were fetched on both sides; gives those whose articles can be compared. */
async function* pairsOf(
  { here, there, since }: Sides,
  comparison: Comparison,
  page: readonly string[],
): AsyncGenerator<Pair[]> {
  const ours = await here.feeds.getMany(page);
  const tried = [...ours.values()].filter(({ content }) => content.triedAt !== null && content.triedAt >= since);
  if (tried.length === 0) return;
  const theirs = await there.feeds.getMany(tried.map(({ id }) => id));
  const both = tried.flatMap((live) => {
    const other = theirs.get(live.id);
    return addFeed(comparison, live, other) && other !== undefined ? { here: live, there: other } : [];
  });
  if (both.length === 0) return;
  const totals = await there.articles.countAbove(both.map(({ here: { id } }) => ({ feed: id, num: 0 })));
  for (let from = 0; from < both.length; from += FEEDS_AT_ONCE) {
    yield both.slice(from, from + FEEDS_AT_ONCE).map((pair) => ({ ...pair, total: totals.get(pair.here.id) ?? 0 }));
  }
}

async function comparedGroup(
  { here, there }: Sides,
  group: readonly Pair[],
): Promise<{ pair: Pair; result: FeedComparison }[]> {
  return Promise.all(group.map(async (pair) => ({ pair, result: await compareFeed(here, there, pair) })));
}

/** Whether both sides have fetched it well, now or before. */
function addFeed(comparison: Comparison, here: Live<FeedRecord>, there: Live<FeedRecord> | undefined): boolean {
  const { feeds, failOnlyHere, failOnlyThere } = comparison;
  feeds.fetched += 1;
  if (there === undefined) {
    feeds.removedThere += 1;
    return false;
  }
  const { url, title } = here.content;
  const codes = { here: here.content.lastError?.code ?? null, there: there.content.lastError?.code ?? null };
  const finding = { id: here.id, url: shownUrl(url), title: title || there.content.title, ...codes };
  const neverThere = there.content.succeededAt === null;
  if (neverThere) feeds.neverFetchedThere += 1;
  if (codes.here !== null && codes.there !== null) feeds.failOnBoth += 1;
  else if (codes.here !== null) {
    feeds.failOnlyHere += 1;
    list(failOnlyHere, finding);
  } else if (codes.there !== null) {
    feeds.failOnlyThere += 1;
    list(failOnlyThere, finding);
  } else feeds.fineOnBoth += 1;
  const isComparable = codes.here === null && !neverThere;
  if (isComparable) feeds.compared += 1;
  return isComparable;
}

/** User and password in it are secrets. */
export function shownUrl(url: string): string {
  return URL.canParse(url) ? withoutLogin(new URL(url)) : url;
}

function addArticles(comparison: Comparison, { here }: Pair, result: FeedComparison): void {
  const { articles } = comparison;
  articles.same += result.same;
  articles.unseen += result.unseen;
  articles.onlyThere.older += result.older;
  for (const { reason, finding } of result.onlyHere) {
    articles.onlyHere[reason] += 1;
    list(comparison.onlyHere, { ...finding, reason }, reason === 'not-taken');
  }
  for (const { reason, finding } of result.onlyThere) {
    articles.onlyThere[reason] += 1;
    list(comparison.onlyThere, { ...finding, reason }, reason === 'missing');
  }
  for (const finding of result.differing) {
    articles.differing[finding.kind] += 1;
    for (const { field } of finding.fields) articles.fields[field] = (articles.fields[field] ?? 0) + 1;
    list(comparison.differing, finding, finding.kind === 'read');
  }
  addWorst(comparison.worstFeeds, summaryOf(here, result));
}

/** What is most telling comes before what there may be a lot of: it takes the place of the last of those. */
function list<T>(listed: Listed<T>, item: T, telling = false): void {
  listed.count += 1;
  if (listed.items.length < LISTED_MAX) {
    if (telling) listed.items.unshift(item);
    else listed.items.push(item);
  } else if (telling) {
    listed.items.pop();
    listed.items.unshift(item);
  }
}

function summaryOf({ id, content }: Live<FeedRecord>, result: FeedComparison): FeedSummary {
  const { same, unseen, onlyHere, onlyThere, differing } = result;
  const unexplained =
    differing.length +
    onlyHere.filter(({ reason }) => reason === 'not-taken').length +
    onlyThere.filter(({ reason }) => reason === 'missing').length;
  return {
    ...{ id, url: shownUrl(content.url), title: content.title, same: same + unseen },
    ...{ onlyHere: onlyHere.length, onlyThere: onlyThere.length, differing: differing.length, unexplained },
  };
}

function addWorst(worst: FeedSummary[], summary: FeedSummary): void {
  if (summary.unexplained === 0) return;
  worst.push(summary);
  worst.sort((a, b) => b.unexplained - a.unexplained);
  worst.length = Math.min(worst.length, WORST_FEEDS_MAX);
}

function newComparison(): Comparison {
  return {
    feeds: {
      ...{ fetched: 0, compared: 0, fineOnBoth: 0, failOnlyHere: 0, failOnlyThere: 0, failOnBoth: 0 },
      ...{ neverFetchedThere: 0, removedThere: 0 },
    },
    failOnlyHere: { count: 0, items: [] },
    failOnlyThere: { count: 0, items: [] },
    articles: {
      ...{ same: 0, unseen: 0 },
      onlyHere: { 'not-fetched-since': 0, 'production-failing': 0, 'not-taken': 0 },
      onlyThere: { since: 0, older: 0, missing: 0 },
      differing: { sent: 0, read: 0 },
      fields: {},
    },
    onlyHere: { count: 0, items: [] },
    onlyThere: { count: 0, items: [] },
    differing: { count: 0, items: [] },
    ...{ worstFeeds: [], complete: false, left: 0, error: null, seconds: 0 },
  };
}

function coded(thrown: unknown): CodedError {
  if (thrown instanceof CodedError) return thrown;
  return crawlerError('CRAWL_INTERNAL', thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}
