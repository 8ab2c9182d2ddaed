/**
 * A crawl of many feeds: everything new, nothing new, two new entries a feed; against raw limits and a peer.
 * Every crawl is a whole `feedferry crawl --once` under measurement; the feeds come from a feed world in a process of its
 * own. Counts are checked: a crawl that stored the wrong number of articles fails the bench.
 *
 * `npm run bench -- crawl [--feeds 2000] [--entries 30] [--bytes 60000] [--hosts N] [--seed 1] [--no-gzip] [--runs 3]
 *    [--store sqlite|mongodb] [--peer miniflux|none] [--peer-durability lazy|sync] [--concurrency 32] [--no-raw]
 *    [--calm SECONDS] [--profile FOLDER] [--workers 1,2,4]`
 *
 * `--hosts`: default one for each feed. `--calm`: before each pair of runs, wait (at most so long) until other programs
 * leave the machine alone. `--profile`: one more run, of which Node's CPU profiles go into the folder. `--workers`: cold crawls alone, by so many processes each over one
 * queue in Redis.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { measureOurs, type OurRun } from './crawl/ours.ts';
import { NEW_ENTRIES, PHASES, type RunFigures, ratios, reportOthers, reportPhases } from './crawl/phase.ts';
import { type CrawlBenchSettings, FORMATS, readSettings, worldArguments } from './crawl/settings.ts';
import { DURABILITY, freshStore } from './crawl/store-url.ts';
import { measureWorkers } from './crawl/workers.ts';
import { describeMachine, describeVersions } from './measure/machine.ts';
import { untilCalm } from './measure/others.ts';
import { runBench, say } from './measure/progress.ts';
import { rounded, spread } from './measure/statistics.ts';
import { startWorld, type WorldProcess } from './measure/world-process.ts';
import { findMiniflux, type Miniflux, measureMiniflux } from './miniflux/measure.ts';

await runBench(async () => {
  const settings = readSettings(process.argv.slice(2));
  const machine = describeMachine();
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-bench-crawl-'));
  try {
    const opml = join(folder, 'feeds.opml');
    say(`making a world of ${settings.feeds} feeds`);
    await using world = await startWorld(worldArguments(settings), opml);
    if (settings.workers !== null) {
      const measured = await measureWorkers(settings, settings.workers, world, opml);
      return { bench: 'crawl', machine, versions: describeVersions(), settings, ...measured };
    }
    const peer = settings.peer === 'none' ? undefined : findMiniflux();
    if (settings.peer !== 'none' && peer === undefined)
      say('Miniflux: not found (npm run bench -- peer-miniflux --make)');
    const { ours, theirs } = await measureRuns(settings, world, opml, peer);
    const raw = settings.raw ? await measureRaw(settings, world, folder) : null;
    if (settings.profile !== null) await profile(settings, world, opml, settings.profile);
    return report(settings, machine, ours, theirs, peer, raw);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** Ours, then theirs, then ours again: what disturbs one run disturbs its neighbour too. */
async function measureRuns(
  settings: CrawlBenchSettings,
  world: WorldProcess,
  opml: string,
  peer: Miniflux | undefined,
): Promise<{ ours: OurRun[]; theirs: RunFigures[] }> {
  const ours: OurRun[] = [];
  const theirs: RunFigures[] = [];
  for (let run = 1; run <= settings.runs; run += 1) {
    if (settings.calm > 0 && !(await untilCalm(settings.calm * 1000)))
      say('others are at work all the time: measuring now');
    await using store = await freshStore(settings.store);
    const mine = await measureOurs(settings, world, opml, store.url);
    ours.push(mine);
    tell(`run ${run} of ${settings.runs}, Feedferry`, mine.figures);
    if (peer === undefined) continue;
    const other = await measureMiniflux(peer, settings, world, opml);
    theirs.push(other);
    tell(`run ${run} of ${settings.runs}, Miniflux`, other);
  }
  return { ours, theirs };
}

function tell(who: string, figures: RunFigures): void {
  const parts = PHASES.map((phase) => {
    const { wallSeconds, cpuSeconds, databaseCpuSeconds, peakMemoryBytes } = figures[phase];
    const database = databaseCpuSeconds === null ? '' : ` + ${rounded(databaseCpuSeconds)} s in its database`;
    return `${phase} ${rounded(wallSeconds)} s (CPU ${rounded(cpuSeconds)} s${database}, ${Math.round(peakMemoryBytes / 1e6)} MB)`;
  });
  const others =
    figures.othersShare === null ? '' : `; others took ${Math.round(figures.othersShare * 100)} % of the machine`;
  say(`${who}: ${parts.join(', ')}${others}`);
}

async function measureRaw(settings: CrawlBenchSettings, world: WorldProcess, folder: string): Promise<unknown> {
  say('raw limits');
  const urls = join(folder, 'urls.json');
  await writeFile(urls, JSON.stringify((await world.feeds()).map((feed) => feed.url)));
  const { feeds, entries, bytes, seed, runs } = settings;
  const args = Object.entries({ feeds, entries, bytes, seed, runs }).flatMap(([name, n]) => [`--${name}`, `${n}`]);
  const script = join(import.meta.dirname, 'raw.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...args, '--urls', urls]);
  const { limits, floor } = JSON.parse(stdout) as Record<string, unknown>;
  return { limits, floor };
}

async function profile(settings: CrawlBenchSettings, world: WorldProcess, opml: string, to: string): Promise<void> {
  say(`one more run for the CPU profiles in ${to}`);
  await using store = await freshStore(settings.store);
  await measureOurs(settings, world, opml, store.url, ['--cpu-prof', '--cpu-prof-dir', to]);
}

function report(
  settings: CrawlBenchSettings,
  machine: Record<string, unknown>,
  ours: readonly OurRun[],
  theirs: readonly RunFigures[],
  peer: Miniflux | undefined,
  raw: unknown,
): Record<string, unknown> {
  const figures = ours.map((run) => run.figures);
  return {
    bench: 'crawl',
    machine,
    versions: describeVersions(),
    settings: { ...settings, formats: FORMATS, newEntries: NEW_ENTRIES },
    ours: {
      durability: DURABILITY[settings.store],
      ...reportPhases(figures, settings.feeds),
      othersShareOfMachine: reportOthers(figures),
      importSeconds: spread(ours.map((run) => run.importing.wallSeconds)),
    },
    peer: peer && {
      ...{ name: 'Miniflux', version: peer.version, database: peer.database },
      durability: peer.durabilityText(settings.peerDurability),
      ...reportPhases(theirs, settings.feeds),
      othersShareOfMachine: reportOthers(theirs),
    },
    raw,
    ratios: {
      'peer/ours (above 1: Feedferry takes less)': theirs.length > 0 ? ratios(figures, theirs) : null,
      'ours/raw floor, CPU': raw === null ? null : overFloor(figures, (raw as { floor: Record<string, number> }).floor),
    },
  };
}

/** How many times the CPU of the bare libraries a whole crawl needs. */
function overFloor(figures: readonly RunFigures[], floor: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    PHASES.map((phase) => {
      const { median } = spread(figures.map((run) => run[phase].cpuSeconds));
      return [phase, rounded(median / (floor[`${phase}CpuSeconds`] ?? Number.NaN))];
    }),
  );
}
