/** Crawlers as processes of their own, over one store and one Redis. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { dyingWithParent, findOnPath } from '../../rig/programs.ts';

export interface WorkerSettings {
  readonly store: string;
  /** Null: a queue in the memory of each. */
  readonly redis: string | null;
  readonly queueName: string;
  readonly claimMs: number;
  readonly gapMs: number;
  readonly hostConnections: number;
  readonly concurrency: number;
  readonly storeWaitMsMax: number;
  /** How far the clock of this process is off. */
  readonly aheadMs: number;
}

export interface Worker {
  readonly child: ChildProcess;
  /** What it printed: `ready`, `trouble CODE MESSAGE`, `well`. */
  readonly lines: string[];
  /** `kill -9`; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it has ended. */
  stop(): Promise<void>;
}

/** Shorter than the real 15 s, so that nobody waits long for a dead worker; long enough for a busy machine. */
export const CLAIM_MS = 3_000;

const STOP_MS_MAX = 15_000;

export function workerSettings(
  store: string,
  redis: string | null,
  more: Partial<WorkerSettings> = {},
): WorkerSettings {
  return {
    ...{ store, redis, queueName: `test-${randomUUID()}`, claimMs: CLAIM_MS, gapMs: 100, hostConnections: 1 },
    ...{ concurrency: 4, storeWaitMsMax: 10_000, aheadMs: 0 },
    ...more,
  };
}

let started = 0;

/** A crawler with one core reads bodies without a second thread: half the memory and start of twenty processes. */
function onOneCore(worker: number): string[] {
  const taskset = findOnPath('taskset');
  return taskset === undefined ? [] : [taskset, '-c', String(worker % availableParallelism())];
}

/** Resolves when it crawls; the test's end ends it. */
export async function startWorker(t: Test, settings: WorkerSettings): Promise<Worker> {
  const script = join(import.meta.dirname, 'worker-child.ts');
  started += 1;
  const program = [...onOneCore(started), process.execPath, script, JSON.stringify(settings)];
  const [command = '', ...args] = dyingWithParent(program);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit').then(() => {});
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    await ended;
    clearTimeout(timer);
  };
  t.teardown(() => end('SIGKILL'));
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    reader.on('line', (line) => {
      lines.push(line);
      resolve();
    });
    void ended.then(() => reject(new Error('the worker ended before it was ready')));
  });
  return { child, lines, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}
