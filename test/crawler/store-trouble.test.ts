import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { crawl } from '../../crawler/crawler.ts';
import type { Edit, Store, Writer } from '../../store/contract.ts';
import type { Article } from '../../store/documents.ts';
import { CodedError, storeError } from '../../store/errors.ts';
import { openStore } from '../../store/open.ts';
import { skipLoudly } from '../rig/skip.ts';
import { entries, type FeedSite, feedSite } from './feed-site.ts';
import { crawlOptions, onEachEngine, type Setting, setting, sqlite } from './harness.ts';

const FEEDS = Array.from({ length: 30 }, (_, i) => `feed-${i}`);

/** Thirty feeds of five entries on as many hosts. */
async function world(html = '') {
  const feeds = FEEDS.map((name) => [
    name,
    { etag: `"${name}"`, entries: entries(5).map((entry) => ({ ...entry, html: `${html}${entry.guid}` })) },
  ]);
  const site = await feedSite(Object.fromEntries(feeds));
  return { site, urls: FEEDS.map((name, i) => site.at(`127.0.2.${i + 1}`, `/${name}`)) };
}

/** Does something when the site is asked for the n-th time, before it answers. */
function atRequest(site: FeedSite, n: number, action: () => void | Promise<void>): void {
  let asked = 0;
  for (const feed of site.feeds.values()) {
    feed.before = () => {
      asked += 1;
      return asked === n ? action() : undefined;
    };
  }
}

/** After the trouble: no feed has validators without its articles, and another crawl gets all, each once. */
async function recovers(t: Test, crawled: Setting, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const { etag } = await crawled.feed(id);
    if (etag !== null) t.equal((await crawled.articles(id)).length, 5, `${etag} has its articles`);
  }
  t.match(await crawled.crawl(), { unfinished: 0, failed: {}, error: null });
  const articles = await crawled.articles();
  t.equal(articles.length, 5 * FEEDS.length);
  t.equal(new Set(articles.map(({ content }) => content.num)).size, articles.length);
  for (const id of ids) t.match(await crawled.feed(id), { succeededAt: Number, errors: 0 });
}

await onEachEngine(
  t,
  'a database that is set read-only ends the crawl; set back, the crawl goes on',
  async (t, engine) => {
    for (const name of ['articles', 'feeds'] as const) {
      const { site, urls } = await world();
      await using _site = site;
      await using crawled = await setting(engine);
      const ids = await crawled.add(...urls);
      atRequest(site, 15, () => crawled.store[name].setMode('read-only'));
      const summary = await crawled.crawl({ concurrency: 2 });
      t.match(summary, { error: { code: 'DATABASE_READ_ONLY', advice: /read-write/ } }, name);
      t.ok(summary.unfinished > 5, `${summary.unfinished} unfinished`);
      await crawled.store[name].setMode('read-write');
      await recovers(t, crawled, ids);
    }
  },
);

await onEachEngine(t, 'a writer that is taken over in mid-crawl is replaced', async (t, engine) => {
  const { site, urls } = await world();
  await using _site = site;
  await using crawled = await setting(engine);
  const ids = await crawled.add(...urls);
  atRequest(site, 15, async () => {
    for (const database of [crawled.store.articles, crawled.store.feeds]) {
      for (const { slot } of await database.changes.slots()) await database.changes.takeOver(slot);
    }
  });
  t.match(await crawled.crawl({ concurrency: 2 }), { feeds: 30, fetched: 30, unfinished: 0, error: null });
  await recovers(t, crawled, ids);
});

t.test('a store that another process holds for a moment is waited for', async (t) => {
  const { site, urls } = await world();
  await using _site = site;
  await using crawled = await setting();
  const ids = await crawled.add(...urls);
  const other = new DatabaseSync(crawled.url.replace('sqlite:', ''));
  atRequest(site, 15, () => {
    other.exec('BEGIN IMMEDIATE');
    setTimeout(() => other.exec('COMMIT'), 700);
  });
  t.match(await crawled.crawl({ concurrency: 4 }), { fetched: 30, unfinished: 0, error: null });
  other.close();
  await recovers(t, crawled, ids);
});

t.test('a store that another process does not let go ends the crawl, in time', async (t) => {
  const { site, urls } = await world();
  await using _site = site;
  await using crawled = await setting();
  const ids = await crawled.add(...urls);
  await using impatient = await openStore(crawled.url, { waitMsMax: 200 });
  const other = new DatabaseSync(crawled.url.replace('sqlite:', ''));
  atRequest(site, 15, () => other.exec('BEGIN IMMEDIATE'));
  const started = performance.now();
  const summary = await crawl({
    ...crawlOptions({ ...crawled, store: impatient }),
    concurrency: 4,
    storeRetryMsMax: 1_000,
  });
  t.match(summary, { error: { code: 'STORE_LOCKED', retryable: true } });
  t.ok(summary.unfinished > 5);
  t.ok(performance.now() - started < 8_000);
  other.exec('COMMIT');
  other.close();
  await recovers(t, crawled, ids);
});

t.test('a store whose file is deleted in mid-crawl is said to be gone', async (t) => {
  const { site } = await world();
  await using _site = site;
  const { url, cleanup } = await sqlite.fresh();
  t.teardown(cleanup);
  await using first = await setting({ name: 'SQLite', fresh: async () => ({ url, cleanup: async () => {} }) });
  // One host, asked with a gap: the crawl lasts longer than the store goes without looking for its file.
  await first.add(...FEEDS.map((name) => site.at('127.0.2.1', `/${name}`)));
  const path = url.replace('sqlite:', '');
  atRequest(site, 5, () => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
  });
  const summary = await first.crawl({ hostConnections: 1, hostGapMs: 80, clock: Date.now, force: true });
  t.match(summary.error, { code: 'STORE_GONE' });
  t.ok(summary.unfinished > 0);
});

