import fc from 'fast-check';
import t from 'tap';
import { addFeed } from '../../crawler/add-feed.ts';
import { newFeed } from '../../crawler/new-feed.ts';
import {
  adoptedUrl,
  CONFIRMATIONS_MIN,
  CONFIRMED_OVER_MS_MIN,
  isConfirmed,
  movedAfter,
} from '../../crawler/permanent-redirect.ts';
import { entries, type FeedSite, feedSite, type SiteFeed } from './feed-site.ts';
import { onEachEngine, type Setting, setting } from './harness.ts';

const DAY = 24 * 3_600_000;
const OLD = 'https://old.example/feed';

const confirmed = (to: string) => ({ to, since: 0, times: CONFIRMATIONS_MIN });
const record = (url: string) => newFeed({ url, title: '', siteUrl: null, now: 0, nextAt: 0 });

t.test('whatever comes, a target is confirmed only by that many fetches in a row over that many days', async () => {
  const targets = ['https://a.example/', 'https://b.example/', null];
  const fetch = fc.record({ to: fc.constantFrom(...targets), hours: fc.integer({ min: 0, max: 60 }) });
  fc.assert(
    fc.property(fc.array(fetch, { maxLength: 30 }), (fetches) => {
      let feed = record(OLD);
      const seen: { to: string | null; at: number }[] = [];
      let at = 0;
      for (const { to, hours } of fetches) {
        at += hours * 3_600_000;
        seen.push({ to, at });
        feed = { ...feed, moved: movedAfter(feed, to, at) };
        const adopted = feed.moved ? adoptedUrl(OLD, feed.moved, at) : null;
        const others = seen.findLastIndex((one) => one.to !== to);
        const run = to === null ? [] : seen.slice(others + 1);
        const enough = run.length >= CONFIRMATIONS_MIN && at - (run[0]?.at ?? at) >= CONFIRMED_OVER_MS_MIN;
        if (adopted !== (enough ? to : null)) return false;
      }
      return true;
    }),
  );
});

t.test('a clock that is set back confirms nothing', async (t) => {
  t.notOk(isConfirmed({ since: 10 * DAY, times: 9 }, 9 * DAY));
});

// Each row: the URL now, where it leads, what is adopted.
const ADOPTED: [string, string, string | null][] = [
  [OLD, 'https://new.example/feed', 'https://new.example/feed'],
  ['http://old.example/feed', 'https://old.example/feed', 'https://old.example/feed'],
  [OLD, 'http://old.example/feed', null],
  [OLD, 'http://new.example/feed', null],
  [OLD, OLD, null],
  ['https://me:pw@old.example/feed', 'https://old.example/new', 'https://me:pw@old.example/new'],
  ['https://me:pw@old.example/feed', 'https://new.example/feed', 'https://new.example/feed'],
  ['http://me:pw@old.example/feed', 'https://old.example/feed', 'https://old.example/feed'],
];
for (const [from, to, expected] of ADOPTED) {
  t.test(`${from} to ${to}: ${expected ?? 'not adopted'}`, async (t) => {
    t.equal(adoptedUrl(from, confirmed(to), CONFIRMED_OVER_MS_MIN), expected);
  });
}

/** `/old` leads to `/new` with a status that the test can change. */
async function movingSite(): Promise<{ site: FeedSite; lead: { status: number; to: string } }> {
  const lead = { status: 301, to: '/new' };
  const old: SiteFeed = {
    entries: [],
    answer: (response) => response.writeHead(lead.status, { location: lead.to }).end(),
  };
  const site = await feedSite({ old, new: { entries: entries(2), etag: '"new"' }, other: { entries: entries(2) } });
  return { site, lead };
}

async function crawlDaily(crawled: Setting, days: number): Promise<void> {
  for (let day = 0; day < days; day += 1) {
    await crawled.crawl({ force: true });
    crawled.clock.now += DAY;
  }
}

await onEachEngine(t, 'a feed that moved for good is fetched at its new URL after three days', async (t, engine) => {
  const { site } = await movingSite();
  await using _ = site;
  await using crawled = await setting(engine);
  const [id = ''] = await crawled.add(`${site.url}/old`);
  await crawlDaily(crawled, 3);
  t.match(await crawled.feed(id), { url: `${site.url}/old`, moved: { to: `${site.url}/new`, times: 3 } });
  await crawlDaily(crawled, 1);
  const after = await crawled.feed(id);
  t.match(after, { url: `${site.url}/new`, moved: null, etag: '"new"', errors: 0 });
  t.equal(after.history[0]?.message, `moved permanently to ${site.url}/new, adopted`);
  await crawlDaily(crawled, 2);
  t.equal(site.requests.filter(({ url }) => url === '/old').length, 4, 'the old URL is left alone');
  const unconditional = site.requests.filter(({ url, headers }) => url === '/new' && !headers['if-none-match']);
  t.equal(unconditional.length, 1, 'one unconditional request, ever: the validators were those of the new URL');
  t.equal((await crawled.articles(id)).length, 2);
  t.same(await crawled.add(`${site.url}/new`, `${site.url}/old`), [id, id], 'imported again, it is this feed');
  const { store, fetcher } = crawled;
  const added = await addFeed({ store, fetcher, clock: () => 0, random: () => 0, input: `${site.url}/new` });
  t.match(added, { id, created: false });
  t.equal(await store.feeds.count(), 1);
});

