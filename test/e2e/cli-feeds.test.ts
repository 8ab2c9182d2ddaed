import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openStore } from '../../store/open.ts';
import { httpServer, type TestServer } from '../crawler/servers.ts';
import { type Cli, cliFor } from './cli-process.ts';

const STORE = 'sqlite:./a.db';

function rss(title: string, entries: number): string {
  const items = Array.from(
    { length: entries },
    (_, i) => `<item><title>Entry ${i}</title><guid>${title}-${i}</guid></item>`,
  );
  return `<rss version="2.0"><channel><title>${title}</title>${items.join('')}</channel></rss>`;
}

/** A small web: two feeds, a page that names one of them, a page that names both, and one that names none. */
async function smallWeb(): Promise<TestServer> {
  const link = (path: string) =>
    `<link rel="alternate" type="application/rss+xml" title="Feed ${path}" href="${path}">`;
  const pages: Record<string, [type: string, body: string]> = {
    '/one.xml': ['application/rss+xml', rss('First \u001b[31mfeed', 3)],
    '/two.xml': ['application/rss+xml', rss('Second feed', 1)],
    '/site': ['text/html', `<!doctype html><html><head>${link('/one.xml')}</head></html>`],
    '/both': ['text/html', `<!doctype html><html><head>${link('/one.xml')}${link('/two.xml')}</head></html>`],
    '/none': ['text/html', '<!doctype html><html><body>No feed here</body></html>'],
  };
  return httpServer((request, response) => {
    const page = pages[request.url ?? ''];
    if (page === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': page[0] }).end(page[1]);
  });
}

async function inAStore(t: Parameters<typeof cliFor>[0]): Promise<{
  cli: Cli;
  feeds: (...args: string[]) => ReturnType<Cli['run']>;
  json: (...args: string[]) => Promise<unknown>;
}> {
  const cli = await cliFor(t);
  const feeds = (...args: string[]) => cli.run(['feeds', ...args, '--store', STORE]);
  const json = async (...args: string[]) => JSON.parse((await feeds(...args, '--json')).stdout);
  return { cli, feeds, json };
}

t.test('a feed lives: added, listed, shown, exported, removed, imported', async (t) => {
  await using web = await smallWeb();
  const { cli, feeds, json } = await inAStore(t);
  const url = `${web.url}/one.xml`;

  const added = await feeds('add', url, '--folder', 'News');
  t.equal(added.code, 0, added.stderr);
  t.match(
    added.stdout,
    /^Added First \[31mfeed \([a-z2-7]{8}\), 3 articles\n$/,
    'the escape sequence of the feed is not passed on',
  );
  t.match((await feeds('add', url)).stdout, /^Already there: /);

  const [listed] = (await json('list')) as { id: string }[];
  t.match(listed, { url, articles: 3, health: 'fine', followed: true, folder: 'News', errors: 0, lastError: null });
  const id = listed?.id ?? '';
  const table = (await feeds('list')).stdout;
  t.match(table, new RegExp(`${id.slice(0, 8)} .* 3 +fine`));
  for (const line of table.split('\n')) t.ok(line.length <= 80, `fits 80 columns: ${line}`);

  for (const named of [id, id.slice(0, 5), url])
    t.match(await json('show', named), { id, history: [{ outcome: 'ok', added: 3 }] });
  t.match((await feeds('show', id)).stdout, /followed +yes, in the folder News.*next +.+when \(UTC\)/s);

  const file = join(cli.folder, 'out.opml');
  t.equal((await feeds('export', 'out.opml')).code, 0);
  t.match(await readFile(file, 'utf8'), `xmlUrl="${url}"`);
  const withoutDate = (text: string) => text.replace(/<dateCreated>.*/, '');
  const printed = (await feeds('export')).stdout;
  t.equal(withoutDate(printed), withoutDate(await readFile(file, 'utf8')), 'standard output gets the same');

  t.match(await json('remove', url), { id, removed: true, articles: 3 });
  t.strictSame(await json('list'), []);
  t.match((await feeds('show', id)).stderr, /FEED_UNKNOWN/);

  t.match(await json('import', 'out.opml'), { added: 1, known: 0, followed: 1, invalid: [] });
  t.match(await json('import', 'out.opml'), { added: 0, known: 1, followed: 0 });
  t.match(await json('list'), [{ id, folder: 'News', articles: 0, health: 'waiting' }]);
});

t.test('removing a feed leaves tombstones for other sites, and no article; --keep-articles leaves those', async (t) => {
  await using web = await smallWeb();
  const { cli, feeds, json } = await inAStore(t);
  await feeds('add', `${web.url}/one.xml`);
  await feeds('add', `${web.url}/two.xml`);
  t.equal((await feeds('remove', `${web.url}/one.xml`)).code, 0);
  t.match(await json('remove', `${web.url}/two.xml`, '--keep-articles'), { removed: true, articles: 0 });
  await using store = await openStore(`sqlite:${join(cli.folder, 'a.db')}`);
  t.equal(await store.articles.count(), 1, 'the article that was to be kept');
  t.equal(await store.feeds.count(), 0);
  t.equal(await store.subscriptions.count(), 0);
  const tombs = await store.articles.scan({ limit: 10, deleted: true });
  t.equal(tombs.filter(({ content }) => content === null).length, 3);
});

t.test('a feed that somebody else follows stays when the reader removes it', async (t) => {
  await using web = await smallWeb();
  const { cli, feeds, json } = await inAStore(t);
  await feeds('add', `${web.url}/one.xml`);
  {
    await using store = await openStore(`sqlite:${join(cli.folder, 'a.db')}`);
    const [feed] = await store.feeds.scan({ limit: 1 });
    await using writer = await store.subscriptions.openWriter({ owner: 'test', durability: 'sync' });
    const content = { user: 'ada', feed: feed?.id ?? '', title: null, folder: null, addedAt: 1 };
    await writer.edit([{ id: `ada.${feed?.id}`, content }]);
  }
  t.match(await json('remove', `${web.url}/one.xml`), { removed: false, articles: 0 });
  t.match(await json('list'), [{ followed: false, articles: 3 }]);
});

t.test('the address of a site will do, where it names one feed', async (t) => {
  await using web = await smallWeb();
  const { feeds, json } = await inAStore(t);
  t.match(await json('add', `${web.url}/site`), { url: `${web.url}/one.xml`, created: true, articles: 3 });
  const both = await feeds('add', `${web.url}/both`);
  t.equal(both.code, 1);
  t.match(both.stderr, /^error DISCOVER_MANY: /);
  t.ok(both.stderr.includes(`${web.url}/two.xml`), 'the candidates are listed');
  const asJson = JSON.parse((await feeds('add', `${web.url}/both`, '--json')).stderr);
  t.strictSame(
    asJson.error.candidates.map((one: { url: string }) => one.url),
    [`${web.url}/one.xml`, `${web.url}/two.xml`],
  );
  const none = await feeds('add', `${web.url}/none`);
  t.equal(none.code, 1);
  t.match(none.stderr, /^error DISCOVER_NONE: /);
  t.equal(((await json('list')) as unknown[]).length, 1, 'nothing of the failed ones is stored');
});

t.test('a feed that cannot be fetched is not added', async (t) => {
  await using web = await smallWeb();
  const { feeds } = await inAStore(t);
  t.match(await feeds('add', `${web.url}/nowhere.xml`), { code: 1, stderr: /^error FETCH_HTTP_404: / });
  t.match(await feeds('add', 'ftp://example.org/'), { code: 1, stderr: /^error FETCH_URL_INVALID: / });
});

t.test('loopback is refused unless it was opened', async (t) => {
  await using web = await smallWeb();
  const cli = await cliFor(t);
  const args = ['feeds', 'add', `${web.url}/one.xml`, '--store', STORE];
  const refused = await cli.run(args, { env: { FEEDFERRY_ALLOW_PRIVATE_NETWORKS: '' } });
  t.match(refused, { code: 1, stderr: /^error FETCH_ADDRESS_FORBIDDEN: / });
  t.equal(web.requests.length, 0, 'nothing was sent');
});

t.test('commands that only look do not make a store', async (t) => {
  const { feeds } = await inAStore(t);
  for (const args of [['list'], ['show', 'x'], ['remove', 'x'], ['export']]) {
    t.match(await feeds(...args), { code: 1, stdout: '', stderr: /^error STORE_MISSING: / }, args.join(' '));
  }
});

t.test('import names what it leaves out, and fails where nothing is left', async (t) => {
  const { cli, feeds, json } = await inAStore(t);
  const outline = (url: string) => `<outline type="rss" text="x" xmlUrl="${url}"/>`;
  const opml = (...urls: string[]) => `<opml version="2.0"><body>${urls.map(outline).join('')}</body></opml>`;
  await writeFile(join(cli.folder, 'some.opml'), opml('http://example.org/feed', 'ftp://example.org/feed'));
  const some = await feeds('import', 'some.opml');
  t.match(some, { code: 0, stdout: /Added 1 feed/ });
  t.match(some.stdout, /ftp:\/\/example\.org\/feed/);
  await writeFile(join(cli.folder, 'none.opml'), opml('ftp://example.org/feed'));
  t.match(await feeds('import', 'none.opml'), { code: 1, stderr: /^error IMPORT_EMPTY: / });
  t.match(await feeds('import', 'nowhere.opml'), { code: 1, stderr: /FILE_UNREADABLE/ });
  const piped = await cli.run(['feeds', 'import', '-', '--store', STORE], { input: opml('http://example.org/two') });
  t.match(piped, { code: 0, stdout: /Added 1 feed/ });
  t.equal(((await json('list')) as unknown[]).length, 2);
});
