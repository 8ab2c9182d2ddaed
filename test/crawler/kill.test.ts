import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { CrawlSummary } from '../../crawler/crawler.ts';
import { openStore } from '../../store/open.ts';
import { entries, type FeedSite, feedSite } from './feed-site.ts';
import { onEachEngine, type Setting, setting } from './harness.ts';

const SEED = Number(process.env.FEEDFERRY_TEST_SEED ?? Date.now() % 1_000_000);
const FEEDS = 80;
const ENTRIES = 12;

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

async function world(): Promise<{ site: FeedSite; urls: string[] }> {
  const names = Array.from({ length: FEEDS }, (_, i) => `feed-${i}`);
  const feeds = names.map((name) => [name, { etag: `"${name}"`, entries: entries(ENTRIES) }]);
  const site = await feedSite(Object.fromEntries(feeds));
  return { site, urls: names.map((name, i) => site.at(`127.0.3.${1 + (i % 20)}`, `/${name}`)) };
}

function startCrawl(url: string): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, 'crawl-child.ts'), url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Resolves when the site has been asked so many times more, or the child has ended. */
async function asked(site: FeedSite, times: number, child: ChildProcess): Promise<void> {
  const wanted = site.requests.length + times;
  await new Promise<void>((resolve) => {
    const check = setInterval(() => {
      if (site.requests.length < wanted && child.exitCode === null) return;
      clearInterval(check);
      resolve();
    }, 1);
  });
}

async function isWhole(t: Test, crawled: Setting, ids: readonly string[], end: boolean): Promise<number> {
  let stored = 0;
  // As another process would find it.
  await using store = await openStore(crawled.url);
  const records = await store.feeds.getMany(ids);
  const articles = await store.articles.scan({ limit: 10_000 });
  for (const id of ids) {
    const record = records.get(id)?.content;
    const found = articles.filter((article) => article.content.feed === id);
    if (record?.etag == null) continue;
    stored += 1;
    t.equal(found.length, ENTRIES, `${record.etag} has all its articles`);
  }
  const nums = new Set(articles.map(({ content }) => content.num));
  t.equal(nums.size, articles.length, 'every number once');
  if (end) t.equal(articles.length, FEEDS * ENTRIES, 'all articles, each once');
  return stored;
}

await onEachEngine(t, 'a crawl that is killed at any moment goes on where it was', async (t, engine) => {
  t.comment(`seed ${SEED} (FEEDFERRY_TEST_SEED)`);
  const next = random(SEED);
  const { site, urls } = await world();
  await using _site = site;
  await using crawled = await setting(engine);
  crawled.clock.now = Date.now();
  const ids = await crawled.add(...urls);
  let stored = 0;
  let kills = 0;
  while (stored < FEEDS && kills < 12) {
    const child = startCrawl(crawled.url);
    await asked(site, 1 + next(12), child);
    const later = next(25);
    await new Promise((resolve) => setTimeout(resolve, later));
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    kills += 1;
    const now = await isWhole(t, crawled, ids, false);
    t.ok(now >= stored, `${now} feeds stored after ${kills} kills`);
    stored = now;
  }
  t.match(await crawled.crawl({ clock: Date.now }), { unfinished: 0, failed: {}, error: null });
  t.equal(await isWhole(t, crawled, ids, true), FEEDS);
});

await onEachEngine(
  t,
  'SIGTERM ends a crawl in time: what is in flight is stored, the rest stays due',
  async (t, engine) => {
    const { site, urls } = await world();
    await using _site = site;
    // Six are in flight when it comes: five will answer, one never does.
    let count = 0;
    for (const feed of site.feeds.values()) {
      feed.before = () => {
        count += 1;
        if (count <= 20) return;
        return count === 22 ? new Promise(() => {}) : new Promise((resolve) => setTimeout(resolve, 300));
      };
    }
    await using crawled = await setting(engine);
    crawled.clock.now = Date.now();
    const ids = await crawled.add(...urls);
    const child = startCrawl(crawled.url);
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += chunk;
    });
    await asked(site, 26, child);
    const started = performance.now();
    child.kill('SIGTERM');
    const [code] = await once(child, 'close');
    const seconds = (performance.now() - started) / 1_000;
    t.equal(code, 0);
    t.ok(seconds > 4 && seconds < 10, `ended after ${seconds.toFixed(1)} s`);
    const summary: CrawlSummary = JSON.parse(output);
    t.match(summary, { feeds: FEEDS, failed: {}, error: null });
    t.equal(summary.fetched + summary.unfinished, FEEDS);
    t.ok(summary.unfinished > 30);
    t.equal(await isWhole(t, crawled, ids, false), summary.fetched, 'all that was fetched is stored');
    for (const feed of site.feeds.values()) feed.before = undefined;
    t.match(await crawled.crawl({ clock: Date.now }), { fetched: summary.unfinished, error: null });
    await isWhole(t, crawled, ids, true);
  },
);

t.test('a crawl that is stopped before it starts does nothing', async (t) => {
  const { site, urls } = await world();
  await using _site = site;
  await using crawled = await setting();
  await crawled.add(...urls);
  t.match(await crawled.crawl({ signal: AbortSignal.abort() }), { fetched: 0, error: null });
  t.equal(site.requests.length, 0);
});
