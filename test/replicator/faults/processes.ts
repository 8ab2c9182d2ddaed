/** Starts the processes of these tests, and reads what they say and note. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import type { Store } from '../../../store/contract.ts';
import { DATABASE_NAMES } from '../../../store/documents.ts';
import { canonicalJson } from '../../../store/envelope.ts';
import { until } from '../../rig/until.ts';
import { documentsOf } from '../sending/pair.ts';
import type { Plan } from './replicating.ts';

const REPLICATING = fileURLToPath(new URL('./replicating.ts', import.meta.url));
const WRITING = fileURLToPath(new URL('./writing.ts', import.meta.url));

export interface Running {
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  /** Resolves once it has said this; throws where it ended without. */
  said(pattern: RegExp): Promise<void>;
  output(): string;
  /** Resolves with the signal that ended it, or its exit code. */
  readonly ended: Promise<string | number | null>;
  /** Asks it to finish, and waits. */
  finish(): Promise<void>;
}

export interface Replicating extends Running {
  /** `DATABASE/ID@VERSION` of every document that was sent so far. */
  sent(): string[];
}

const FOREVER: Plan = { point: 'never', times: 1, isTailing: false, signal: 'SIGKILL', once: false };

export function replicate(t: Test, from: string, to: string, plan: Partial<Plan> = {}): Replicating {
  const folder = mkdtempSync(join(tmpdir(), 'feedferry-faults-log-'));
  // A file takes what was written before the kill; a pipe is a socket here, and loses it.
  const path = join(folder, 'log');
  const log = openSync(path, 'a');
  const running = run(t, [REPLICATING, from, to, JSON.stringify({ ...FOREVER, ...plan })], log);
  closeSync(log);
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const sent = () => {
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    return lines.flatMap((line) => JSON.parse(line) as string[]);
  };
  return { ...running, sent };
}

export function write(t: Test, url: string, seed: number): Running {
  return run(t, [WRITING, url, String(seed)], 'ignore');
}

function run(t: Test, args: string[], log: number | 'ignore'): Running {
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit', log] });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stdin?.on('error', () => {}); // It may have ended.
  const ended = once(child, 'close').then(([code, signal]) => (signal ?? code) as string | number | null);
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  });
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  return {
    process: child as ChildProcessByStdio<Writable, Readable, null>,
    async said(pattern) {
      await until(() => pattern.test(output) || hasEnded(), `a process says ${pattern}, after ${output}`);
      // What it said last may still be on its way.
      if (!pattern.test(output)) await ended;
      if (!pattern.test(output)) throw new Error(`it ended without saying ${pattern}: ${output}`);
    },
    output: () => output,
    ended,
    async finish() {
      child.stdin?.end();
      await ended;
    },
  };
}

/** Both hold the same documents, by the sums that verification compares and one by one. */
export async function equal(t: Test, a: Store, b: Store): Promise<void> {
  for (const name of DATABASE_NAMES) {
    const [here, there] = [a.database(name), b.database(name)];
    const sums = async (of: typeof here) => (await of.bucketSums()).toSorted((one, other) => one.b - other.b);
    t.strictSame(await sums(there), await sums(here), `the sums of ${name}`);
    const [wanted, got] = [await documentsOf(a, name), await documentsOf(b, name)];
    // The order of fields is an engine's own.
    t.ok(canonicalJson(got) === canonicalJson(wanted), `${got.length} of ${wanted.length} documents of ${name}`);
  }
}
