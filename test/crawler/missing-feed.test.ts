import fc from 'fast-check';
import t from 'tap';
import { LOOK_AFTER_MS, missingAfter, nextStep } from '../../crawler/missing-feed.ts';
import { newFeed } from '../../crawler/new-feed.ts';
import { CONFIRMATIONS_MIN, CONFIRMED_OVER_MS_MIN } from '../../crawler/permanent-redirect.ts';
import type { FeedRecord } from '../../store/documents.ts';
import { entries, type FeedSite, feedSite, type SiteFeed } from './feed-site.ts';
import { onEachEngine, type Setting, START, setting } from './harness.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ROUNDS_MAX = 500;

t.test(
  'whatever the looks find, the feed itself is asked every other time, and a place only after it was confirmed',
  async () => {
    const find = fc.constantFrom('https://a.example/', 'https://b.example/', null, undefined);
    const attempt = fc.record({
      hours: fc.integer({ min: 1, max: 100 }),
      status: fc.constantFrom(404, 500, null),
      find,
    });
    fc.assert(
      fc.property(fc.array(attempt, { maxLength: 60 }), (attempts) => {
        const url = 'https://site.example/feed';
        let feed: FeedRecord = newFeed({ url, title: '', siteUrl: 'https://site.example/', now: 0, nextAt: 0 });
        let at = 0;
        let before = '';
        let missingSince: number | undefined;
        let looks: { at: number; found: string | null }[] = [];
        for (const { hours, status, find } of attempts) {
          at += hours * HOUR;
          const step = nextStep(feed, at);
          if (step.kind !== 'fetch' && (before !== 'fetch' || at - (missingSince ?? at) < LOOK_AFTER_MS)) return false;
          if (step.kind === 'try') {
            const run = looks.slice(looks.findLastIndex(({ found }) => found !== step.url) + 1);
            if (run.length < CONFIRMATIONS_MIN || at - (run[0]?.at ?? at) < CONFIRMED_OVER_MS_MIN) return false;
          }
          if (step.kind === 'look' && find !== undefined) looks = [...looks, { at, found: find }];
          if (step.kind === 'fetch' && status === 404) missingSince ??= at;
          feed = { ...feed, triedAt: at, missing: missingAfter(feed, step, { at, status, found: find }) };
          before = step.kind;
        }
        return true;
      }),
    );
  },
);

t.test('a feed without a site, or whose site is no address, is only asked itself', async (t) => {
  for (const siteUrl of [null, '/relative']) {
    const feed = newFeed({ url: 'https://a.example/', title: '', siteUrl, now: 0, nextAt: 0 });
    const missing = { since: 0, lookedAt: null, found: null };
    t.equal(nextStep({ ...feed, missing, triedAt: 1 }, 30 * DAY).kind, 'fetch');
  }
});

function page(...links: string[]): SiteFeed {
  const all = links.map(
    (href, i) => `<link rel="alternate" type="application/rss+xml" title="Feed ${'abc'[i]}" href="${href}">`,
  );
  return {
    entries: [],
    answer: (response) => response.end(`<!DOCTYPE html><html><head>${all.join('')}</head></html>`),
  };
}

/** A feed that has been crawled once and is gone since; its site names `links`. */
async function lostFeed(site: FeedSite, crawled: Setting, ...links: string[]): Promise<string> {
  site.feeds.set('old', { entries: entries(2), etag: '"old"' });
  const [id = ''] = await crawled.add(`${site.url}/old`);
  await crawled.crawl();
  const live = await crawled.store.feeds.get(id);
  if (live === undefined) throw new Error('no feed');
  await using writer = await crawled.store.feeds.openWriter({ owner: 'test', durability: 'lazy' });
  await writer.edit([{ id, content: { ...live.content, siteUrl: `${site.url}/home` } }]);
  site.feeds.delete('old');
  site.feeds.set('home', page(...links));
  return id;
}

/** As the schedule has it, until so many days have passed. */
async function crawlWhenDue(crawled: Setting, id: string, days: number): Promise<void> {
  const end = crawled.clock.now + days * DAY;
  for (let rounds = 0; ; rounds += 1) {
    const { nextAt, state, nextWhy } = await crawled.feed(id);
    if (nextAt > end || state === 'gone') break;
    if (rounds > ROUNDS_MAX) throw new Error(`it does not end: ${nextWhy}`);
    crawled.clock.now = Math.max(crawled.clock.now, nextAt);
    await crawled.crawl();
  }
  crawled.clock.now = end;
}

