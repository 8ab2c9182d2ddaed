/**
 * `npm run demo`: Feedferry with something to read, without any internet. Starts a small world of feeds, a Feedferry with
 * a store of its own in the temp folder, and lets time go on. Ctrl-C ends all and removes the store.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DEMO_CAST } from './demo-cast/cast.ts';
import { type RunningWorld, serveWorld } from './server.ts';
import { makeWorld } from './world.ts';

const FEEDFERRY = fileURLToPath(new URL('../../cli/feedferry.ts', import.meta.url));
const MINUTE = 60_000;
const TICK_MS = 500;
const READY_MS_MAX = 60_000;
/** `serve` promises to end within 10 s. */
const STOP_MS_MAX = 15_000;
const HELP = `Feedferry with ${DEMO_CAST.length} made-up feeds that keep publishing.

  npm run demo                    on http://localhost:8080
  npm run demo -- --port 9000
  npm run demo -- --speed 10      ten times as much news
`;

const { values } = parseArgs({
  options: { port: { type: 'string' }, speed: { type: 'string' }, help: { type: 'boolean' } },
});
const port = Number(values.port ?? 8080);
const speed = Number(values.speed ?? 1);

if (values.help) process.stdout.write(HELP);
else if (!Number.isInteger(port) || port < 1 || port > 65_535) fail(2, '--port must be from 1 to 65535');
else if (!(speed > 0 && speed <= 10_000)) fail(2, '--speed must be above 0, at most 10000');
else if (await isTaken(port)) fail(1, `Port ${port} is in use. Choose another: npm run demo -- --port ${port + 1}`);
else await runDemo();

async function runDemo(): Promise<void> {
  const interrupted = untilInterrupted();
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-demo-'));
  const world = await startWorld();
  try {
    const opml = join(folder, 'feeds.opml');
    await writeFile(opml, world.opml());
    const store = `sqlite:${join(folder, 'demo.db')}`;
    if ((await ended(feedferry(['feeds', 'import', opml, '--store', store]))) !== 0)
      return fail(1, 'The import failed');
    const serve = feedferry([
      ...['serve', '--store', store, '--listen', String(port), '--log-level', 'warn'],
      ...['--min-interval', '20s', '--max-interval', '1m', '--host-gap', '0'],
    ]);
    const ending = ended(serve);
    process.on('exit', () => serve.kill('SIGKILL'));
    if (!(await isReady(ending))) return fail(1, 'Feedferry did not start');
    console.log(`\nFeedferry is at http://localhost:${port}
${DEMO_CAST.length} feeds, a new article every few seconds. ${world.feeds[0]?.siteUrl ?? ''} is one of the sites.
Ctrl-C ends the demo.\n`);
    await Promise.race([interrupted, ending]);
    serve.kill('SIGTERM');
    await Promise.race([ending, delay(STOP_MS_MAX, null, { ref: false })]);
  } finally {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A day's news in ten minutes, at usual speed: each feed has something every one to four. */
async function startWorld(): Promise<RunningWorld> {
  const world = await serveWorld(
    makeWorld({
      feeds: DEMO_CAST.length,
      cast: DEMO_CAST,
      formats: {},
      entries: 14,
      bytes: 14 * 1900,
      startMs: Date.now(),
      intervalMinMs: MINUTE,
      intervalMaxMs: 4 * MINUTE,
      historyIntervalMs: 420 * MINUTE,
      editShare: 0.1,
    }),
    { control: false },
  );
  let last = performance.now();
  const ticking = setInterval(() => {
    const now = performance.now();
    world.advance(Math.round((now - last) * speed));
    last = now;
  }, TICK_MS);
  const close = async (): Promise<void> => {
    clearInterval(ticking);
    await world.close();
  };
  return { ...world, close, [Symbol.asyncDispose]: close };
}

/** In a process group of its own: Ctrl-C is for the demo, which ends it in good order. */
function feedferry(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [FEEDFERRY, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
    env: { ...process.env, FEEDFERRY_ALLOW_PRIVATE_NETWORKS: '127.0.0.0/8' },
  });
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.on('error', () => resolve(1));
    child.on('exit', (code) => resolve(code));
  });
}

async function isReady(ending: Promise<unknown>): Promise<boolean> {
  let over = false;
  ending.then(() => {
    over = true;
  });
  const until = performance.now() + READY_MS_MAX;
  while (!over && performance.now() < until) {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => null);
    if (answer?.ok) return true;
    await delay(100);
  }
  return false;
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(true));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(false)));
  });
}

function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.on('SIGINT', () => resolve());
    process.on('SIGTERM', () => resolve());
  });
}

function fail(code: number, message: string): void {
  console.error(message);
  process.exitCode = code;
}
