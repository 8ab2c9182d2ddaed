/** Starts a test server in a process of its own, which ends with this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Making the DocumentDB rig for the first time takes most of it. */
const START_MS_MAX = 1_000_000;

export type Service = { readonly url: string; readonly engine?: string } | { readonly skip: string };

/**
 * What the environment names wins: `FEEDFERRY_TEST_KIND_URL`, or `FEEDFERRY_TEST_KIND_SKIP` with a reason. The test
 * command sets one of them for the test files, so that they share one server.
 */
export function givenService(kind: 'mongodb' | 'redis'): Service | undefined {
  const name = `FEEDFERRY_TEST_${kind.toUpperCase()}`;
  const url = process.env[`${name}_URL`];
  if (url) return { url: url.replace(/\/+$/, ''), engine: 'given by the environment' };
  const skip = process.env[`${name}_SKIP`];
  return skip ? { skip } : undefined;
}

export async function startService(kind: 'mongodb' | 'redis'): Promise<Service> {
  const script = join(import.meta.dirname, 'serve.ts');
  const child = spawn(process.execPath, [script, kind], { stdio: ['pipe', 'pipe', 'inherit'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS_MAX);
  const line = await firstLine(child);
  clearTimeout(timer);
  release(child);
  return line === undefined ? { skip: `the ${kind} test server ended before it was ready` } : JSON.parse(line);
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