await onEachEngine(t, 'a feed that is missing for a week is found again where its site names it', async (t, engine) => {
  await using site = await feedSite({ new: { entries: entries(3), etag: '"new"' } });
  await using crawled = await setting(engine);
  const id = await lostFeed(site, crawled, '/new');
  await crawlWhenDue(crawled, id, 7);
  const home = () => site.requests.filter(({ url }) => url === '/home');
  t.equal(home().length, 0, 'no look within the first week');
  t.match(await crawled.feed(id), { url: `${site.url}/old`, lastError: { code: 'FETCH_HTTP_404' } });
  await crawlWhenDue(crawled, id, 14);
  const found = await crawled.feed(id);
  t.match(found, { url: `${site.url}/new`, missing: null, errors: 0, etag: '"new"', state: 'active' });
  t.ok(found.history.some(({ message }) => message === `found again at ${site.url}/new, adopted`));
  t.ok(home().length >= 3, `${home().length} looks`);
  t.ok(home().length <= 20, `${home().length} looks`);
  const asked = site.requests.filter(({ url }) => url === '/new');
  t.equal(asked[0]?.headers['if-none-match'], undefined, 'the validators of the old URL are not those of the new one');
  t.ok(asked.length > 1 && asked.slice(1).every(({ headers }) => headers['if-none-match'] === '"new"'));
  t.equal((await crawled.articles(id)).length, 3, 'entries with the same identity are the same articles');
});

await t.test('what is named by nobody, by several, by another feed or by no feed is not adopted', async (t) => {
  const links: [string, string[], string][] = [
    ['nothing', [], 'DISCOVER_NONE'],
    ['itself', ['/old'], 'DISCOVER_NONE'],
    ['two feeds', ['/new', '/other'], 'DISCOVER_MANY'],
    ['a feed that is there', ['/known'], 'DISCOVER_NONE'],
    ['no feed at all', ['/parked'], 'PARSE_HTML'],
  ];
  for (const [what, named, code] of links) {
    const other = { entries: entries(1) };
    await using site = await feedSite({ new: other, other, known: other, parked: page() });
    await using crawled = await setting();
    const id = await lostFeed(site, crawled, ...named);
    await crawled.add(`${site.url}/known`);
    await crawlWhenDue(crawled, id, 60);
    const feed = await crawled.feed(id);
    t.match(feed, { url: `${site.url}/old`, state: 'active', etag: '"old"' }, what);
    t.ok(
      feed.history.some(({ outcome }) => outcome === code),
      `${what}: ${feed.history.map(({ outcome }) => outcome)}`,
    );
    t.ok(
      site.requests.slice(-2).some(({ url }) => url === '/old'),
      'and it is still asked for',
    );
  }
});

t.test(
  'a page that says 410, or is not there, changes nothing; the feed that comes back ends the search',
  async (t) => {
    await using site = await feedSite({});
    await using crawled = await setting();
    const id = await lostFeed(site, crawled);
    site.feeds.set('home', { entries: [], answer: (response) => response.writeHead(410).end() });
    await crawlWhenDue(crawled, id, 40);
    t.match(await crawled.feed(id), { state: 'active', missing: { found: null } });
    t.ok(site.requests.some(({ url }) => url === '/home'));
    site.feeds.set('old', { entries: entries(2), etag: '"old"' });
    await crawlWhenDue(crawled, id, 20);
    t.match(await crawled.feed(id), { url: `${site.url}/old`, missing: null, errors: 0 });
    t.ok(crawled.clock.now > START);
  },
);

t.test('410 still ends it', async (t) => {
  await using site = await feedSite({});
  await using crawled = await setting();
  const id = await lostFeed(site, crawled, '/new');
  site.feeds.set('old', { entries: [], answer: (response) => response.writeHead(410).end() });
  await crawlWhenDue(crawled, id, 1);
  t.match(await crawled.feed(id), { state: 'gone' });
});
