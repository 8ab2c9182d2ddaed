/** The report of a test crawl for a terminal, and its progress. Pure: what feeds say is untrusted. */

import type { Comparison } from '../crawler/test-crawl/compare.ts';
import type { ArticleFinding } from '../crawler/test-crawl/compare-feed.ts';
import type { Latency } from '../crawler/test-crawl/histogram.ts';
import type { HostReport } from '../crawler/test-crawl/host-tally.ts';
import type { TestCrawlProgress, TestCrawlReport } from '../crawler/test-crawl/test-crawl.ts';
import { progressText } from './crawl-report.ts';
import { bytes, counted, cut, moment, printable, span, table, wrap } from './text.ts';

export interface ShownReport extends TestCrawlReport {
  /** Of Feedferry. */
  readonly version: string;
  /** Placeholders not filled in. */
  readonly userAgent: string;
}

/** Rows of each list; the files of `--report` have more. */
const SHOWN_MAX = 5;
const SPARKS = '▁▂▃▄▅▆▇█';
const SPARKS_MAX = 60;

export type ShownProgress =
  | TestCrawlProgress
  | { readonly step: 'loading'; readonly done: number; readonly total: number };

export function testProgressText(progress: ShownProgress): string {
  if (progress.step === 'crawling') return progressText(progress);
  if (progress.step === 'choosing') return `choosing feeds: ${progress.feeds.toLocaleString('en')}`;
  const { done, total } = progress;
  const share = total === 0 ? 100 : Math.floor((100 * done) / total);
  if (progress.step === 'loading') return `reading the snapshot: ${counted(done, 'document')}  ${share}%`;
  const left = progress.etaMs === null ? '' : `  ${span(progress.etaMs)} left`;
  return `comparing with production: ${done.toLocaleString('en')}/${total.toLocaleString('en')} feeds  ${share}%${left}`;
}

export function testReportText(report: ShownReport, columns: number): string {
  const { comparison } = report;
  const parts = [
    headText(report, columns),
    crawlText(report),
    latencyText(report),
    hostsText('Slowest hosts', report.measured.slowestHosts, false, columns),
    hostsText('Hosts with failures', report.measured.failingHosts, true, columns),
    ...(comparison === null ? [] : [feedsText(comparison, columns), articlesText(comparison, columns)]),
    verdictText(report, columns),
  ];
  return `${parts.filter((part) => part !== '').join('\n')}`;
}

export const ENDS: Readonly<Record<TestCrawlReport['ended'], string>> = {
  done: 'all feeds were done',
  duration: 'the time of --duration was up',
  interrupted: 'it was stopped',
  trouble: 'its store was in trouble',
};

function headText({ source, store, userAgent, chosen, ended, startedAt, crawl }: ShownReport, columns: number): string {
  const kinds = { store: 'as it is now', snapshot: `as of ${moment(source.at)}`, list: 'a list' };
  const sample = chosen.sample === null ? '' : `, a sample with the seed ${chosen.seed}`;
  const left = chosen.notActive === 0 ? '' : `; ${chosen.notActive.toLocaleString('en')} gone or paused there`;
  const rows = [
    ['feeds from', `${source.shown} (${kinds[source.kind]})`],
    ['feeds', `${counted(chosen.chosen, 'feed')} of ${chosen.inSource.toLocaleString('en')}${sample}${left}`],
    ['into', store],
    ['User-Agent', userAgent],
    ['began', moment(startedAt)],
    ['ended', `after ${span(crawl.seconds * 1000)}: ${ENDS[ended]}`],
  ];
  const lines = rows.map(([name = '', value = '']) => `  ${name.padEnd(12)}${cut(printable(value), columns - 14)}`);
  return `Test crawl\n${lines.join('\n')}\n`;
}

