/**
 * A MongoDB-compatible server for tests. In this order: `FEEDFERRY_TEST_MONGODB_URL`; a `mongod` on the PATH; the
 * DocumentDB rig (root on Debian); else the reason why there is none.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Making the rig for the first time takes most of it. */
const START_MS_MAX = 1_000_000;

export type Service = { readonly url: string } | { readonly skip: string };

let service: Promise<Service> | undefined;

/**
 * A URL without a database name: every test appends a random one, and drops that database afterwards. Where no server
 * is there yet, one is started that ends with this process.
 */
export function mongodbUrl(): Promise<Service> {
  service ??= given() ?? startServer();
  return service;
}

function given(): Promise<Service> | undefined {
  const url = process.env.FEEDFERRY_TEST_MONGODB_URL;
  if (url) return Promise.resolve({ url: url.replace(/\/+$/, '') });
  const skip = process.env.FEEDFERRY_TEST_MONGODB_SKIP;
  return skip ? Promise.resolve({ skip }) : undefined;
}

async function startServer(): Promise<Service> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'mongodb-server.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS_MAX);
  const line = await firstLine(child);
  clearTimeout(timer);
  release(child);
  return line === undefined ? { skip: 'the test server ended before it was ready' } : JSON.parse(line);
}

function firstLine(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(undefined));
    if (!child.stdout) return resolve(undefined);
    const lines = createInterface({ input: child.stdout });
    lines.once('line', resolve);
    lines.once('close', () => resolve(undefined));
  });
}

/** Neither the server nor its pipes keep this process alive; its end closes the server's input, which ends the server. */
function release(child: ChildProcess): void {
  child.unref();
  for (const pipe of [child.stdin, child.stdout]) {
    if (pipe && 'unref' in pipe && typeof pipe.unref === 'function') pipe.unref();
  }
}
