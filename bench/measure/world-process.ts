import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { AccessStats } from '../feed-world/access-log.ts';

const MAIN = fileURLToPath(new URL('../feed-world/main.ts', import.meta.url));
const READY_MS_MAX = 120_000;

/** A feed world in a process of its own, so that its work is not counted as anybody else's. */
export interface WorldProcess extends AsyncDisposable {
  readonly pid: number;
  /** Every feed gets so many new entries, and all documents are made ahead, so that nobody waits for that. */
  publish(entries: number): Promise<void>;
  stats(): Promise<AccessStats>;
  clearLog(): Promise<void>;
  feeds(): Promise<{ readonly url: string; readonly title: string }[]>;
}

/** Starts it with all documents made. `args`: of `main.ts`. Its OPML file goes where `opml` says. */
export async function startWorld(args: readonly string[], opml: string): Promise<WorldProcess> {
  const child = spawn(process.execPath, [MAIN, ...args, '--prepare', '--json', '--with-stdin', '--opml', opml], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS_MAX);
  const exit = once(child, 'exit');
  const line = await Promise.race([
    once(createInterface(child.stdout), 'line') as Promise<[string]>,
    exit.then(() => {
      throw new Error('the feed world did not start');
    }),
  ]);
  clearTimeout(timer);
  const { control } = JSON.parse(line[0]) as { control: string };
  return {
    pid: child.pid ?? 0,
    publish: async (entries) => {
      await call(`${control}publish?entries=${entries}`);
      await call(`${control}prepare`);
    },
    stats: () => call<AccessStats>(`${control}stats`),
    clearLog: async () => void (await call(`${control}clear-log`)),
    feeds: () => call(`${control}feeds`),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exit;
    },
  };
}

async function call<T>(url: string): Promise<T> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
