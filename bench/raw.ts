/**
 * What the libraries under a crawl can do alone, each on one core: fetch, decompress, parse, sanitize, insert.
 * A crawler does all of these to every feed, and more; the sum of their times is what it cannot beat with them.
 *
 * `npm run bench -- raw [--feeds 2000] [--entries 30] [--bytes 60000] [--runs 3] [--seed 1] [--urls FILE]`
 * `--urls`: fetch these (JSON list) from a world that runs already, rather than from one of its own.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { entriesAt, renderFeed } from './feed-world/render.ts';
import { makeWorld, type World } from './feed-world/world.ts';
import { describeMachine, describeVersions } from './measure/machine.ts';
import { runBench, say } from './measure/progress.ts';
import { rounded } from './measure/statistics.ts';
import { startWorld } from './measure/world-process.ts';
import { parseLimits, sanitizeLimit } from './raw/document-limits.ts';
import { fetchLimits } from './raw/fetch-limits.ts';
import { insertLimits, type Row } from './raw/insert-limits.ts';
import type { Limit } from './raw/rate.ts';

const FORMATS = { atom: 0.3 } as const;
const ORIGIN = 'http://127.16.0.1:8088';

await runBench(async () => {
  const { values } = parseArgs({
    options: {
      feeds: { type: 'string', default: '2000' },
      entries: { type: 'string', default: '30' },
      bytes: { type: 'string', default: '60000' },
      runs: { type: 'string', default: '3' },
      seed: { type: 'string', default: '1' },
      urls: { type: 'string' },
    },
  });
  const [feeds, entries, bytes] = [Number(values.feeds), Number(values.entries), Number(values.bytes)];
  const [runs, seed] = [Number(values.runs), Number(values.seed)];
  const world = makeWorld({ feeds, entries, bytes, seed, formats: FORMATS });
  const limits = [
    ...(await fetching(world, values.urls, runs)),
    ...(await parsing(world, runs)),
    ...(await articleLimits(world, runs)),
  ];
  for (const { what, perCpuSecond, per } of limits) say(`${what}: ${perCpuSecond} ${per} in a second of CPU`);
  return {
    bench: 'raw',
    machine: describeMachine(),
    versions: describeVersions(),
    settings: { feeds, entries, bytes, seed, formats: FORMATS, runs },
    limits,
    floor: floorOf(limits),
  };
});

async function fetching(world: World, urlsFile: string | undefined, runs: number): Promise<Limit[]> {
  say('fetching');
  if (urlsFile !== undefined) return fetchLimits(JSON.parse(readFileSync(urlsFile, 'utf8')) as string[], runs);
  const folder = mkdtempSync(join(tmpdir(), 'feedferry-bench-raw-'));
  try {
    const { feeds, entries, bytes, seed } = world.options;
    const args = Object.entries({ feeds, entries, bytes, seed }).flatMap(([name, value]) => [`--${name}`, `${value}`]);
    await using served = await startWorld([...args, '--format', `atom=${FORMATS.atom}`], join(folder, 'feeds.opml'));
    const urls = (await served.feeds()).map((feed) => feed.url);
    return await fetchLimits(urls, runs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function parsing(world: World, runs: number): Promise<Limit[]> {
  say('parsing');
  const documents = world.feeds
    .filter((feed) => feed.format !== 'json')
    .map((feed) => renderFeed(world.options, feed, world.step(feed), ORIGIN).body.toString('utf8'));
  return parseLimits(documents, runs);
}

async function articleLimits(world: World, runs: number): Promise<Limit[]> {
  say('sanitizing and inserting');
  const rows: Row[] = world.feeds.flatMap((feed) =>
    entriesAt(world.options, feed, world.step(feed), ORIGIN).map((entry) => ({
      id: entry.guid,
      feed: feed.slug,
      at: entry.publishedMs,
      title: entry.title,
      html: entry.html,
      text: entry.html.replaceAll(/<[^>]*>/g, ' '),
    })),
  );
  return [
    await sanitizeLimit(
      rows.map((row) => row.html),
      runs,
    ),
    ...(await insertLimits(rows, runs)),
  ];
}

/** CPU seconds that a crawl of all these feeds must spend on one core if it used these libraries and did nothing else. */
function floorOf(limits: readonly Limit[]): Record<string, number> {
  const seconds = (start: string): number => limits.find((limit) => limit.what.startsWith(start))?.cpuSeconds ?? 0;
  const fetching = seconds('undici, whole feeds as gzip') + seconds('node:zlib');
  const parsing = seconds('fast-xml-parser, preserveOrder');
  return {
    coldCpuSeconds: rounded(
      fetching + parsing + seconds('sanitize-html') + seconds('node:sqlite, WAL, synchronous=NORMAL'),
    ),
    unchangedCpuSeconds: rounded(seconds('undici, 304s')),
    changedCpuSeconds: rounded(fetching + parsing),
  };
}