function crawlText({ crawl, measured }: ShownReport): string {
  const failures = Object.values(crawl.failed).reduce((sum, n) => sum + n, 0);
  const rows: [string, number, string][] = [
    ['fetched', crawl.fetched, ''],
    ['not modified', crawl.notModified, ''],
    ['failed', failures, ''],
    ...Object.entries(crawl.failed)
      .sort(([, a], [, b]) => b - a)
      .map(([code, n]): [string, number, string] => ['', n, code]),
    ['not due', crawl.skipped, 'fetched by an earlier test crawl (--force: again)'],
    ['unfinished', crawl.unfinished, ''],
    ['articles', crawl.articlesNew, 'new here'],
  ];
  const optional = new Set(['not due', 'unfinished', 'failed', 'not modified']);
  const lines = rows
    .filter(([label, n]) => n > 0 || !optional.has(label))
    .map(([label, n, note]) => `  ${label.padEnd(14)}${n.toLocaleString('en').padStart(9)}  ${note}`.trimEnd());
  const statuses = Object.entries(measured.statuses).map(([status, n]) => `${status}: ${n.toLocaleString('en')}`);
  const rate = `${measured.fetchesPerSecond.toLocaleString('en')} fetches/s, ${bytes(measured.bytesPerSecond)}/s`;
  return [
    `Crawl: ${counted(crawl.feeds, 'feed')}, ${rate}, ${bytes(measured.bytes)} received`,
    ...lines,
    `  statuses      ${statuses.join('  ') || 'none'}`,
    `  memory        ${bytes(crawl.peakMemoryBytes)} at most`,
    ...sparkLines(measured),
    '',
  ].join('\n');
}

/** One character a span, the highest for the busiest. */
function sparkLines({ course, spanMs }: ShownReport['measured']): string[] {
  if (course.length < 3) return [];
  const per = Math.ceil(course.length / SPARKS_MAX);
  const sums: number[] = [];
  for (let i = 0; i < course.length; i += per) {
    sums.push(course.slice(i, i + per).reduce((sum, { fetches }) => sum + fetches, 0));
  }
  const most = Math.max(1, ...sums);
  const sparks = sums.map((n) => (n === 0 ? ' ' : SPARKS[Math.ceil((n / most) * SPARKS.length) - 1])).join('');
  return [
    `  over time     ${sparks}`,
    `                ${span(spanMs * per)} each, ${counted(most, 'fetch', 'fetches')} at most`,
  ];
}

function latencyText({ measured }: ShownReport): string {
  if (measured.fetches === 0) return '';
  const line = (name: string, { p50Ms, p95Ms, p99Ms, maxMs }: Latency) =>
    `  ${name.padEnd(14)}${[p50Ms, p95Ms, p99Ms, maxMs].map((ms) => span(ms).padStart(9)).join('')}`;
  const titles = ['half', '95%', '99%', 'slowest'].map((title) => title.padStart(9)).join('');
  return `${'Latency'.padEnd(16)}${titles}\n${line('first byte', measured.head)}\n${line('whole fetch', measured.total)}\n`;
}

/** `withCodes`: of what failed there. */
function hostsText(title: string, hosts: readonly HostReport[], withCodes: boolean, columns: number): string {
  if (hosts.length === 0) return '';
  const rows = hosts.slice(0, SHOWN_MAX).map(({ host, fetches, failures, codes, meanMs, maxMs }) => [
    `  ${printable(host)}`,
    ...[fetches, failures].map((n) => n.toLocaleString('en')),
    ...[meanMs, maxMs].map(span),
    Object.keys(codes)
      .map((code) => printable(code.replace(/^FETCH_/, '')))
      .join(' '),
  ]);
  const numbers = ['fetches', 'failed', 'mean', 'slowest'].map((name) => ({ title: name, width: 7, right: true }));
  return table([{ title }, ...numbers, ...(withCodes ? [{ title: 'codes', width: 20 }] : [])], rows, columns);
}

function feedsText(comparison: Comparison, columns: number): string {
  const { feeds, failOnlyHere } = comparison;
  const rows: [string, number][] = [
    ['fine on both sides', feeds.fineOnBoth],
    ['fail only here', feeds.failOnlyHere],
    ['fail only there', feeds.failOnlyThere],
    ['fail on both', feeds.failOnBoth],
    ['never fetched well there', feeds.neverFetchedThere],
    ['removed there meanwhile', feeds.removedThere],
  ];
  const lines = rows.filter(([, n]) => n > 0).map(([name, n]) => count(name, n));
  const failing = failOnlyHere.items
    .slice(0, SHOWN_MAX)
    .map(({ url, here }) => `    ${printable(here ?? '').padEnd(18)} ${cut(printable(url), columns - 23)}`);
  return [
    `Against production: ${counted(feeds.fetched, 'feed')}`,
    ...lines,
    ...(failing.length === 0 ? [] : ['  failing only here:', ...failing, ...more(failOnlyHere.count)]),
    '',
  ].join('\n');
}

