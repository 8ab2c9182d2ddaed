/** Installs what the tests want and this machine lacks, where that is possible: root on a system with apt-get. */
import { spawn } from 'node:child_process';
import { chromiumPath } from './chromium.ts';
import { onPath, rootEnvironment } from './programs.ts';
import { givenService } from './service.ts';

const INSTALL_MS_MAX = 600_000;
const LOG_CHARS_MAX = 3000;

interface Want {
  readonly package: string;
  readonly purpose: string;
  readonly missing: boolean;
}

function wants(): Want[] {
  const mongodbIsThere = givenService('mongodb') !== undefined || onPath('mongod');
  const redisIsThere = givenService('redis') !== undefined || onPath('redis-server');
  return [
    {
      package: 'debootstrap',
      purpose: 'a MongoDB-compatible server',
      missing: !mongodbIsThere && !onPath('debootstrap'),
    },
    { package: 'redis-server', purpose: 'Redis', missing: !redisIsThere },
    { package: 'chromium', purpose: 'a browser', missing: 'skip' in chromiumPath() },
  ];
}

/** Never throws: what cannot be installed is told to `say`, and the tests that need it are skipped with the reason. */
export async function setUp(say: (line: string) => void): Promise<void> {
  const missing = wants().filter((want) => want.missing);
  if (missing.length === 0) return;
  const names = missing.map((want) => want.package);
  const purposes = missing.map((want) => want.purpose).join(', ');
  if (process.env.FEEDFERRY_TEST_SETUP === 'off' || process.getuid?.() !== 0 || !onPath('apt-get')) {
    say(
      `not installed: ${names.join(', ')}. The tests that need ${purposes} are skipped; docs/testing.md tells how to run them.`,
    );
    return;
  }
  say(`installing ${names.join(', ')} with apt-get, for ${purposes} (about a minute)`);
  const started = Date.now();
  let log = await aptGet(['install', ...INSTALL_OPTIONS, ...names]);
  if (log !== undefined) {
    // The package lists are missing or old: fetch them, once.
    await aptGet(['update']);
    log = await aptGet(['install', ...INSTALL_OPTIONS, ...names]);
  }
  const left = wants().filter((want) => want.missing);
  const lacking = left.map((want) => want.package).join(', ');
  if (left.length === 0) say(`installed in ${Math.round((Date.now() - started) / 1000)} s`);
  else
    say(`apt-get could not install ${lacking}; tests that need it are skipped. It said:\n${log ?? 'that all is well'}`);
}

const INSTALL_OPTIONS = ['--yes', '--no-install-recommends', '--option', 'DPkg::Lock::Timeout=120'];

/** Returns undefined, or the end of what it said where it failed or took too long. */
function aptGet(args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const env = { ...rootEnvironment(), DEBIAN_FRONTEND: 'noninteractive' };
    const child = spawn('apt-get', ['--quiet', ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: INSTALL_MS_MAX,
    });
    let log = '';
    const take = (chunk: Buffer): void => {
      log = (log + chunk.toString('utf8')).slice(-LOG_CHARS_MAX);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('error', (error) => resolve(String(error)));
    child.once('close', (code) => resolve(code === 0 ? undefined : log));
  });
}
