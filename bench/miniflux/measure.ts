import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../test/rig/ports.ts';
import { NEW_ENTRIES, type PhaseFigures, type RunFigures } from '../crawl/phase.ts';
import type { CrawlBenchSettings } from '../crawl/settings.ts';
import { watchOthers } from '../measure/others.ts';
import { endedChildrenCpuSeconds, peakMemoryOf } from '../measure/proc.ts';
import { BenchFailure } from '../measure/progress.ts';
import type { WorldProcess } from '../measure/world-process.ts';
import { type PeerDatabase, startDatabase } from './database.ts';
import { isThere, minifluxRoot } from './root.ts';

export interface Miniflux {
  readonly root: string;
  readonly version: string;
  readonly database: string;
  durabilityText(durability: CrawlBenchSettings['peerDurability']): string;
}

const LOGIN = { ADMIN_USERNAME: 'bench', ADMIN_PASSWORD: 'bench-bench' } as const;
const READY_MS_MAX = 60_000;
const REFRESH_MS_MAX = 600_000;
const WATCH_MS = 20;

/** The peer where it is installed; undefined: not found. */
export function findMiniflux(): Miniflux | undefined {
  const root = minifluxRoot();
  if (!isThere(root)) return undefined;
  const inside = (program: string): string => execFileSync('chroot', [root, 'sh', '-c', program], { encoding: 'utf8' });
  return {
    root,
    version: inside('miniflux -version').trim(),
    database: inside('/usr/lib/postgresql/*/bin/postgres --version').trim(),
    durabilityText: (durability) =>
      durability === 'sync'
        ? 'synchronous_commit=on, fsync=on: a power cut takes nothing that was committed'
        : 'synchronous_commit=off, fsync=on: survives kill -9, a power cut may take the last moments',
  };
}

/** The same three crawls, with a database of its own. Throws BenchFailure where a count is not what it must be. */
export async function measureMiniflux(
  peer: Miniflux,
  settings: CrawlBenchSettings,
  world: WorldProcess,
  opml: string,
): Promise<RunFigures> {
  const { feeds, entries } = settings;
  const commit = settings.peerDurability === 'sync' ? 'on' : 'off';
  await using database = await startDatabase(peer.root, [`synchronous_commit = ${commit}`]);
  const env = environment(database, settings);
  await importFeeds(peer, env, opml);
  check('feeds', await database.count('feeds'), feeds);
  await database.giveIcons();
  const refresh = async (looksAt: number): Promise<PhaseFigures> => {
    await finish(start(peer, env, ['-reset-feed-next-check-at']));
    return { ...(await measureRefresh(peer, env, database)), entries: looksAt };
  };

  await world.clearLog();
  const others = watchOthers();
  const cold = await refresh(feeds * entries);
  check('cold: requests', (await world.stats()).requests, feeds);
  check('cold: entries', await database.count('entries'), feeds * entries);
  await world.clearLog();
  const unchanged = await refresh(0);
  check('unchanged: answered with 304', (await world.stats()).notModified, feeds);
  await world.publish(NEW_ENTRIES);
  const changed = await refresh(feeds * entries);
  check('changed: entries', await database.count('entries'), feeds * (entries + NEW_ENTRIES));
  // Before the database ends, which takes the count of its CPU time with it.
  return { cold, unchanged, changed, othersShare: others() };
}

function environment(database: PeerDatabase, settings: CrawlBenchSettings): Record<string, string> {
  return {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    DATABASE_URL: database.url,
    FETCHER_ALLOW_PRIVATE_NETWORKS: '1',
    DISABLE_SCHEDULER_SERVICE: '1',
    BATCH_SIZE: '100000',
    WORKER_POOL_SIZE: String(settings.concurrency),
    POLLING_PARSING_ERROR_LIMIT: '0',
    LOG_LEVEL: 'error',
  };
}

async function importFeeds(peer: Miniflux, env: Record<string, string>, opml: string): Promise<void> {
  const address = `127.0.0.1:${await freePort()}`;
  const extra = { ...LOGIN, RUN_MIGRATIONS: '1', CREATE_ADMIN: '1', LISTEN_ADDR: address };
  const server = start(peer, { ...env, ...extra }, []);
  try {
    await untilReady(`http://${address}/healthcheck`);
    const response = await fetch(`http://${address}/v1/import`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${LOGIN.ADMIN_USERNAME}:${LOGIN.ADMIN_PASSWORD}`)}` },
      body: await readFile(opml),
    });
    if (!response.ok) throw new BenchFailure(`Miniflux's import: ${response.status} ${await response.text()}`);
  } finally {
    server.kill('SIGTERM');
    await exitOf(server);
  }
}

/** One `miniflux -refresh-feeds`, and what it cost it and its database. */
async function measureRefresh(
  peer: Miniflux,
  env: Record<string, string>,
  database: PeerDatabase,
): Promise<Omit<PhaseFigures, 'entries'>> {
  const [cpuBefore, databaseBefore] = [endedChildrenCpuSeconds(), database.cpuSeconds()];
  const began = performance.now();
  const child = start(peer, env, ['-refresh-feeds']);
  let peakMemoryBytes = 0;
  const watching = setInterval(() => {
    peakMemoryBytes = peakMemoryOf(child.pid ?? 0) ?? peakMemoryBytes;
  }, WATCH_MS);
  const timer = setTimeout(() => child.kill('SIGKILL'), REFRESH_MS_MAX);
  await finish(child);
  const wallSeconds = (performance.now() - began) / 1000;
  clearInterval(watching);
  clearTimeout(timer);
  const cpuSeconds = endedChildrenCpuSeconds() - cpuBefore;
  const databaseCpuSeconds = database.cpuSeconds() - databaseBefore;
  return { wallSeconds, userSeconds: 0, systemSeconds: 0, cpuSeconds, databaseCpuSeconds, peakMemoryBytes };
}

function start(peer: Miniflux, env: Record<string, string>, args: readonly string[]): ChildProcess {
  return spawn('chroot', [peer.root, '/usr/bin/miniflux', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
}

async function finish(child: ChildProcess): Promise<void> {
  const code = await exitOf(child);
  if (code !== 0) throw new BenchFailure(`${child.spawnargs.join(' ')} ended with ${code}`);
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

async function untilReady(url: string): Promise<void> {
  const until = performance.now() + READY_MS_MAX;
  for (;;) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
    if (performance.now() > until) throw new BenchFailure('Miniflux did not start');
    await delay(50);
  }
}

function check(what: string, got: number, wanted: number): void {
  if (got !== wanted) throw new BenchFailure(`Miniflux, ${what}: ${got}, but it must be ${wanted}`);
}
