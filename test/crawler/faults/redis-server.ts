/** A Redis of a test's own, on one port all along, to be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { freePort, untilListening } from '../../rig/ports.ts';
import { dyingWithParent, findOnPath } from '../../rig/programs.ts';

const START_MS_MAX = 30_000;

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Knows what it wrote to disk: with `--appendonly no`, nothing. */
  start(): Promise<void>;
}

/** `args`: of redis-server, besides port and folder. */
export async function redisServer(
  t: Test,
  args: readonly string[] = ['--appendonly', 'no'],
): Promise<RedisServer | { skip: string }> {
  const program = findOnPath('redis-server');
  if (program === undefined) return { skip: 'no redis-server on the PATH' };
  const folder = mkdtempSync(join(tmpdir(), 'feedferry-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    const killed = child;
    if (killed === undefined) return;
    child = undefined;
    const ended = killed.exitCode === null && killed.signalCode === null ? once(killed, 'exit') : undefined;
    killed.kill('SIGKILL');
    await ended;
  };
  const start = async (): Promise<void> => {
    const where = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
    const [command = program, ...rest] = dyingWithParent([program, ...where, ...args]);
    const started = spawn(command, rest, { stdio: 'ignore' });
    child = started;
    await untilListening(port, START_MS_MAX, once(started, 'exit'));
  };
  t.teardown(async () => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  });
  await start();
  return { url: `redis://127.0.0.1:${port}`, port, kill, start };
}
