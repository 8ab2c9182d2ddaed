import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import t, { type Test as Tap } from 'tap';
import type { Store } from '../../store/contract.ts';
import type { Article } from '../../store/documents.ts';
import { openStore } from '../../store/open.ts';
import { chromiumPath } from '../rig/chromium.ts';
import { mongodbUrl } from '../rig/mongodb.ts';
import { skipLoudly } from '../rig/skip.ts';
import { type FeedFolder, serveFeedFolder } from './feed-folder.ts';
import { feedferry, feedferryServe } from './feedferry-process.ts';

const CASES = fileURLToPath(new URL('../crawler/parse/cases/', import.meta.url));
const CORPORA = process.env.FEEDFERRY_TEST_CORPORA;

t.test('the feeds of the parser cases, crawled for real', (t) => crawlIntoBoth(t, CASES));

t.test('feeds as they were on the web, crawled for real', async (t) => {
  if (CORPORA === undefined) return skipLoudly(t, 'FEEDFERRY_TEST_CORPORA names no folder of real feeds');
  await crawlIntoBoth(t, join(CORPORA, 'real', 'feeds'));
});

async function crawlIntoBoth(t: Tap, folder: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'feedferry-both-'));
  await using feeds = await serveFeedFolder(folder);
  t.teardown(() => rm(scratch, { recursive: true, force: true }));
  const opml = join(scratch, 'feeds.opml');
  await writeFile(opml, feeds.opml);

  const sqliteUrl = `sqlite:${join(scratch, 'a.db')}`;
  const inSqlite = await crawlTwice(t, 'sqlite', sqliteUrl, opml, feeds);
  t.ok(inSqlite.length > 0, `${inSqlite.length} articles from ${feeds.urls.length} feeds`);
  await t.test('a browser shows them', (t) => browse(t, sqliteUrl, inSqlite));

  await t.test('both stores hold the same articles', async (t) => {
    const server = await mongodbUrl();
    if ('skip' in server) return skipLoudly(t, server.skip);
    const url = new URL(server.url);
    url.pathname = `/both_${process.pid}_${Date.now()}`;
    const inMongodb = await crawlTwice(t, 'mongodb', url.href, opml, feeds);
    t.strictSame(inMongodb, inSqlite);
  });
}

/** Crawls, crawls again by force, and proves that the second crawl wrote no article. Returns comparable articles. */
async function crawlTwice(t: Tap, name: string, url: string, opml: string, feeds: FeedFolder): Promise<unknown[]> {
  const crawl = ['crawl', '--once', '--json', '--feeds', opml, '--store', url, '--host-gap', '0', '--concurrency', '8'];
  const first = await feedferry(crawl);
  t.equal(first.code, 0, `${name}: the first crawl ends well: ${first.stderr}`);
  const summary = JSON.parse(first.stdout);
  t.equal(summary.feeds, feeds.urls.length, `${name}: every feed was tried`);

  await using store = await openStore(url);
  const before = await store.articles.changes.slots();
  const validated = (await store.feeds.scan({ limit: 10_000 })).filter((feed) => feed.content.etag !== null).length;
  feeds.requests.length = 0;
  const second = JSON.parse((await feedferry([...crawl, '--force'])).stdout);
  const fetchedAgain = feeds.requests.filter((request) => request.status !== 304).length;
  t.ok(validated > 0 && validated <= summary.fetched, `${name}: ${validated} feeds keep validators`);
  t.equal(second.notModified, validated, `${name}: what was fetched whole is not modified the second time`);
  t.equal(
    fetchedAgain,
    feeds.urls.length - validated,
    `${name}: only feeds that failed or broke off are fetched again`,
  );
  t.equal(second.articlesNew + second.articlesChanged, 0, `${name}: no article is new or changed`);
  t.equal(await writesSince(store, before), 0, `${name}: the second crawl wrote no article`);
  return await comparable(store);
}

async function writesSince(store: Store, before: readonly { slot: number; stable: number }[]): Promise<number> {
  let writes = 0;
  for (const { slot } of await store.articles.changes.slots()) {
    const after = before.find((old) => old.slot === slot)?.stable ?? 0;
    writes += (await store.articles.changes.read(slot, after, 10_000)).docs.length;
  }
  return writes;
}

/** Every article but for what differs by the moment of the crawl. */
async function comparable(store: Store): Promise<unknown[]> {
  const articles = await store.articles.scan({ limit: 100_000 });
  return articles.map(({ id, content }) => {
    const { num: _num, arrived: _arrived, at, ...rest } = content satisfies Article;
    return { id, ...rest, at: (content.published ?? content.updated) === null ? null : at };
  });
}

async function browse(t: Tap, storeUrl: string, articles: unknown[]): Promise<void> {
  const found = chromiumPath();
  if ('skip' in found) return skipLoudly(t, found.skip);
  await using site = await feedferryServe(['--store', storeUrl, '--no-crawler']);
  const browser = await chromium.launch({ executablePath: found.path, args: ['--no-sandbox', '--disable-gpu'] });
  t.teardown(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(site.url);
  const shown = (await page.locator('main').innerText()).split('\n').map((line) => line.trim());
  const titles = (articles as Article[]).map((article) => article.title.trim()).filter((title) => title.length > 3);
  const visible = titles.filter((title) => shown.includes(title));
  t.ok(visible.length > 0, `${visible.length} titles of the crawled articles stand on the first page`);
  const picture = await page.screenshot();
  t.ok(picture.length > 10_000, 'the screenshot shows a page, not a blank');
  await page
    .getByText(visible[0] ?? '', { exact: true })
    .first()
    .click();
  t.match(page.url(), /\/articles\//, 'a click on a title opens its article');
  t.match(await page.locator('h1').first().innerText(), visible[0] ?? '', 'which carries the title');
  t.strictSame(complaints, [], 'no script fails');
}
