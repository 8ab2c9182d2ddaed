/** `feedferry` as a real process in a folder of its own, with none of the settings of whoever runs the tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

const ENTRY = fileURLToPath(new URL('../../cli/feedferry.ts', import.meta.url));

/** Longest life of one process of a test, in ms. */
const PROCESS_MS_MAX = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once stdout and stderr so far match; rejects where the process ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
}

export interface Cli {
  /** The working directory, removed when the test ends. */
  readonly folder: string;
  run(args: readonly string[], options?: { input?: string | Buffer; env?: Record<string, string> }): Promise<Ended>;
  start(args: readonly string[], env?: Record<string, string>): Started;
}

export async function cliFor(t: Test): Promise<Cli> {
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-cli-'));
  const alive = new Set<Started>();
  t.teardown(async () => {
    for (const { child, ended } of alive) {
      child.kill('SIGKILL');
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  });
  const start: Cli['start'] = (args, env = {}) => {
    const started = startProcess(folder, args, env);
    alive.add(started);
    void started.ended.then(() => alive.delete(started));
    return started;
  };
  return {
    folder,
    start,
    run(args, { input = '', env = {} } = {}) {
      const { child, ended } = start(args, env);
      child.stdin?.on('error', () => {}); // It may end without reading.
      child.stdin?.end(input);
      return ended;
    },
  };
}

function startProcess(cwd: string, args: readonly string[], env: Record<string, string>): Started {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('FEEDFERRY_') && name !== 'NODE_OPTIONS',
  );
  const child = spawn(process.execPath, [ENTRY, ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), FEEDFERRY_ALLOW_PRIVATE_NETWORKS: '127.0.0.0/8', ...env },
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), PROCESS_MS_MAX);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
  });
  const until = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(stdout + stderr);
        if (match !== null) resolve(match);
      };
      child.stdout.on('data', look);
      child.stderr.on('data', look);
      look();
      void ended.then(({ code }) => reject(new Error(`ended with ${code} before ${pattern}:\n${stdout}${stderr}`)));
    });
  return { child, ended, until };
}
