/** `crawl --test`: from the flags to a report. docs/test-crawl.md tells the why. */
import type { FeedSource } from '../crawler/test-crawl/feed-source.ts';
import type { TestCrawlProgress, TestCrawlReport } from '../crawler/test-crawl/test-crawl.ts';
import type { Clock } from '../store/contract.ts';
import { CodedError, codeOf } from '../store/errors.ts';
import { openToRead } from '../store/open-to-read.ts';
import type { Invocation } from './command.ts';
import { type TestCrawlWishes, testCrawlWishes } from './crawl-test-options.ts';
import { openSource } from './crawl-test-source.ts';
import { type ShownReport, testProgressText, testReportText } from './crawl-test-text.ts';
import { cliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { fetcherOptions } from './fetcher-options.ts';
import { writeOutput } from './files.ts';
import { columnsOf, type Io, write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { type ProgressLine, progressLine } from './progress.ts';
import { reportError } from './report-error.ts';
import type { Settings } from './setting-table.ts';
import { type StopSignals, stopSignals } from './stop-signals.ts';
import { VERSION } from './version.ts';

/** Throws USAGE_INVALID, TEST_CRAWL_* and what source and store say before the first fetch. */
export async function runTestCrawl(invocation: Invocation): Promise<ExitCode> {
  const { io, json } = invocation;
  const wishes = await testCrawlWishes(invocation);
  const settings = invocation.settings();
  using stop = stopSignals();
  const crawled = await crawlWithin(invocation, wishes, settings, stop);
  const report: ShownReport = { ...crawled, version: VERSION, userAgent: settings.userAgent };
  // Files first: whoever reads the output may go before its end, and the process ends with that.
  const failures: unknown[] = [];
  for (const path of wishes.reports) {
    const file = await reportFile(path, report);
    await writeOutput(path, io, file).catch((error: unknown) => failures.push(error));
  }
  await write(io.stdout, json ? `${JSON.stringify(report)}\n` : testReportText(report, columnsOf(io.stdout)));
  if (failures.length > 0) throw failures[0];
  return exitCodeOf(report, io, json);
}

async function crawlWithin(
  invocation: Invocation,
  wishes: TestCrawlWishes,
  settings: Settings,
  stop: StopSignals,
): Promise<TestCrawlReport> {
  const { io } = invocation;
  const { openFetcher } = await import('../crawler/fetch.ts');
  const { testCrawl } = await import('../crawler/test-crawl/test-crawl.ts');
  await using ends = new AsyncDisposableStack();
  using line: ProgressLine = progressLine(io.stderr, io.clock);
  const onLoading = (done: number, total: number) => line.show(testProgressText({ step: 'loading', done, total }));
  const source = await openSource(wishes.from, { io, signal: stop.signal, onLoading }, ends);
  await requireOwn(settings.store, source, wishes.intoExisting, io.clock);
  await using store = await openedStore(invocation, { mustExist: false });
  await using fetcher = openFetcher(fetcherOptions(settings, store, io.clock));
  const { choice, thresholds, rate, durationMs, force } = wishes;
  return await testCrawl({
    ...{ source, store, fetcher, choice, thresholds, rate, durationMs, force },
    ...{ concurrency: settings.concurrency, hostGapMs: settings.hostGap, hostConnections: settings.hostConnections },
    ...{ minIntervalMs: settings.minInterval, maxIntervalMs: settings.maxInterval },
    ...{ clock: io.clock, random: io.random, signal: stop.signal },
    onProgress: (progress: TestCrawlProgress) => line.show(testProgressText(progress)),
  });
}

/** Looked at before it is opened to write, which would upgrade or make it. Throws TEST_CRAWL_*. */
async function requireOwn(url: string, source: FeedSource, intoExisting: boolean, clock: Clock): Promise<void> {
  const { requireOwnStore } = await import('../crawler/test-crawl/own-store.ts');
  try {
    await using target = await openToRead(url, { clock });
    await requireOwnStore(target, source.site, intoExisting);
  } catch (error) {
    if (codeOf(error) !== 'STORE_MISSING') throw error;
  }
}

async function reportFile(path: string, report: ShownReport): Promise<string> {
  if (path.endsWith('.json')) return `${JSON.stringify(report, null, 2)}\n`;
  const { testReportPage } = await import('./crawl-test-page.ts');
  return testReportPage(report);
}

/** The report is out in any case. */
async function exitCodeOf(
  { crawl, comparison, ended, verdict }: ShownReport,
  io: Io,
  json: boolean,
): Promise<ExitCode> {
  const trouble = crawl.error ?? comparison?.error;
  if (trouble) {
    const { code, message, ...about } = trouble;
    return reportError(new CodedError(code, message, about), io, json);
  }
  if (ended === 'interrupted') {
    const advice = 'The report is of what was done until then.';
    return reportError(cliError('INTERRUPTED', 'The test crawl was stopped before its end', { advice }), io, json);
  }
  if (crawl.feeds === 0) {
    const { testCrawlError } = await import('../crawler/test-crawl/errors.ts');
    return reportError(testCrawlError('TEST_CRAWL_NOTHING_DUE', 'No feed was due.'), io, json);
  }
  return verdict.outcome === 'differing' ? EXIT.differences : EXIT.done;
}