for (const status of [302, 303, 307]) {
  t.test(`a ${status} is never adopted`, async (t) => {
    const { site, lead } = await movingSite();
    await using _ = site;
    await using crawled = await setting();
    const [id = ''] = await crawled.add(`${site.url}/old`);
    lead.status = status;
    await crawlDaily(crawled, 6);
    t.match(await crawled.feed(id), { url: `${site.url}/old`, errors: 0 });
    t.notOk((await crawled.feed(id)).moved);
  });
}

t.test(
  'another target, a temporary redirect or none in between begins the count anew; a failure does not',
  async (t) => {
    const { site, lead } = await movingSite();
    await using _ = site;
    await using crawled = await setting();
    const [id = ''] = await crawled.add(`${site.url}/old`);
    const times = async () => (await crawled.feed(id)).moved?.times ?? 0;
    await crawlDaily(crawled, 3);
    lead.to = '/other';
    await crawlDaily(crawled, 1);
    t.equal(await times(), 1);
    await crawlDaily(crawled, 2);
    lead.status = 307;
    await crawlDaily(crawled, 1);
    t.equal(await times(), 0);
    lead.status = 308;
    await crawlDaily(crawled, 3);
    lead.to = '/missing';
    await crawlDaily(crawled, 1);
    t.equal(await times(), 3);
    lead.to = '/other';
    await crawlDaily(crawled, 1);
    t.match(await crawled.feed(id), { url: `${site.url}/other`, moved: null });
  },
);

t.test('what can not be read as a feed confirms no move, also when it is the same again', async (t) => {
  const { site } = await movingSite();
  await using _ = site;
  site.feeds.set('new', { entries: [], answer: (response) => response.end('<!DOCTYPE html><p>Parked') });
  await using crawled = await setting();
  const [id = ''] = await crawled.add(`${site.url}/old`);
  await crawlDaily(crawled, 6);
  t.match(await crawled.feed(id), { url: `${site.url}/old`, errors: 6 });
  t.notOk((await crawled.feed(id)).moved);
});

await onEachEngine(t, 'a feed that moves to where another one is crawled is merged into that', async (t, engine) => {
  const { site } = await movingSite();
  await using _ = site;
  await using crawled = await setting(engine);
  const { store } = crawled;
  const [old = '', young = ''] = await crawled.add(`${site.url}/old`, `${site.url}/new`);
  await using subscriptions = await store.subscriptions.openWriter({ owner: 'test', durability: 'lazy' });
  const content = { user: 'anna', feed: old, title: 'Mine', folder: null, addedAt: 1 };
  await subscriptions.edit([{ id: `anna.${old}`, content }]);
  await store.states.setMode('read-only');
  await crawlDaily(crawled, 5);
  t.match(await crawled.feed(old), { url: `${site.url}/old`, moved: { heldBy: young }, errors: 0 });
  t.equal(await store.subscriptions.count(), 1, 'while readers can not be written to, both go on');
  await store.states.setMode('read-write');
  t.match(await crawled.crawl({ force: true }), { failed: {}, error: null });
  t.equal(await store.feeds.get(old), undefined);
  t.match((await store.subscriptions.get(`anna.${young}`))?.content, { feed: young, title: 'Mine' });
  t.equal((await crawled.articles()).length, 2);
  t.match(await crawled.crawl({ force: true }), { feeds: 1, notModified: 1 });
});

t.test('a feed that is fetched with secrets of its own is not merged', async (t) => {
  const { site } = await movingSite();
  await using _ = site;
  await using crawled = await setting();
  const [old = '', young = ''] = await crawled.add(`${site.url}/old`, `${site.url}/new`);
  const live = await crawled.store.feeds.get(old);
  if (live === undefined) throw new Error('no feed');
  const overrides = { headers: { 'x-key': '1' }, origin: site.url };
  await using writer = await crawled.store.feeds.openWriter({ owner: 'test', durability: 'lazy' });
  await writer.edit([{ id: old, content: { ...live.content, overrides } }]);
  await crawlDaily(crawled, 6);
  t.match(await crawled.feed(old), { url: `${site.url}/old`, moved: { heldBy: young }, overrides });
});
