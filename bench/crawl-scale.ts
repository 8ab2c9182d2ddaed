/**
 * What a feed costs as feeds become many: cold and unchanged crawls of 1,000, 10,000 and 100,000 small feeds.
 * Cost and peak memory must stay flat. Every crawl is a whole process; the start of one, measured with nothing to crawl, is
 * taken off before the rest is divided by the number of feeds.
 *
 * `npm run bench -- crawl-scale [--feeds 1000,10000,100000] [--entries 3] [--bytes 1500] [--hosts 2000]
 *    [--store sqlite|mongodb] [--concurrency 32]`
 *
 * `--hosts`: at most so many; one request at a time to each.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { check, importFeeds } from './crawl/command.ts';
import { articlesIn, crawl } from './crawl/ours.ts';
import { count, oneOf } from './crawl/settings.ts';
import { DURABILITY, freshStore } from './crawl/store-url.ts';
import { describeMachine, describeVersions } from './measure/machine.ts';
import type { Cost } from './measure/node-process.ts';
import { runBench, say } from './measure/progress.ts';
import { rounded } from './measure/statistics.ts';
import { startWorld } from './measure/world-process.ts';

/** A list of subscriptions may have 16 MiB. */
const FEEDS_PER_LIST = 20_000;

const { values } = parseArgs({
  options: {
    feeds: { type: 'string', default: '1000,10000,100000' },
    entries: { type: 'string', default: '3' },
    bytes: { type: 'string', default: '1500' },
    hosts: { type: 'string', default: '2000' },
    store: { type: 'string', default: 'sqlite' },
    concurrency: { type: 'string', default: '32' },
  },
});
const settings = {
  feeds: values.feeds.split(',').map((one) => count('feeds', one)),
  entries: count('entries', values.entries),
  bytes: count('bytes', values.bytes),
  hosts: count('hosts', values.hosts),
  store: oneOf('store', values.store, ['sqlite', 'mongodb']),
  concurrency: count('concurrency', values.concurrency),
};

await runBench(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-bench-scale-'));
  try {
    const start = await measureStart();
    say(`a start takes ${rounded(start.cpuSeconds)} s of CPU time`);
    const bySize: unknown[] = [];
    for (const feeds of settings.feeds) bySize.push(await measureSize(feeds, start, join(folder, `${feeds}.opml`)));
    return {
      bench: 'crawl-scale',
      machine: describeMachine(),
      versions: describeVersions(),
      settings,
      durability: DURABILITY[settings.store],
      start,
      bySize,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

async function measureStart(): Promise<Cost> {
  await using store = await freshStore(settings.store);
  await crawl(settings, store.url, []);
  return (await crawl(settings, store.url, [])).figures;
}

async function measureSize(feeds: number, start: Cost, opml: string): Promise<unknown> {
  const { entries, bytes, hosts } = settings;
  const size = { feeds, entries, bytes, hosts: Math.min(hosts, feeds) };
  const args = Object.entries(size).flatMap(([name, n]) => [`--${name}`, `${n}`]);
  say(`${feeds} feeds`);
  await using world = await startWorld(args, opml);
  await using store = await freshStore(settings.store);
  await importLists(await world.feeds(), store.url, opml);
  const cold = await crawl(settings, store.url, []);
  check('cold: fetched', cold.summary.fetched, feeds);
  check('cold: articles in the store', await articlesIn(store.url), feeds * entries);
  const unchanged = await crawl(settings, store.url, []);
  check('unchanged: not modified', unchanged.summary.notModified, feeds);
  const report = {
    feeds,
    cold: perFeed(cold.figures, start, feeds),
    unchanged: perFeed(unchanged.figures, start, feeds),
  };
  for (const name of ['cold', 'unchanged'] as const) {
    const { cpuMsPerFeed, wallMsPerFeed, peakMemoryMb } = report[name];
    say(`  ${name}: ${cpuMsPerFeed} ms of CPU time and ${wallMsPerFeed} ms a feed, ${peakMemoryMb} MB at most`);
  }
  return report;
}

async function importLists(feeds: readonly { readonly url: string }[], store: string, opml: string): Promise<void> {
  for (let from = 0; from < feeds.length; from += FEEDS_PER_LIST) {
    const list = feeds.slice(from, from + FEEDS_PER_LIST);
    const outlines = list.map(({ url }) => `<outline type="rss" xmlUrl="${url}"/>`);
    await writeFile(opml, `<opml version="2.0"><body>${outlines.join('')}</body></opml>`);
    await importFeeds(opml, store, list.length);
  }
}

function perFeed({ cpuSeconds, wallSeconds, peakMemoryBytes }: Cost, start: Cost, feeds: number) {
  return {
    cpuMsPerFeed: rounded(((cpuSeconds - start.cpuSeconds) * 1000) / feeds),
    wallMsPerFeed: rounded(((wallSeconds - start.wallSeconds) * 1000) / feeds),
    peakMemoryMb: Math.round(peakMemoryBytes / 1e6),
  };
}
