/** One cold crawl by several processes: one store, and one queue in Redis, which holds the feeds and the hosts' budgets. */
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { CrawlSummary } from '../../crawler/crawler.ts';
import { SETTLE_MS } from '../../crawler/queue/bullmq.ts';
import { openQueue } from '../../crawler/queue/open.ts';
import { openStore } from '../../store/open.ts';
import { redisUrl } from '../../test/rig/redis.ts';
import { type Measured, measureNode } from '../measure/node-process.ts';
import { machineCpuSeconds } from '../measure/proc.ts';
import { BenchFailure, say } from '../measure/progress.ts';
import { rounded, spread } from '../measure/statistics.ts';
import type { WorldProcess } from '../measure/world-process.ts';
import { CRAWL_MS_MAX, check, ENV, FEEDFERRY, importFeeds, NODE_ARGS } from './command.ts';
import { articlesIn } from './ours.ts';
import type { CrawlBenchSettings } from './settings.ts';
import { DURABILITY, freshStore } from './store-url.ts';

interface WorkersRun {
  readonly workers: number;
  readonly wallSeconds: number;
  /** Of the workers alone: without the feed world, Redis, and a database server. */
  readonly cpuSeconds: number;
  /** Share of all cores that was busy meanwhile, whoever kept it so. */
  readonly machineShare: number | null;
  /** Of the largest worker. */
  readonly peakMemoryBytes: number;
  /** Of the worker that did least, and of the one that did most. */
  readonly feeds: readonly [number, number];
}

/** Runs alternate (1, 2, 4, 1, 2, 4, ...). Throws BenchFailure where an article is missing, doubled, or fetched twice. */
export async function measureWorkers(
  settings: CrawlBenchSettings,
  counts: readonly number[],
  world: WorldProcess,
  opml: string,
): Promise<Record<string, unknown>> {
  const runs: WorkersRun[] = [];
  for (let run = 1; run <= settings.runs; run += 1) {
    for (const workers of counts) {
      const one = await crawlTogether(settings, workers, world, opml);
      runs.push(one);
      const { wallSeconds, cpuSeconds, machineShare, peakMemoryBytes } = one;
      const busy = machineShare === null ? '' : `, machine ${Math.round(machineShare * 100)} % busy`;
      say(
        `run ${run} of ${settings.runs}, ${workers} workers: ${rounded(settings.feeds / wallSeconds)} feeds/s ` +
          `(${rounded(wallSeconds)} s, CPU ${rounded(cpuSeconds)} s, ${Math.round(peakMemoryBytes / 1e6)} MB${busy})`,
      );
    }
  }
  return {
    durability: DURABILITY[settings.store],
    queue: 'redis, one request a host, no gap',
    byWorkers: counts.map((workers) =>
      report(
        settings,
        runs.filter((run) => run.workers === workers),
      ),
    ),
  };
}

function report({ feeds }: CrawlBenchSettings, runs: readonly WorkersRun[]): Record<string, unknown> {
  const of = (pick: (run: WorkersRun) => number) => spread(runs.map(pick));
  return {
    workers: runs[0]?.workers,
    feedsPerSecond: of((run) => feeds / run.wallSeconds),
    feedsPerCpuSecond: of((run) => feeds / run.cpuSeconds),
    wallSeconds: of((run) => run.wallSeconds),
    cpuSeconds: of((run) => run.cpuSeconds),
    machineShare: of((run) => run.machineShare ?? Number.NaN),
    peakMemoryBytesOfLargest: of((run) => run.peakMemoryBytes),
    feedsOfWorkers: runs.map((run) => run.feeds),
  };
}

async function crawlTogether(
  settings: CrawlBenchSettings,
  workers: number,
  world: WorldProcess,
  opml: string,
): Promise<WorkersRun> {
  const redis = await redisUrl();
  if ('skip' in redis) throw new BenchFailure(`no Redis to measure with: ${redis.skip}`);
  await using store = await freshStore(settings.store);
  await importFeeds(opml, store.url, settings.feeds);
  await settleQueue(redis.url, store.url);
  await world.clearLog();
  const { busy, summaries, measured, wallSeconds } = await together(settings, workers, store.url, redis.url);
  const fetched = summaries.map((summary) => summary.fetched);
  check('fetched by all', sum(fetched), settings.feeds);
  check('answers of the feed world', (await world.stats()).feedRequests, settings.feeds);
  check('new articles', sum(summaries.map((summary) => summary.articlesNew)), settings.feeds * settings.entries);
  check('articles in the store', await articlesIn(store.url), settings.feeds * settings.entries);
  return {
    workers,
    wallSeconds,
    cpuSeconds: sum(measured.map((one) => one.cpuSeconds)),
    machineShare: busy === null ? null : busy / (wallSeconds * cpus().length),
    peakMemoryBytes: Math.max(...measured.map((one) => one.peakMemoryBytes)),
    feeds: [Math.min(...fetched), Math.max(...fetched)],
  };
}

/** In a queue that is new to its Redis nobody claims for some seconds (docs/queue.md): that is no part of a crawl. */
async function settleQueue(redis: string, storeUrl: string): Promise<void> {
  await using store = await openStore(storeUrl);
  const hosts = { connections: 1, gapMs: 0 };
  await using queue = await openQueue(redis, { clock: Date.now, hosts, site: store.site });
  await queue.counts();
  await delay(SETTLE_MS);
}

/** Every worker adds all feeds that are due to the queue, where each is there once, and ends when the queue is empty. */
async function together(settings: CrawlBenchSettings, workers: number, store: string, queue: string) {
  const flags = ['--once', '--json', '--host-gap', '0', '--concurrency', String(settings.concurrency)];
  const args = [...NODE_ARGS, FEEDFERRY, 'crawl', ...flags, '--store', store, '--queue', queue];
  const before = machineCpuSeconds();
  const began = performance.now();
  const measured = await Promise.all(
    Array.from({ length: workers }, () => measureNode(args, { env: ENV, msMax: CRAWL_MS_MAX })),
  );
  const wallSeconds = (performance.now() - began) / 1000;
  const after = machineCpuSeconds();
  const busy = before === undefined || after === undefined ? null : after - before;
  return { busy, wallSeconds, measured, summaries: measured.map(summaryOf) };
}

function summaryOf({ code, stdout, stderr }: Measured): CrawlSummary {
  if (code !== 0) throw new BenchFailure(`a worker ended with ${code}: ${stderr}`);
  const summary = JSON.parse(stdout) as CrawlSummary;
  if (Object.keys(summary.failed).length > 0) throw new BenchFailure(`feeds failed: ${JSON.stringify(summary.failed)}`);
  return summary;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
