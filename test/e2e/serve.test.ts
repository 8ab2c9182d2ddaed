import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { REPEAT_MS_MAX } from '../../cli/stop-signals.ts';
import { httpServer } from '../crawler/servers.ts';
import { type Cli, cliFor, type Started } from './cli-process.ts';

/** A service manager kills after this, in ms. */
const SHUTDOWN_MS_MAX = 10_000;

const ITEM = '<item><title>Served entry</title><guid>1</guid></item>';
const RSS = `<rss version="2.0"><channel><title>Served feed</title>${ITEM}</channel></rss>`;

async function serve(cli: Cli, args: readonly string[] = []): Promise<Started & { url: string }> {
  const started = cli.start(['serve', '--listen', '127.0.0.1:0', '--host-gap', '0', ...args]);
  const [, url = ''] = await started.until(/ready at (http:\/\/localhost:\d+)/);
  return { ...started, url };
}

async function importFeed(cli: Cli, url: string): Promise<void> {
  const input = `<opml version="2.0"><body><outline type="rss" text="x" xmlUrl="${url}"/></body></opml>`;
  await cli.run(['feeds', 'import', '-'], { input });
}

t.test('serve answers with pages, health and metrics, and ends with 0 on SIGTERM', async (t) => {
  const cli = await cliFor(t);
  const served = await serve(cli);
  const page = await fetch(served.url);
  t.equal(page.status, 200);
  t.match(await page.text(), /<!doctype html>/i);
  t.match(await (await fetch(`${served.url}/healthz`)).json(), { ok: true });
  const metrics = await (await fetch(`${served.url}/metrics`)).text();
  t.match(metrics, /feedferry_http_requests_total\{outcome="ok"\} [1-9]/);
  t.match(metrics, /process_resident_memory_bytes \d/);
  served.child.kill('SIGTERM');
  const { code, signal, stdout, stderr } = await served.ended;
  t.match({ code, signal }, { code: 0, signal: null });
  t.equal(stderr, '', 'no warning');
  for (const line of stdout.trim().split('\n'))
    t.match(JSON.parse(line), { time: /Z$/, msg: /./ }, 'one JSON object a line');
});

t.test('serve crawls what is due, and what a reader adds', async (t) => {
  await using feeds = await httpServer((_request, response) => response.end(RSS));
  const cli = await cliFor(t);
  await importFeed(cli, `${feeds.url}/imported`);
  const served = await serve(cli);
  const text = async (path: string) => (await fetch(served.url + path)).text();
  while (!/feedferry_articles_total\{what="new"\} 1\b/.test(await text('/metrics')));
  t.match(await text('/'), /Served entry/, 'a crawled article is on the page');
  served.child.kill('SIGTERM');
  t.equal((await served.ended).code, 0);
});

t.test('with --no-crawler nothing is fetched by itself', async (t) => {
  await using feeds = await httpServer((_request, response) => response.end(RSS));
  const cli = await cliFor(t);
  await importFeed(cli, `${feeds.url}/imported`);
  const served = await serve(cli, ['--no-crawler']);
  t.equal((await fetch(`${served.url}/status`)).status, 200);
  served.child.kill('SIGTERM');
  await served.ended;
  t.equal(feeds.requests.length, 0);
});

t.test('SIGTERM with a fetch in flight ends within 10 s with exit code 0, and the feed stays due', async (t) => {
  const { promise: asked, resolve: arrived } = Promise.withResolvers<void>();
  await using feeds = await httpServer(() => arrived()); // It never answers.
  const cli = await cliFor(t);
  await importFeed(cli, `${feeds.url}/slow`);
  const served = await serve(cli);
  await asked;
  const at = performance.now();
  served.child.kill('SIGTERM');
  const { code } = await served.ended;
  t.equal(code, 0);
  t.ok(performance.now() - at < SHUTDOWN_MS_MAX, `${Math.round(performance.now() - at)} ms`);
  const list = JSON.parse((await cli.run(['feeds', 'list', '--json'])).stdout);
  t.match(list, [{ triedAt: null, errors: 0 }], 'nothing is held against the feed');
  t.ok(list[0].nextAt <= Date.now(), 'it is due');
});

t.test('another signal ends it at once, with exit code 1', async (t) => {
  const { promise: asked, resolve: arrived } = Promise.withResolvers<void>();
  await using feeds = await httpServer(() => arrived());
  const cli = await cliFor(t);
  await importFeed(cli, `${feeds.url}/slow`);
  const served = await serve(cli);
  await asked;
  served.child.kill('SIGINT');
  await served.until(/SIGINT: finishing/);
  // npm passes on what the terminal has sent already: within half a second, a signal counts as the same one.
  served.child.kill('SIGINT');
  await delay(REPEAT_MS_MAX);
  t.equal(served.child.exitCode, null, 'the repeated signal was taken for the same wish');
  served.child.kill('SIGINT');
  const { code } = await served.ended;
  t.equal(code, 1);
});

t.test('a port that is taken is a coded error with advice, and makes no store', async (t) => {
  const cli = await cliFor(t);
  const other = createServer((_request, response) => response.end('something else'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise((resolve) => other.close(resolve)));
  const { port } = other.address() as AddressInfo;
  const { code, stderr } = await cli.run(['serve', '--listen', `127.0.0.1:${port}`]);
  t.equal(code, 1);
  t.match(stderr, /^error PORT_IN_USE: Another program listens on 127\.0\.0\.1:\d+\n {2}.*--listen/);
  t.match((await cli.run(['feeds', 'list'])).stderr, /STORE_MISSING/);
});

t.test('a second serve on the same port says that Feedferry runs already', async (t) => {
  const cli = await cliFor(t);
  const served = await serve(cli);
  const { port } = new URL(served.url);
  t.match(await cli.run(['serve', '--listen', port]), { code: 1, stderr: /PORT_IN_USE: Feedferry runs already/ });
  served.child.kill('SIGTERM');
  await served.ended;
});

t.test('a store that cannot be opened ends serve with its code', async (t) => {
  const cli = await cliFor(t);
  await writeFile(join(cli.folder, 'a.db'), 'This is something else entirely.');
  const { code, stderr } = await cli.run(['serve', '--listen', '0', '--store', 'sqlite:./a.db']);
  t.equal(code, 1);
  t.match(stderr, /^error STORE_NOT_OURS: /);
});
