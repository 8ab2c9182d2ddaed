/**
 * The DocumentDB rig: PostgreSQL with MongoDB's commands on BSON, in a small Debian of its own that is made once and
 * kept, for machines where no mongod can be installed. Root on Debian only.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { onPath, rootEnvironment } from './programs.ts';

const MAKE_SCRIPT = join(import.meta.dirname, 'documentdb-root.sh');
const RUN_SCRIPT = join(import.meta.dirname, 'documentdb-run.sh');

/** Making it takes about 40 s; a slow mirror and another run that makes it at the same time are allowed for. */
const MAKE_MS_MAX = 900_000;
const START_MS_MAX = 60_000;
const SOCKET = '.s.PGSQL.5432';
const LOG_CHARS_MAX = 20_000;

/** Of a Unix socket's path, on Linux. */
const SOCKET_PATH_BYTES_MAX = 107;

/** Namespaces of its own: when the process is killed, all its children, mounts and shared memory go with it. */
const ISOLATED = ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--ipc', '--fork', '--kill-child'];

export interface RunningDocumentDb extends AsyncDisposable {
  /** Where its socket is. */
  readonly folder: string;
  /** Resolves when it ended by itself, with the end of its log. */
  readonly ended: Promise<string>;
}

/** Why the rig cannot run here; undefined: it can. */
export function documentDbObstacle(): string | undefined {
  if (process.platform !== 'linux' || !onPath('apt-get')) return 'the DocumentDB rig needs Debian';
  if (process.getuid?.() !== 0) return 'the DocumentDB rig needs root (it makes a chroot)';
  const missing = ['debootstrap', 'unshare', 'setpriv', 'flock', 'chroot'].filter((name) => !onPath(name));
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : undefined;
}

/** `FEEDFERRY_RIG_DIR`, or a folder that outlives the run; never inside the source tree. */
export function rigFolder(): string {
  return (
    process.env.FEEDFERRY_RIG_DIR ??
    (process.getuid?.() === 0 ? '/var/cache/feedferry-rig' : join(tmpdir(), 'feedferry-rig'))
  );
}

/** Makes the small Debian where it is missing or half-made. `progress` gets a line for people now and then. */
export async function makeDocumentDb(progress: (line: string) => void): Promise<string> {
  const root = join(rigFolder(), 'documentdb');
  const recipe = createHash('sha256').update(readFileSync(MAKE_SCRIPT)).digest('hex');
  mkdirSync(rigFolder(), { recursive: true });
  if (isWhole(root, recipe)) return root;
  const lock = ['flock', '--no-fork', '--timeout', String(MAKE_MS_MAX / 1000), `${root}.lock`];
  const child = spawnLogged([...lock, ...ISOLATED, 'bash', MAKE_SCRIPT, root, recipe], progress);
  const timer = setTimeout(() => child.process.kill('SIGKILL'), MAKE_MS_MAX);
  const log = await child.ended;
  clearTimeout(timer);
  if (child.process.exitCode !== 0) throw new Error(`the DocumentDB rig could not be made\n${log}`);
  return root;
}

function isWhole(root: string, recipe: string): boolean {
  const stamp = join(root, 'feedferry-rig-recipe');
  return existsSync(stamp) && readFileSync(stamp, 'utf8').trim() === recipe;
}

/** Starts a server on a fresh data folder, which is removed when it ends. */
export async function startDocumentDb(root: string): Promise<RunningDocumentDb> {
  removeLeftovers(root);
  const run = `run-${process.pid}-${randomBytes(4).toString('hex')}`;
  const folder = join(root, 'srv', run);
  if (Buffer.byteLength(join(folder, SOCKET)) > SOCKET_PATH_BYTES_MAX) {
    throw new Error(`${root} is too long a path for a socket: name a shorter one in FEEDFERRY_RIG_DIR`);
  }
  const lock = ['flock', '--shared', '--no-fork', `${root}.lock`];
  const child = spawnLogged([...lock, ...ISOLATED, 'sh', RUN_SCRIPT, root, run], () => {});
  const ended = child.ended.finally(() => rmSync(folder, { recursive: true, force: true }));
  try {
    await untilReady(folder, ended);
  } catch (error) {
    child.process.kill('SIGKILL');
    await ended;
    throw error;
  }
  return {
    folder,
    ended,
    async [Symbol.asyncDispose]() {
      child.process.kill('SIGKILL');
      await ended;
    },
  };
}

async function untilReady(folder: string, ended: Promise<string>): Promise<void> {
  let over: string | undefined;
  ended.then((log) => {
    over = log;
  });
  const until = Date.now() + START_MS_MAX;
  for (;;) {
    if (over !== undefined) throw new Error(`DocumentDB did not start\n${over}`);
    if (Date.now() > until) throw new Error(`DocumentDB did not answer within ${START_MS_MAX / 1000} s`);
    if (await answers(folder)) return;
    await delay(50);
  }
}

async function answers(folder: string): Promise<boolean> {
  if (!existsSync(join(folder, SOCKET))) return false;
  const client = new Client({ host: folder, user: 'postgres', database: 'postgres' });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select documentdb_api.binary_version()');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Data folders of runs that were killed. */
function removeLeftovers(root: string): void {
  for (const name of readdirSync(join(root, 'srv'))) {
    const pid = /^run-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`))
      rmSync(join(root, 'srv', name), { recursive: true, force: true });
  }
}

interface LoggedChild {
  readonly process: ChildProcess;
  /** Resolves with the end of its output. */
  readonly ended: Promise<string>;
}

/** `progress` gets the lines that start with `rig: `. */
function spawnLogged(command: readonly string[], progress: (line: string) => void): LoggedChild {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: rootEnvironment() });
  let log = '';
  const take = (chunk: Buffer): void => {
    const text = chunk.toString('utf8');
    log = (log + text).slice(-LOG_CHARS_MAX);
    for (const line of text.split('\n')) if (line.startsWith('rig: ')) progress(line.slice(5));
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(String(error)));
    child.on('close', () => resolve(log));
  });
  return { process: child, ended };
}
