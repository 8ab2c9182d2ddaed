import type { Logger } from 'pino';
import type { CrawlSummary } from '../crawler/crawler.ts';
import type { Fetcher } from '../crawler/fetch.ts';
import { OPML_BYTES_MAX } from '../crawler/parse/limits.ts';
import type { FormPoster } from '../crawler/post-form.ts';
import type { Queue } from '../crawler/queue/contract.ts';
import type { Clock, Store } from '../store/contract.ts';
import { CodedError } from '../store/errors.ts';
import type { CommandSpec, Invocation } from './command.ts';
import { type CrawlReport, progressText, reportText } from './crawl-report.ts';
import { refuseTestFlags, TEST_FLAGS } from './crawl-test-options.ts';
import { logPause, processKind } from './crawler-hooks.ts';
import { cliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { CRAWL_SETTINGS, FETCH_SETTINGS, fetcherOptions } from './fetcher-options.ts';
import { readInput } from './files.ts';
import { followFeeds } from './follow.ts';
import type { ImportedFeeds } from './import-opml.ts';
import { write } from './io.ts';
import { openLog } from './log.ts';
import { openedStore } from './opened-store.ts';
import { progressLine } from './progress.ts';
import { reportError } from './report-error.ts';
import { queueUrl } from './setting-kinds.ts';
import type { Settings } from './setting-table.ts';
import { type StopSignals, stopSignals } from './stop-signals.ts';

interface Opened {
  readonly store: Store;
  readonly fetcher: Fetcher & FormPoster;
  readonly queue: Queue | undefined;
}

export const crawlCommand: CommandSpec = {
  usage: 'crawl',
  about: 'fetch the feeds that are due, and go on until stopped; with --once a single time',
  options: [
    ['--once', 'one pass, then print a summary'],
    ['--feeds <FILE>', 'follow the feeds of this OPML file (-: standard input); with --once, crawl only these'],
    ['--force', 'with --once or --test: also feeds that are not due'],
    ...TEST_FLAGS,
  ],
  json: 'with --once the summary, with --test the report (docs/cli.md has their shapes), else log lines',
  settings: ['store', 'queue', ...CRAWL_SETTINGS, ...FETCH_SETTINGS, 'publicUrl', 'logLevel'],
  examples: [
    'feedferry crawl --once',
    'feedferry crawl --once --feeds feeds.opml --store sqlite:./a.db --json',
    'feedferry crawl --test --feeds-from sqlite:/srv/feedferry.db --sample 500 \\\n' +
      '      --store sqlite:./test.db --user-agent "Feedferry/3.0-rho (+https://x.org)"',
  ],
  async run(invocation) {
    if (invocation.options.test === true) {
      const { runTestCrawl } = await import('./crawl-test.ts');
      return runTestCrawl(invocation);
    }
    refuseTestFlags(invocation.options);
    const settings = invocation.settings();
    if (invocation.options.force === true && invocation.options.once !== true) {
      throw cliError('USAGE_INVALID', '--force goes with --once only');
    }
    const { openFetcher } = await import('../crawler/fetch.ts');
    using stop = stopSignals();
    await using store = await openedStore(invocation, { mustExist: false });
    await using fetcher = openFetcher(fetcherOptions(settings, store, invocation.io.clock));
    await using queue = await crawlQueue(settings, store, invocation.io.clock);
    const imported = await importChosen(invocation, store);
    // Awaited here: what `using` opened is closed when this function returns.
    if (invocation.options.once === true) {
      return await crawlOnce(invocation, settings, { store, fetcher, queue }, imported, stop);
    }
    return await crawlOn(invocation, settings, { store, fetcher, queue }, stop);
  },
};

async function importChosen({ io, options }: Invocation, store: Store): Promise<ImportedFeeds | null> {
  const path = options.feeds as string | undefined;
  if (path === undefined) return null;
  const { importOpml } = await import('./import-opml.ts');
  const body = await readInput(path, io, OPML_BYTES_MAX);
  const imported = await importOpml({ store, clock: io.clock, random: io.random }, body);
  await followFeeds(store, io.clock, 'crawl', imported.feeds);
  return imported;
}

async function crawlOnce(
  { io, json, options }: Invocation,
  settings: Settings,
  opened: Opened,
  imported: ImportedFeeds | null,
  stop: StopSignals,
): Promise<ExitCode> {
  const { crawl } = await import('../crawler/crawler.ts');
  const pass = async (): Promise<CrawlSummary> => {
    using line = progressLine(io.stderr, io.clock);
    return await crawl({
      ...{ ...opened, clock: io.clock, random: io.random, signal: stop.signal },
      ...{ ...crawlLimits(settings), process: processKind('crawl --once', settings) },
      force: options.force === true,
      ...(imported === null ? {} : { feeds: imported.feeds.map(({ feed }) => feed) }),
      onProgress: (progress) => line.show(progressText(progress)),
    });
  };
  const summary = await pass();
  const report: CrawlReport = {
    ...summary,
    imported: imported && {
      added: imported.added,
      known: imported.feeds.length - imported.added,
      invalid: imported.invalid,
    },
    interrupted: stop.signal.aborted,
  };
  await write(io.stdout, json ? `${JSON.stringify(report)}\n` : reportText(report));
  if (summary.error !== null) {
    const { code, message, ...about } = summary.error;
    return reportError(new CodedError(code, message, about), io, json);
  }
  if (report.interrupted && report.unfinished > 0) {
    return reportError(cliError('INTERRUPTED', 'The crawl was stopped before its end'), io, json);
  }
  return EXIT.done;
}

async function crawlOn(
  { io, json }: Invocation,
  settings: Settings,
  opened: Opened,
  stop: StopSignals,
): Promise<ExitCode> {
  const [{ startCrawler }, { openHubs }] = await Promise.all([import('../crawler/run.ts'), import('./hubs.ts')]);
  const log = openLog(io.stderr, settings.logLevel, json);
  const given = { ...opened, clock: io.clock, random: io.random };
  // Beside a `serve`, which answers the hubs. One that knows of no public URL leaves them to the others.
  await using hubs = settings.publicUrl === '' ? undefined : openHubs(settings, given);
  const crawler = startCrawler({
    ...{ ...given, subscriber: hubs?.subscriber },
    ...crawlLimits(settings),
    process: processKind('crawl', settings),
    onTrouble: (error) => logTrouble(log, error),
    onPause: (pause) => logPause(log, pause),
  });
  log.info({ store: opened.store.url, queue: queueUrl.show(settings.queue) }, 'Crawling until stopped');
  log.info(`${await stop.stopped}: finishing what is in flight; again to stop at once`);
  await crawler.stop();
  log.info('Stopped');
  return EXIT.done;
}

export function logTrouble(log: Logger, error: CodedError | null): void {
  if (error === null) log.info('Store and queue answer again: the crawler goes on');
  else log.error({ code: error.code, advice: error.advice }, `The crawler waits: ${error.message}`);
}

/** The queue in Redis that the processes of a site share; undefined: each crawl makes one of its own. */
export async function crawlQueue(settings: Settings, store: Store, clock: Clock): Promise<Queue | undefined> {
  if (settings.queue === 'local:') return undefined;
  const { openQueue } = await import('../crawler/queue/open.ts');
  const hosts = { connections: settings.hostConnections, gapMs: settings.hostGap };
  return openQueue(settings.queue, { clock, hosts, site: store.site });
}

/** What a crawl of `serve` and one of `crawl` have in common. */
export function crawlLimits(settings: Settings): {
  concurrency: number;
  hostGapMs: number;
  hostConnections: number;
  minIntervalMs: number;
  maxIntervalMs: number;
  backupMsMax: number;
} {
  return {
    concurrency: settings.concurrency,
    hostGapMs: settings.hostGap,
    hostConnections: settings.hostConnections,
    minIntervalMs: settings.minInterval,
    maxIntervalMs: settings.maxInterval,
    backupMsMax: settings.websubPoll,
  };
}
