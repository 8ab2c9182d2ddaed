import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { DEMO_CAST } from '../../../bench/feed-world/demo-cast/cast.ts';
import { freePort } from '../../rig/ports.ts';
import { until } from '../../rig/until.ts';

const DEMO = fileURLToPath(new URL('../../../bench/feed-world/demo.ts', import.meta.url));

t.test('the demo shows articles of all its feeds, and Ctrl-C leaves nothing behind', async (t) => {
  const temp = await mkdtemp(join(tmpdir(), 'feedferry-demo-test-'));
  t.teardown(() => rm(temp, { recursive: true, force: true }));
  const port = await freePort();
  const demo = spawn(process.execPath, [DEMO, '--port', String(port)], { env: { ...process.env, TMPDIR: temp } });
  t.teardown(() => demo.kill('SIGKILL'));
  let output = '';
  for (const stream of [demo.stdout, demo.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => demo.on('exit', resolve));

  await until(() => output.includes(`http://localhost:${port}`), 'the address is told');
  const url = `http://127.0.0.1:${port}/`;
  const page = async (): Promise<string> => (await fetch(url)).text();
  await until(async () => /href="\/articles\//.test(await page()), 'articles are listed');
  const first = await page();
  for (const { title } of DEMO_CAST) t.match(first, inMarkup(title), title);

  demo.kill('SIGINT');
  t.equal(await exit, 0, output);
  t.strictSame(await readdir(temp), [], 'the temp folder is empty again');
  await t.rejects(fetch(url), 'nobody listens any more');
});

t.test('a taken port is told before anything is started', async (t) => {
  const server = (await import('node:net')).createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const demo = spawn(process.execPath, [DEMO, '--port', String(port)]);
  let errors = '';
  demo.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  t.equal(await new Promise((resolve) => demo.on('close', resolve)), 1);
  t.match(errors, `--port ${port + 1}`);
});

t.test('the writers of the demo have filled in every pattern', async (t) => {
  for (const { prose, title } of DEMO_CAST) {
    const random = Math.random;
    const sentence = prose.sentences(random);
    const said = Array.from({ length: 200 }, (_, i) => [
      prose.headline(random, i),
      sentence(),
      prose.caption(random),
      prose.tag(random),
    ]).flat();
    t.notMatch(said.join('\n'), /[{}|]/, title);
    t.ok(new Set(said.slice(0, 40)).size > 20, `${title}: there is variety`);
  }
});

function inMarkup(text: string): string {
  return text.replaceAll('&', '&amp;');
}
