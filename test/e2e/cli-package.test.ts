import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

/** `env` takes away the hooks that the test runner puts into every child: they are for its own processes. */
const PLAIN = ['-u', 'NODE_OPTIONS'];

t.test('npm pack makes a package that serves without type stripping', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-package-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await run('env', [...PLAIN, 'npm', 'pack', '--pack-destination', folder], { cwd: ROOT });
  const [archive = ''] = await readdir(folder);
  await run('tar', ['-xzf', archive], { cwd: folder });
  const installed = join(folder, 'package');
  await symlink(join(ROOT, 'node_modules'), join(installed, 'node_modules'));

  const files = await readdir(installed, { recursive: true });
  t.strictSame(
    files.filter((file) => !file.startsWith('node_modules') && file.endsWith('.ts')),
    [],
    'no TypeScript is left in it',
  );
  const bin = join(installed, 'dist', 'cli', 'feedferry.js');
  const node = [...PLAIN, process.execPath, '--no-experimental-strip-types', bin];
  const { stdout } = await run('env', [...node, '--version']);
  t.match(stdout, /^\d+\.\d+\.\d+\n$/);

  const child = spawn('env', [...node, 'serve', '--listen', '0'], { cwd: folder });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  t.teardown(() => child.kill('SIGKILL'));
  const url = await readyUrl(child.stdout);
  const page = await (await fetch(url)).text();
  const [, sheet = ''] = /<link rel="stylesheet" href="([^"]+)"/.exec(page) ?? [];
  t.equal((await fetch(new URL(sheet, url))).status, 200, 'its style sheet is in the package');
  child.kill('SIGTERM');
  t.equal(await ended, 0);
});

async function readyUrl(output: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of output) {
    text += chunk.toString();
    const [, url] = /ready at (http:[^\s"]+)/.exec(text) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error(`serve ended:\n${text}`);
}