t.test('a full disk ends the crawl; with room again nothing is lost', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'feedferry-full-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1200k', 'tmpfs', disk], { stdio: 'pipe' });
  } catch (error) {
    return skipLoudly(
      t,
      `a small disk can't be mounted here: ${error instanceof Error ? error.message.split('\n')[0] : ''}`,
    );
  }
  t.teardown(() => execFileSync('umount', ['-l', disk]));
  const { site, urls } = await world('A long story. '.repeat(700));
  await using _site = site;
  const url = `sqlite:${join(disk, 'feedferry.db')}`;
  await using crawled = await setting({ name: 'SQLite', fresh: async () => ({ url, cleanup: async () => {} }) });
  const ids = await crawled.add(...urls);
  const summary = await crawled.crawl({ storeRetryMsMax: 500, concurrency: 2 });
  t.match(summary, { error: { code: 'STORE_FULL', advice: /space/ } });
  t.ok(
    summary.unfinished > 5 && summary.articlesNew > 0,
    `${summary.unfinished} unfinished, ${summary.articlesNew} new`,
  );
  execFileSync('mount', ['-o', 'remount,size=64m', disk]);
  await recovers(t, crawled, ids);
});

/** The same store, its writes of articles failing as told. */
function failingArticles(
  store: Store,
  failure: (call: number, edits: readonly Edit<Article>[]) => Error | 'after' | undefined,
): Store {
  let calls = 0;
  const wrap = (writer: Writer<Article>): Writer<Article> =>
    new Proxy(writer, {
      get(target, name) {
        if (name !== 'edit') {
          const value = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        }
        return async (edits: readonly Edit<Article>[]) => {
          calls += 1;
          const fails = failure(calls, edits);
          if (fails instanceof Error) throw fails;
          const outcomes = await target.edit(edits);
          if (fails === 'after') throw storeError('WRITE_UNRESOLVED', 'The answer got lost');
          return outcomes;
        };
      },
    });
  const proxied = (target: object, overrides: object): unknown =>
    new Proxy(target, {
      get(of, name) {
        const value = Reflect.get(name in overrides ? overrides : of, name, name in overrides ? overrides : of);
        return typeof value === 'function' && !(name in overrides) ? value.bind(of) : value;
      },
    });
  const openWriter: Store['articles']['openWriter'] = async (options) => wrap(await store.articles.openWriter(options));
  return proxied(store, { articles: proxied(store.articles, { openWriter }) }) as Store;
}

await onEachEngine(t, 'validators are never stored before the articles that came with them', async (t, engine) => {
  const { site, urls } = await world();
  await using _site = site;
  await using crawled = await setting(engine);
  const ids = await crawled.add(...urls);
  const refused = storeError('STORE_FULL', 'No room');
  const store = failingArticles(crawled.store, (call) => (call > 3 ? refused : undefined));
  const summary = await crawl({ ...crawlOptions({ ...crawled, store }), concurrency: 3, storeRetryMsMax: 0 });
  t.match(summary.error, { code: 'STORE_FULL' });
  const records = await Promise.all(ids.map((id) => crawled.feed(id)));
  t.ok(records.some(({ etag }) => etag === null));
  await recovers(t, crawled, ids);
});

await onEachEngine(t, 'a write whose answer got lost is not done twice, and counts once', async (t, engine) => {
  const { site, urls } = await world();
  await using _site = site;
  await using crawled = await setting(engine);
  const ids = await crawled.add(...urls);
  const store = failingArticles(crawled.store, (call) => (call % 3 === 0 ? 'after' : undefined));
  const summary = await crawl({ ...crawlOptions({ ...crawled, store }), concurrency: 3 });
  t.match(summary, { fetched: 30, articlesNew: 150, articlesUnchanged: 0, error: null });
  await recovers(t, crawled, ids);
});

t.test('a store that passes through a bad moment is asked again', async (t) => {
  const { site, urls } = await world();
  await using _site = site;
  await using crawled = await setting();
  const ids = await crawled.add(...urls);
  const passing = new CodedError('STORE_UNREACHABLE', 'Not now', { retryable: true });
  const store = failingArticles(crawled.store, (call) => (call < 4 ? passing : undefined));
  t.match(await crawl({ ...crawlOptions({ ...crawled, store }) }), { fetched: 30, error: null });
  await recovers(t, crawled, ids);
});

t.test('an article that the store refuses fails its own feed only', async (t) => {
  const { site, urls } = await world();
  await using _site = site;
  await using crawled = await setting();
  const ids = await crawled.add(...urls);
  const bad = ids[7] ?? '';
  const refusal = storeError('BATCH_INVALID', 'Too large');
  const store = failingArticles(crawled.store, (_call, edits) =>
    edits.some(({ id }) => id.startsWith(bad)) ? refusal : undefined,
  );
  const summary = await crawl({ ...crawlOptions({ ...crawled, store }) });
  t.match(summary, { fetched: 29, articlesNew: 145, failed: { BATCH_INVALID: 1 }, unfinished: 0, error: null });
  t.match(await crawled.feed(bad), { errors: 1, etag: null, lastError: { code: 'BATCH_INVALID' } });
  crawled.clock.now += 48 * 3_600_000;
  await recovers(t, crawled, ids);
});
