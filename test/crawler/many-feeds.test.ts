/** Passes over more feeds than the queue of a process takes at once. */
import t from 'tap';
import { entries, feedSite } from './feed-site.ts';
import { START, setting } from './harness.ts';

/** More than the store gives as one page. */
const FEEDS = 620;
const WAITING_MAX = 20;
const HOUR_MS = 3_600_000;

async function scene() {
  await using stack = new AsyncDisposableStack();
  const names = Array.from({ length: FEEDS }, (_, i) => `f${i}`);
  const site = stack.use(await feedSite(Object.fromEntries(names.map((name) => [name, { entries: entries(1) }]))));
  const crawled = stack.use(await setting());
  const ids = await crawled.add(...names.map((name, i) => site.at(`127.0.9.${(i % 200) + 1}`, `/${name}`)));
  const ends = stack.move();
  return { site, crawled, ids, [Symbol.asyncDispose]: () => ends[Symbol.asyncDispose]() };
}

t.test('each is fetched once, and it is told from the beginning how many there are', async (t) => {
  await using there = await scene();
  const { site, crawled } = there;
  for (const force of [false, true]) {
    crawled.clock.now += 48 * HOUR_MS;
    site.requests.length = 0;
    const totals = new Set<number>();
    const summary = await crawled.crawl({
      ...{ force, waitingMax: WAITING_MAX },
      onProgress: ({ total }) => totals.add(total),
    });
    t.same([...totals], [FEEDS]);
    t.match(summary, { feeds: FEEDS, fetched: FEEDS, skipped: 0, unfinished: 0, error: null });
    t.equal(new Set(site.requests.map(({ url }) => url)).size, FEEDS);
    t.equal(site.requests.length, FEEDS);
  }
});

t.test('a pass that is ended waits for no room, and says how many are left', async (t) => {
  await using there = await scene();
  const { crawled, ids } = there;
  const stop = new AbortController();
  const summary = await crawled.crawl({
    ...{ waitingMax: WAITING_MAX, signal: stop.signal },
    onProgress: () => stop.abort(),
  });
  const tried = await Promise.all(ids.map(async (id) => (await crawled.feed(id)).triedAt));
  const done = tried.filter((at) => at === START).length;
  t.ok(done > 0 && done < FEEDS, `${done} were done`);
  t.match(summary, { feeds: FEEDS, fetched: done, unfinished: FEEDS - done, skipped: 0 });
});
