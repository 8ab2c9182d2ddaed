/** A real mongod on a free port with a data folder of its own, which goes when it ends. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, untilListening } from './ports.ts';

const START_TRIES_MAX = 3;
const START_MS_MAX = 30_000;

export interface Mongod extends AsyncDisposable {
  readonly url: string;
}

/** Tries another port where the free one was taken in the meantime. Throws where it does not start. */
export async function startMongod(program: string): Promise<Mongod> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(program);
    } catch (error) {
      if (attempt === START_TRIES_MAX) throw error;
    }
  }
}

async function startOnce(program: string): Promise<Mongod> {
  const folder = mkdtempSync(join(tmpdir(), 'feedferry-mongod-'));
  const port = await freePort();
  const args = [
    '--dbpath',
    folder,
    '--port',
    String(port),
    '--bind_ip',
    '127.0.0.1',
    '--quiet',
    '--logpath',
    join(folder, 'log'),
  ];
  const child = spawn(program, args, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('exit', () => resolve());
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
  return { url: `mongodb://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}
