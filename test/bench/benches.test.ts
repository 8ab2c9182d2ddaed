import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { measureOurs } from '../../bench/crawl/ours.ts';
import { type PhaseFigures, type RunFigures, ratios, reportOthers, reportPhases } from '../../bench/crawl/phase.ts';
import { readSettings, worldArguments } from '../../bench/crawl/settings.ts';
import { freshStore } from '../../bench/crawl/store-url.ts';
import { measureNode } from '../../bench/measure/node-process.ts';
import { watchOthers } from '../../bench/measure/others.ts';
import { median, rounded } from '../../bench/measure/statistics.ts';
import { startWorld } from '../../bench/measure/world-process.ts';
import { skipLoudly } from '../rig/skip.ts';

const FOLDER = fileURLToPath(new URL('../../bench/', import.meta.url));
const RUN = join(FOLDER, 'run.ts');

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function bench(...args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [RUN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const out = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (out.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (out.stderr += chunk.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...out })));
}

t.test('without a name the benches are listed, each with a sentence about it', async (t) => {
  const { code, stdout } = await bench();
  t.equal(code, 0);
  const names = (await readdir(FOLDER)).filter((file) => file.endsWith('.ts') && file !== 'run.ts');
  t.ok(names.length >= 3);
  for (const name of names) t.match(stdout, new RegExp(`^  ${name.slice(0, -3)} +\\S.*\\.$`, 'm'));
  t.notMatch(stdout, /^ {2}run /m);
  const wrong = await bench('no-such-bench');
  t.equal(wrong.code, 2);
  t.match(wrong.stderr, 'crawl');
  t.match((await bench('crawl', '--help')).stdout, '--runs');
});

t.test('the crawl bench crawls three times, checks the counts and prints one JSON object', async (t) => {
  const args = ['--feeds', '8', '--entries', '5', '--bytes', '6000', '--runs', '1', '--peer', 'none'];
  const { code, stdout, stderr } = await bench('crawl', ...args);
  t.equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  t.match(report, {
    bench: 'crawl',
    settings: { feeds: 8, hosts: 8, store: 'sqlite' },
    ours: { durability: /NORMAL/ },
  });
  for (const phase of ['cold', 'unchanged', 'changed']) {
    const { wallSeconds, cpuSeconds, peakMemoryBytes, feedsPerSecond } = report.ours[phase];
    t.ok(wallSeconds.median > 0.05 && cpuSeconds.median > 0.05, `${phase}: time was measured`);
    t.ok(peakMemoryBytes.median > 30e6 && peakMemoryBytes.median < 2e9, `${phase}: memory was measured, in bytes`);
    t.ok(Math.abs(feedsPerSecond * wallSeconds.median - 8) < 0.1, `${phase}: the rate follows from the time`);
  }
  t.equal(report.ours.unchanged.articlesPerSecond, null);
  t.ok(report.raw.limits.length >= 9, 'raw limits were measured');
  t.ok(report.raw.floor.coldCpuSeconds > 0);
});

t.test('a crawl that stores another number of articles than it must fails the bench', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-bench-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const settings = readSettings(['--feeds', '3', '--entries', '4', '--bytes', '4000']);
  const opml = join(folder, 'feeds.opml');
  await using world = await startWorld(worldArguments(settings), opml);
  t.equal((await readFile(opml, 'utf8')).match(/xmlUrl/g)?.length, 3);
  await using store = await freshStore('sqlite');
  await t.rejects(measureOurs({ ...settings, entries: 5 }, world, opml, store.url), {
    name: 'BenchFailure',
    message: 'cold: new articles: 12, but it must be 15',
  });
});

t.test('a process is charged for its own CPU time and memory, and an exit code is passed on', async (t) => {
  const busy = 'const end = process.cpuUsage().user + 3e5; while (process.cpuUsage().user < end);';
  const hungry = 'globalThis.kept = Buffer.alloc(150e6, 1); process.exitCode = 3; console.log("done");';
  const idle = await measureNode(['-e', ''], { msMax: 60_000 });
  const measured = await measureNode(['-e', busy + hungry], { msMax: 60_000 });
  t.ok(measured.userSeconds >= 0.3, `${measured.userSeconds} s`);
  t.ok(idle.userSeconds < measured.userSeconds);
  t.ok(measured.peakMemoryBytes > idle.peakMemoryBytes + 140e6);
  t.ok(measured.wallSeconds > 0.3 && measured.cpuSeconds === measured.userSeconds + measured.systemSeconds);
  t.match(measured, { code: 3, stdout: 'done\n' });
  await t.rejects(measureNode(['-e', 'setInterval(() => {}, 1000)'], { msMax: 300 }), /killed after 300 ms/);
});

t.test('what this process and its children work is not taken for the work of others', async (t) => {
  const share = watchOthers();
  const began = performance.now();
  const busy = 'const end = process.cpuUsage().user + 8e5; while (process.cpuUsage().user < end);';
  const { cpuSeconds } = await measureNode(['-e', busy], { msMax: 60_000 });
  const others = share();
  if (others === null) return skipLoudly(t, 'the CPU time of other programs is known on Linux only');
  const ours = cpuSeconds / ((performance.now() - began) / 1000) / cpus().length;
  // Both are counted in ticks of 10 ms.
  t.ok(others >= 0 && others + ours <= 1.1, `${others} and ${ours} of the machine`);
});

t.test('medians, ratios of pairs and rates are computed as they say', async (t) => {
  t.equal(median([5, 1, 3]), 3);
  t.equal(median([4, 1, 3, 2]), 2.5);
  t.ok(Number.isNaN(median([])));
  t.strictSame([rounded(1234.6), rounded(0.0123456), rounded(0)], [1235, 0.01235, 0]);
  const figures = (wallSeconds: number, databaseCpuSeconds: number | null): PhaseFigures => ({
    ...{ wallSeconds, userSeconds: 0, systemSeconds: 0, cpuSeconds: 2, peakMemoryBytes: 100, entries: 300 },
    databaseCpuSeconds,
  });
  const run = (wall: number, database: number | null): RunFigures => {
    const one = figures(wall, database);
    return { cold: one, unchanged: one, changed: one, othersShare: 0.25 };
  };
  const ours = [run(1, null), run(2, null), run(3, null)];
  const theirs = [run(4, 2), run(6, 4), run(30, 6)];
  t.match(reportPhases(ours, 10).cold, { feedsPerSecond: 5, articlesPerSecond: 150, databaseCpuSeconds: null });
  t.match(reportOthers(ours), { median: 0.25, runs: 3 });
  t.match(ratios(ours, theirs).cold, { wall: { median: 4, min: 3, max: 10, runs: 3 }, cpu: { median: 3 } });
});

t.test('settings that make no sense are refused', async (t) => {
  t.throws(() => readSettings(['--feeds', '0']), TypeError);
  t.throws(() => readSettings(['--store', 'paper']), TypeError);
  t.throws(() => readSettings(['--nonsense']), TypeError);
  t.match(readSettings(['--feeds', '7']), { feeds: 7, hosts: 7, runs: 3, peer: 'miniflux' });
});