export const REASONS: Readonly<Record<string, string>> = {
  'not-fetched-since': 'production has not fetched the feed since',
  'production-failing': 'production fails to fetch the feed',
  'not-taken': 'production fetched the feed later and lacks it',
  since: 'came to production after this fetch',
  older: 'no longer in the feed: older than all in it',
  missing: 'within what the feed holds, and not in it here',
  sent: 'another text was sent: edited meanwhile, or for us',
  read: 'the same text, read otherwise',
};

function articlesText(comparison: Comparison, columns: number): string {
  const { articles } = comparison;
  const reasons = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .filter(([, n]) => n > 0)
      .map(([reason, n]) => count(`  ${REASONS[reason] ?? reason}`, n));
  const fields = Object.entries(articles.fields).map(([field, n]) => `${field} ${n.toLocaleString('en')}`);
  const sum = (counts: object) => Object.values(counts).reduce((all: number, n: number) => all + n, 0);
  return [
    `Articles of ${counted(comparison.feeds.compared, 'feed')} that both fetched`,
    count('same', articles.same),
    ...(articles.unseen === 0 ? [] : [count('same to a reader', articles.unseen)]),
    count('only here', sum(articles.onlyHere)),
    ...reasons(articles.onlyHere),
    count('only there', sum(articles.onlyThere)),
    ...reasons(articles.onlyThere),
    count('differing', sum(articles.differing)),
    ...reasons(articles.differing),
    ...(fields.length === 0 ? [] : [`    in ${wrap(fields.join(', '), columns - 8, '       ')}`]),
    ...found('differing', comparison.differing, columns),
    ...found('only here', comparison.onlyHere, columns, 'not-taken'),
    ...found('only there', comparison.onlyThere, columns, 'missing'),
    '',
  ].join('\n');
}

/** `reason`: only these, which nothing explains. */
function found(
  name: string,
  { items }: { readonly items: readonly (ArticleFinding & { readonly reason?: string })[] },
  columns: number,
  reason?: string,
): string[] {
  const telling = items.filter((item) => item.reason === reason);
  if (telling.length === 0) return [];
  const lines = telling.slice(0, SHOWN_MAX).map(({ title, url, id }) => {
    const about = printable(title) === '' ? printable(url ?? id) : printable(title);
    return `    ${cut(about, columns - 4)}`;
  });
  return [`  ${name}${reason === undefined ? '' : ', unexplained'}:`, ...lines, ...more(telling.length)];
}

function more(n: number): string[] {
  return n > SHOWN_MAX ? [`    and ${(n - SHOWN_MAX).toLocaleString('en')} more: --report FILE.html`] : [];
}

function count(name: string, n: number): string {
  return `  ${name.padEnd(52)}${n.toLocaleString('en').padStart(10)}`;
}

function verdictText({ verdict, thresholds }: ShownReport, columns: number): string {
  const words = { fine: 'FINE', differing: 'DIFFERING', incomplete: 'INCOMPLETE' };
  const failing = verdict.errorsAreOurs ? 'of the feeds fail here only' : 'of the feeds failed';
  const figures = [`${verdict.errorsPercent}% ${failing} (${thresholds.errorsPercentMax}% allowed)`];
  if (verdict.differencesPercent !== null) {
    const allowed = `(${thresholds.differencesPercentMax}% allowed)`;
    figures.push(`${verdict.differencesPercent}% of the articles differ without a reason ${allowed}`);
  }
  const lines = [`${words[verdict.outcome]}: ${figures.join('; ')}`, ...verdict.reasons.map((reason) => `- ${reason}`)];
  // One that is longer than a line, such as a path in an error, is cut.
  const wrapped = lines.flatMap((line) => wrap(printable(line), columns - 2, '  ').split('\n'));
  return `${wrapped.map((line) => cut(line, columns)).join('\n')}\n`;
}
