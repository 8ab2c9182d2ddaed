import type { CrawlSummary } from '../../crawler/crawler.ts';
import { openStore } from '../../store/open.ts';
import { type Measured, measureNode } from '../measure/node-process.ts';
import { watchOthers } from '../measure/others.ts';
import { BenchFailure } from '../measure/progress.ts';
import type { WorldProcess } from '../measure/world-process.ts';
import { CRAWL_MS_MAX, check, ENV, FEEDFERRY, importFeeds, NODE_ARGS } from './command.ts';
import { NEW_ENTRIES, type PhaseFigures, type RunFigures } from './phase.ts';
import type { CrawlBenchSettings } from './settings.ts';

export interface OurRun {
  readonly figures: RunFigures;
  /** Before the first crawl: the list of feeds goes into the store. Measured apart, as the peer's import is not measured. */
  readonly importing: Measured;
}

/** One fresh store, three crawls, each a whole process. Throws BenchFailure where a count is not what it must be. */
export async function measureOurs(
  settings: CrawlBenchSettings,
  world: WorldProcess,
  opml: string,
  store: string,
  nodeArgs: readonly string[] = [],
): Promise<OurRun> {
  const { feeds, entries } = settings;
  const importing = await importFeeds(opml, store, feeds);

  const others = watchOthers();
  const cold = await crawl(settings, store, nodeArgs);
  check('cold: fetched', cold.summary.fetched, feeds);
  check('cold: new articles', cold.summary.articlesNew, feeds * entries);
  check('cold: articles in the store', await articlesIn(store), feeds * entries);

  const before = await writesTo(store);
  await world.clearLog();
  const unchanged = await crawl(settings, store, nodeArgs);
  check('unchanged: not modified', unchanged.summary.notModified, feeds);
  check('unchanged: answered with 304', (await world.stats()).notModified, feeds);
  check('unchanged: writes to articles', (await writesTo(store)) - before, 0);

  await world.publish(NEW_ENTRIES);
  const changed = await crawl(settings, store, nodeArgs);
  check('changed: fetched', changed.summary.fetched, feeds);
  check('changed: new articles', changed.summary.articlesNew, feeds * NEW_ENTRIES);
  check('changed: changed articles', changed.summary.articlesChanged, 0);
  check('changed: articles in the store', await articlesIn(store), feeds * (entries + NEW_ENTRIES));
  return {
    importing,
    figures: {
      cold: cold.figures,
      unchanged: unchanged.figures,
      changed: changed.figures,
      othersShare: others(),
    },
  };
}

export interface Crawled {
  readonly summary: CrawlSummary;
  readonly figures: PhaseFigures;
}

/** `feedferry crawl --once --force`. Throws BenchFailure where a feed failed. */
export async function crawl(
  settings: Pick<CrawlBenchSettings, 'concurrency'>,
  store: string,
  nodeArgs: readonly string[],
): Promise<Crawled> {
  const flags = ['--once', '--force', '--json', '--host-gap', '0', '--concurrency', String(settings.concurrency)];
  const measured = await measureNode([...NODE_ARGS, ...nodeArgs, FEEDFERRY, 'crawl', ...flags, '--store', store], {
    env: ENV,
    msMax: CRAWL_MS_MAX,
  });
  if (measured.code !== 0) throw new BenchFailure(`the crawl ended with ${measured.code}: ${measured.stderr}`);
  const summary = JSON.parse(measured.stdout) as CrawlSummary;
  if (Object.keys(summary.failed).length > 0) throw new BenchFailure(await failuresIn(store, summary));
  const { articlesNew, articlesChanged, articlesUnchanged } = summary;
  const entries = articlesNew + articlesChanged + articlesUnchanged;
  return { summary, figures: { ...measured, entries, databaseCpuSeconds: null } };
}

const FAILURES_SHOWN = 5;

/** Every feed of the bench's world is sound: a failure is ours, or the machine's, and must be told in full. */
async function failuresIn(url: string, summary: CrawlSummary): Promise<string> {
  await using store = await openStore(url, { mustExist: true });
  const records = await store.feeds.scan({ limit: summary.feeds });
  const told = records.flatMap(({ content }) =>
    content.lastError ? [`${content.url}: ${content.lastError.message}`] : [],
  );
  return [`feeds failed: ${JSON.stringify(summary.failed)}`, ...told.slice(0, FAILURES_SHOWN)].join('\n  ');
}

export async function articlesIn(url: string): Promise<number> {
  await using store = await openStore(url, { mustExist: true });
  return await store.articles.count();
}

/** Numbers that were ever given to writes of articles: a write that changed nothing would still raise it. */
async function writesTo(url: string): Promise<number> {
  await using store = await openStore(url, { mustExist: true });
  return (await store.articles.changes.slots()).reduce((sum, slot) => sum + slot.stable, 0);
}
