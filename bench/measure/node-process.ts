import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a whole process cost, from start to exit. */
export interface Cost {
  readonly wallSeconds: number;
  readonly userSeconds: number;
  readonly systemSeconds: number;
  /** User and system, of all threads. */
  readonly cpuSeconds: number;
  readonly peakMemoryBytes: number;
}

export interface Measured extends Cost {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const REPORT_COST = new URL('./report-cost.ts', import.meta.url).href;
const OUTPUT_CHARS_MAX = 1_000_000;

/**
 * Runs a Node program to its end and measures it: wall time from outside, CPU and memory by its own getrusage at exit.
 * Killed after `msMax`; a process that was killed throws.
 */
export async function measureNode(
  args: readonly string[],
  options: { readonly env?: Record<string, string>; readonly msMax: number },
): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'feedferry-bench-cost-'));
  const costFile = join(folder, 'cost.json');
  const env = { ...process.env, ...options.env, FEEDFERRY_BENCH_COST: costFile };
  try {
    const began = performance.now();
    const child = spawn(process.execPath, ['--import', REPORT_COST, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), options.msMax);
    const [stdout, stderr, code] = await Promise.all([
      endOf(child.stdout),
      endOf(child.stderr),
      new Promise<number | null>((resolve, reject) => child.on('error', reject).on('exit', resolve)),
    ]);
    const wallSeconds = (performance.now() - began) / 1000;
    clearTimeout(timer);
    if (code === null) throw new Error(`killed after ${options.msMax} ms: ${args.join(' ')}\n${stderr}`);
    return { code, stdout, stderr, wallSeconds, ...readCost(costFile) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readCost(file: string): Omit<Cost, 'wallSeconds'> {
  const usage = JSON.parse(readFileSync(file, 'utf8')) as Pick<
    NodeJS.ResourceUsage,
    'userCPUTime' | 'systemCPUTime' | 'maxRSS'
  >;
  const [userSeconds, systemSeconds] = [usage.userCPUTime / 1e6, usage.systemCPUTime / 1e6];
  const cpuSeconds = userSeconds + systemSeconds;
  return { userSeconds, systemSeconds, cpuSeconds, peakMemoryBytes: usage.maxRSS * 1024 };
}

async function endOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text = (text + String(chunk)).slice(-OUTPUT_CHARS_MAX);
  return text;
}
