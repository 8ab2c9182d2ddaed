/** A server program on a free port of 127.0.0.1, with a data folder of its own that goes when it ends. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { freePort, untilListening } from './ports.ts';
import { dyingWithParent } from './programs.ts';

/** A free port may be taken by somebody else before the program listens on it. */
const START_TRIES_MAX = 3;
const START_MS_MAX = 30_000;

export interface Daemon {
  readonly port: number;
  stop(): Promise<void>;
}

/** Throws where it does not listen in time. */
export async function startDaemon(
  program: string,
  args: (port: number, folder: string) => readonly string[],
): Promise<Daemon> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(program, args);
    } catch (error) {
      if (attempt === START_TRIES_MAX) throw error;
    }
  }
}

async function startOnce(program: string, args: (port: number, folder: string) => readonly string[]): Promise<Daemon> {
  const folder = mkdtempSync(join(tmpdir(), `feedferry-${basename(program)}-`));
  const port = await freePort();
  const [command = program, ...rest] = dyingWithParent([program, ...args(port, folder)]);
  const child = spawn(command, rest, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  }).finally(() => rmSync(folder, { recursive: true, force: true }));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  try {
    await untilListening(port, START_MS_MAX, ended);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, stop };
}
