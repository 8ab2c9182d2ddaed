import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { HEAP_FLAGS, takeHeapFlags } from '../../cli/heap-flags.ts';

const execve = (taken: string[][]) => (_file: string, args: readonly string[]) => void taken.push([...args]);

function taken(command: string, execArgv: string[] = [], env: NodeJS.ProcessEnv = {}): string[][] {
  const calls: string[][] = [];
  const argv = ['node', '/x/feedferry.js', command, '--json'];
  takeHeapFlags({ argv, execArgv, execPath: '/bin/node', env, execve: execve(calls) });
  return calls;
}

t.test(
  'a long command starts itself again with the flags that it lacks, and with those that it was given',
  async (t) => {
    t.strictSame(taken('serve', ['--import', 'a.mjs']), [
      ['/bin/node', '--import', 'a.mjs', ...HEAP_FLAGS, '/x/feedferry.js', 'serve', '--json'],
    ]);
  },
);

t.test('a short command, and one that has the flags, run as they are', async (t) => {
  t.strictSame(taken('feeds'), []);
  t.strictSame(taken('crawl', [...HEAP_FLAGS]), []);
});

t.test('what somebody has set otherwise stays, wherever it was set', async (t) => {
  const [args = []] = taken('crawl', ['--max_semi_space_size=32'], { NODE_OPTIONS: '--parallel-scavenge' });
  t.strictSame(args.slice(1, -3), ['--max_semi_space_size=32', '--heap-growing-percent=50']);
});

t.test('where a process cannot be replaced, it runs on', async (t) => {
  const argv = ['node', 'feedferry.js', 'serve'];
  const refuse = () => {
    throw new Error('not on this platform');
  };
  t.doesNotThrow(() => takeHeapFlags({ argv, execArgv: [], execPath: 'node', env: {}, execve: refuse }));
  t.doesNotThrow(() => takeHeapFlags({ argv, execArgv: [], execPath: 'node', env: {} }));
});

t.test('the npm scripts give the same flags', async (t) => {
  const { scripts } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  for (const name of ['start', 'feedferry']) t.match(scripts[name], `node ${HEAP_FLAGS.join(' ')} cli/feedferry.ts`);
});

t.test('the real program goes on in the same process', async (t) => {
  const feedferry = fileURLToPath(new URL('../../cli/feedferry.ts', import.meta.url));
  const tell = 'data:text/javascript,console.error(JSON.stringify([process.pid,...process.execArgv]))';
  const args = ['--import', tell, feedferry, 'crawl', '--help'];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env: { PATH: process.env.PATH } });
  t.match(stdout, /^Usage: feedferry crawl/);
  const starts = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown[]);
  t.equal(starts.length, 2, 'it starts twice, and warns of nothing');
  t.equal(starts[0]?.[0], starts[1]?.[0]);
  t.strictSame(starts[1]?.slice(-HEAP_FLAGS.length), HEAP_FLAGS);
});
