/** A report of a test crawl in which everything occurs; what comes from outside is `said`. */
import type { ShownReport } from '../../cli/crawl-test-text.ts';

/** Titles, addresses and hosts as nobody wants them. */
export const HOSTILE =
  '</title></style></script><script>alert(1)</script>"><img src=x onerror=alert(2)>\' onmouseover=alert(3) {{x}} <!--';

const LATENCY = { count: 9, meanMs: 20, p50Ms: 12, p95Ms: 90, p99Ms: 1_200, maxMs: 30_000 };
const START = Date.UTC(2026, 0, 5, 12);

export function sampleReport(said: string): ShownReport {
  const finding = { id: 'a.b', feed: 'a', title: said, url: `javascript:alert(4)//${said}`, at: START };
  const other = { ...finding, url: `https://example.org/${said}` };
  const feed = { id: 'a', url: `https://example.org/${said}`, title: said, here: 'FETCH_HTTP_403', there: null };
  const host = { host: said, fetches: 3, failures: 1, codes: { [said]: 1 }, bytes: 5, meanMs: 5, maxMs: 9 };
  const counts = { same: 3, onlyHere: 1, onlyThere: 1, differing: 2, unexplained: 4 };
  const fields = [{ field: 'title', here: said, there: `${said}.` } as const];
  return {
    ...{ version: '1.2.3', userAgent: `Test/1 (${said})`, startedAt: START, endedAt: START + 60_000 },
    source: { kind: 'snapshot', shown: `/backup/${said}`, at: START },
    ...{ store: `sqlite:/${said}.db`, ended: 'duration' },
    chosen: { ...{ inSource: 9, notActive: 1, chosen: 8, ownUserAgent: 1 }, max: null, sample: 8, seed: said },
    limits: { rate: 20, durationMs: 60_000, concurrency: 32, hostGapMs: 1_000, hostConnections: 1 },
    crawl: {
      ...{
        feeds: 8,
        fetched: 4,
        notModified: 1,
        failed: { FETCH_HTTP_403: 1, PARSE_HTML: 1 },
        skipped: 1,
        unfinished: 1,
      },
      ...{ articlesNew: 40, articlesChanged: 0, articlesUnchanged: 2, bytes: 12_345, seconds: 60 },
      ...{ peakMemoryBytes: 200_000_000, error: null },
    },
    measured: {
      ...{ fetches: 7, conditional: 1, bytes: 12_345, seconds: 60, fetchesPerSecond: 0.12, bytesPerSecond: 205.75 },
      ...{ statuses: { 200: 5, 403: 1, none: 1 }, head: LATENCY, total: LATENCY, spanMs: 1_000 },
      course: [3, 0, 4, 1].map((fetches, i) => ({ fromMs: i * 1_000, fetches, failures: i === 2 ? 1 : 0, bytes: 99 })),
      ...{ hosts: 2, fetchesBeyondHosts: 0, slowestHosts: [host, host], failingHosts: [host] },
    },
    comparison: {
      feeds: {
        ...{ fetched: 7, compared: 5, fineOnBoth: 5, failOnlyHere: 1, failOnlyThere: 1, failOnBoth: 0 },
        ...{ neverFetchedThere: 1, removedThere: 1 },
      },
      failOnlyHere: { count: 200, items: [feed, feed] },
      failOnlyThere: { count: 1, items: [{ ...feed, here: null, there: said }] },
      articles: {
        ...{ same: 30, unseen: 1 },
        onlyHere: { 'not-fetched-since': 1, 'production-failing': 1, 'not-taken': 1 },
        onlyThere: { since: 1, older: 900, missing: 1 },
        differing: { sent: 1, read: 1 },
        fields: { title: 2, html: 1, summary: 1, categories: 1, enclosures: 1, published: 1, authors: 1, url: 1 },
      },
      onlyHere: {
        count: 3,
        items: [
          { ...finding, reason: 'not-taken' },
          { ...other, reason: 'not-fetched-since' },
        ],
      },
      onlyThere: {
        count: 2,
        items: [
          { ...finding, reason: 'missing' },
          { ...other, reason: 'since' },
        ],
      },
      differing: {
        count: 2,
        items: [
          { ...finding, kind: 'read', fields },
          { ...other, kind: 'sent', fields },
        ],
      },
      worstFeeds: [{ id: 'a', url: feed.url, title: said, ...counts }],
      ...{ complete: false, left: 2, seconds: 1 },
      error: { code: 'STORE_UNREACHABLE', message: said, input: said, advice: said, retryable: true },
    },
    thresholds: { errorsPercentMax: 5, differencesPercentMax: 5 },
    verdict: {
      outcome: 'differing',
      errorsPercent: 14.29,
      errorsAreOurs: true,
      differencesPercent: 11.43,
      reasons: [`It was ${said}`],
    },
  };
}
