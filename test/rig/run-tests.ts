/**
 * The test command: `npm test`, or `npm test -- test/store` for a part. Installs what is missing where it can, starts
 * one server of each kind for all test files, runs tap, and ends with what was skipped and why, and with the line
 * `N passed, N failed, N skipped`. Exits as tap does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { chromiumPath } from './chromium.ts';
import { mongodbUrl } from './mongodb.ts';
import { redisUrl } from './redis.ts';
import { failureLines, fileLines, skipLines } from './report.ts';
import { readResults, type Skip, type Tally } from './results.ts';
import type { Service } from './service.ts';
import { setUp } from './setup.ts';

const TAP = join(import.meta.dirname, '../../node_modules/tap/dist/esm/run.mjs');

/** What tap may take to end after a signal. */
const STOP_MS_MAX = 10_000;

const say = (text: string): void => {
  if (text !== '') console.log(text);
};

await setUp((line) => say(`setup: ${line}`));
const services = { mongodb: await mongodbUrl(), redis: await redisUrl() };
const browser = chromiumPath();
say(`node ${process.version}`);
say(`mongodb: ${describe(services.mongodb)}`);
say(`redis: ${describe(services.redis)}`);
say(`browser: ${'path' in browser ? browser.path : `none (${browser.skip})`}`);

const total = { passed: 0, failed: 0, skipped: 0 };
const skips: (Skip & { file: string })[] = [];
const { stream, outside } = readResults((result) => {
  add(result);
  skips.push(...result.skips.map((skip) => ({ ...skip, file: result.file })));
  say(fileLines(result));
});

const tap = spawn(process.execPath, [TAP, 'run', '--reporter=tap', ...process.argv.slice(2).flatMap(testFiles)], {
  stdio: ['inherit', 'pipe', 'inherit'],
  env: { ...process.env, ...asEnvironment('mongodb'), ...asEnvironment('redis') },
});
tap.stdout.pipe(stream);
stopOnSignal(tap);
const exitCode = await new Promise<number>((resolve) => {
  tap.once('error', () => resolve(1));
  tap.once('close', (code) => resolve(code ?? 1));
});

add(outside);
say(failureLines(outside));
if (exitCode !== 0 && total.failed === 0) {
  say(`tap ended with exit code ${exitCode}`);
  total.failed = 1;
}
say(skipLines(skips));
say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = exitCode === 0 && total.failed > 0 ? 1 : exitCode;

/** A folder stands for the test files in it; anything else goes to tap as it is. */
function testFiles(argument: string): string[] {
  if (argument.startsWith('-') || !existsSync(argument) || !statSync(argument).isDirectory()) return [argument];
  return globSync('**/*.test.ts', { cwd: argument }).map((file) => join(argument, file));
}

function describe(service: Service): string {
  return 'url' in service ? `${service.engine} at ${service.url}` : `none (${service.skip})`;
}

/** So that every test file finds the same server, or the same reason why there is none. */
function asEnvironment(kind: keyof typeof services): NodeJS.ProcessEnv {
  const service = services[kind];
  const name = `FEEDFERRY_TEST_${kind.toUpperCase()}`;
  return 'url' in service ? { [`${name}_URL`]: service.url } : { [`${name}_SKIP`]: service.skip };
}

function add(tally: Tally): void {
  total.passed += tally.passed;
  total.failed += tally.failed;
  total.skipped += tally.skipped;
}

/** The servers end by themselves when this process does. */
function stopOnSignal(child: ChildProcess): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX).unref();
    });
  }
}
