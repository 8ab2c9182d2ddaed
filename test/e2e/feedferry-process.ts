import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ENTRY = fileURLToPath(new URL('../../cli/feedferry.ts', import.meta.url));

/** Longest wait for a command of a test, in ms. */
const COMMAND_MS_MAX = 120_000;

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const ENVIRONMENT = { FEEDFERRY_ALLOW_PRIVATE_NETWORKS: '127.0.0.0/8' };

/** Runs `feedferry ARGS` as a real process to its end. Loopback is opened, as all feeds of tests live there. */
export async function feedferry(args: readonly string[], options: { input?: string } = {}): Promise<Finished> {
  const child = spawn(process.execPath, [ENTRY, ...args], { env: { ...process.env, ...ENVIRONMENT } });
  const timer = setTimeout(() => child.kill('SIGKILL'), COMMAND_MS_MAX);
  child.stdin.end(options.input ?? '');
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.on('close', resolve)),
  ]);
  clearTimeout(timer);
  return { code, stdout, stderr };
}

export interface Served extends AsyncDisposable {
  readonly url: string;
  readonly process: ChildProcess;
}

/** `feedferry serve` on a free port, ready to answer; ended by SIGTERM. */
export async function feedferryServe(args: readonly string[]): Promise<Served> {
  const child = spawn(process.execPath, [ENTRY, 'serve', '--listen', '127.0.0.1:0', ...args], {
    env: { ...process.env, ...ENVIRONMENT },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const url = await readyUrl(child, ended);
  return {
    url,
    process: child,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** The address that `serve` prints once it answers. */
async function readyUrl(child: ChildProcess, ended: Promise<number | null>): Promise<string> {
  let seen = '';
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      seen += chunk.toString();
      const match = /ready at (http:\/\/[^\s"]+)/.exec(seen);
      if (match?.[1] !== undefined) resolve(match[1]);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    void ended.then((code) => reject(new Error(`feedferry serve ended with ${code}:\n${seen}`)));
  });
}

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
