import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openStore } from '../../store/open.ts';
import { httpServer, type TestServer } from '../crawler/servers.ts';
import { cliFor } from './cli-process.ts';

const RSS = (title: string) =>
  `<rss version="2.0"><channel><title>${title}</title><item><title>A</title><guid>1</guid></item><item><title>B</title><guid>2</guid></item></channel></rss>`;

/** Feeds of every temper; a request for `/held...` waits until `release` is called. */
async function feedServer(): Promise<TestServer & { held: Promise<void>; release(): void }> {
  const { promise: held, resolve: arrived } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const server = await httpServer((request, response) => {
    const path = request.url ?? '';
    const rss = { 'content-type': 'application/rss+xml', etag: '"1"' };
    if (path.startsWith('/good') && request.headers['if-none-match'] === '"1"') response.writeHead(304, rss).end();
    else if (path.startsWith('/good')) response.writeHead(200, rss).end(RSS(path));
    else if (path === '/html') response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>x');
    else if (path === '/empty') response.writeHead(200).end();
    else if (path.startsWith('/held')) {
      arrived();
      void released.then(() => response.writeHead(200, rss).end(RSS(path)));
    } else response.writeHead(500).end();
  });
  return Object.assign(server, { held, release });
}

function opml(server: TestServer, paths: readonly string[]): string {
  const outlines = paths.map((path) => `<outline type="rss" text="${path}" xmlUrl="${server.url}${path}"/>`);
  return `<opml version="2.0"><body>${outlines.join('')}</body></opml>`;
}

const ONCE = ['crawl', '--once', '--store', 'sqlite:./a.db', '--host-gap', '0'];
const PATHS = ['/good-1', '/good-2', '/html', '/empty', '/broken'];

t.test('crawl --once --json tells what became of every feed; failing feeds are no failure of the crawl', async (t) => {
  await using server = await feedServer();
  const cli = await cliFor(t);
  await writeFile(join(cli.folder, 'f.opml'), opml(server, PATHS));

  const first = await cli.run([
    ...ONCE,
    '--feeds',
    'f.opml',
    '--json',
    '--user-agent',
    'Probe/7',
    '--concurrency',
    '3',
  ]);
  t.equal(first.code, 0, first.stderr);
  t.equal(first.stderr, '', 'no warning, and no progress where there is no terminal');
  const summary = JSON.parse(first.stdout);
  t.match(summary, {
    feeds: 5,
    fetched: 2,
    notModified: 0,
    failed: { PARSE_HTML: 1, PARSE_EMPTY: 1, FETCH_HTTP_500: 1 },
    skipped: 0,
    unfinished: 0,
    articlesNew: 4,
    articlesChanged: 0,
    error: null,
    imported: { added: 5, known: 0, invalid: [] },
    interrupted: false,
  });
  for (const key of ['bytes', 'seconds', 'peakMemoryBytes']) t.ok(summary[key] > 0, key);
  t.ok(server.requests.every(({ headers }) => headers['user-agent'] === 'Probe/7'));

  const due = JSON.parse((await cli.run([...ONCE, '--json'])).stdout);
  t.match(due, { feeds: 0, skipped: 5, imported: null }, 'nothing is due a moment later');
  const forced = JSON.parse((await cli.run([...ONCE, '--force', '--json'])).stdout);
  t.match(
    forced,
    { feeds: 5, fetched: 0, notModified: 2, articlesNew: 0 },
    '--force crawls all the same, conditionally',
  );

  const listed = JSON.parse((await cli.run(['feeds', 'list', '--json', '--store', 'sqlite:./a.db'])).stdout);
  t.ok(
    listed.every((feed: { followed: boolean }) => feed.followed),
    'the feeds can be read',
  );
});

t.test('--feeds crawls these feeds only', async (t) => {
  await using server = await feedServer();
  const cli = await cliFor(t);
  await cli.run(['feeds', 'import', '-', '--store', 'sqlite:./a.db'], { input: opml(server, ['/good-1', '/good-2']) });
  const { stdout } = await cli.run([...ONCE, '--feeds', '-', '--json'], {
    input: opml(server, ['/good-2', '/good-3']),
  });
  t.match(JSON.parse(stdout), { feeds: 2, fetched: 2, imported: { added: 1, known: 1 } });
  t.strictSame(server.requests.map(({ url }) => url).sort(), ['/good-2', '/good-3']);
});

t.test('people get a table that fits 80 columns, with the reasons of failures', async (t) => {
  await using server = await feedServer();
  const cli = await cliFor(t);
  const { code, stdout } = await cli.run([...ONCE, '--feeds', '-'], { input: opml(server, PATHS) });
  t.equal(code, 0);
  t.match(stdout, /^5 feeds in \d/);
  t.match(stdout, / fetched +2\n/);
  t.match(stdout, / 1 {2}FETCH_HTTP_500\n/);
  t.match(stdout, /feedferry feeds list --failing/);
  for (const line of stdout.split('\n')) t.ok(line.length <= 80, line);
});

t.test('a crawl that its store does not let write says so, prints its summary, and exits with 1', async (t) => {
  await using server = await feedServer();
  const cli = await cliFor(t);
  await cli.run([...ONCE, '--feeds', '-'], { input: opml(server, ['/good-1']) });
  {
    await using store = await openStore(`sqlite:${join(cli.folder, 'a.db')}`);
    await store.articles.setMode('read-only');
    await store.feeds.setMode('read-only');
  }
  const { code, stdout, stderr } = await cli.run([...ONCE, '--force', '--json']);
  t.equal(code, 1);
  t.match(JSON.parse(stdout), { error: { code: 'DATABASE_READ_ONLY' } });
  t.match(JSON.parse(stderr), { error: { code: 'DATABASE_READ_ONLY', advice: /./ } });
});

t.test('a crawl that is interrupted finishes what is in flight, and the next one goes on', async (t) => {
  await using server = await feedServer();
  const cli = await cliFor(t);
  await writeFile(join(cli.folder, 'f.opml'), opml(server, ['/held-1', '/held-2', '/held-3', '/held-4']));
  const args = ['crawl', '--once', '--store', 'sqlite:./a.db', '--host-gap', '1h', '--feeds', 'f.opml', '--json'];
  const { child, ended } = cli.start(args);
  await server.held;
  child.kill('SIGTERM');
  server.release();
  const { code, stdout, stderr } = await ended;
  const summary = JSON.parse(stdout);
  t.equal(code, 1);
  t.match(JSON.parse(stderr), { error: { code: 'INTERRUPTED' } });
  t.match(summary, { interrupted: true, unfinished: 3, error: null });
  const next = JSON.parse((await cli.run([...ONCE, '--json'])).stdout);
  t.equal(next.feeds, 3, 'the others stayed due');
});

t.test('without --once it goes on until it is stopped, and then exits with 0', async (t) => {
  await using server = await feedServer();
  const cli = await cliFor(t);
  await writeFile(join(cli.folder, 'f.opml'), opml(server, ['/good-1', '/good-2']));
  const started = cli.start(['crawl', '--store', 'sqlite:./a.db', '--host-gap', '0', '--feeds', 'f.opml']);
  await started.until(/Crawling until stopped/);
  const list = async () => JSON.parse((await cli.run(['feeds', 'list', '--json', '--store', 'sqlite:./a.db'])).stdout);
  while ((await list()).some((feed: { articles: number }) => feed.articles === 0));
  started.child.kill('SIGINT');
  t.match(await started.ended, { code: 0, signal: null });
});
