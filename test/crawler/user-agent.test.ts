import fc from 'fast-check';
import t from 'tap';
import { type CrawlOptions, crawl } from '../../crawler/crawler.ts';
import { openFetcher } from '../../crawler/fetch.ts';
import { RECOUNT_MS, SubscriberCounts } from '../../crawler/subscriber-counts.ts';
import {
  filledUserAgent,
  isUserAgent,
  USER_AGENT_PLACEHOLDERS,
  type UserAgentSource,
  userAgentOf,
} from '../../crawler/user-agent.ts';
import type { Store } from '../../store/contract.ts';
import { entries, feedSite } from './feed-site.ts';
import { OPTIONS } from './fetching.ts';
import { crawlOptions, onEachEngine, setting } from './harness.ts';

const TEXT = 'Name/{version} (+{site}; {subscribers} subscribers; feed-id={feed})';

function source(text: string, subscribers: UserAgentSource['subscribers']): UserAgentSource {
  return { text, version: '1.0', siteUrl: 'https://site.example/', subscribers };
}

async function follow(store: Store, ...pairs: [user: string, feed: string][]): Promise<void> {
  await using writer = await store.subscriptions.openWriter({ owner: 'test', durability: 'lazy' });
  const about = { title: null, folder: null, addedAt: 0 };
  await writer.edit(pairs.map(([user, feed]) => ({ id: `${user}.${feed}`, content: { user, feed, ...about } })));
}

t.test('only placeholders that exist may stand in braces', async (t) => {
  for (const good of [TEXT, 'A', 'A/1 (b; c)', '{feed}']) t.ok(isUserAgent(good), good);
  for (const bad of ['', ' A', 'A ', 'Ä', 'A\r\nB: c', 'A {readers}', 'A {', 'A }', 'A {{feed}}', 'A {}', 'A {Feed}']) {
    t.notOk(isUserAgent(bad), JSON.stringify(bad));
  }
  t.notOk(isUserAgent('x'.repeat(257)));
});

t.test('whatever the values are, a valid header comes out', async (t) => {
  const part = fc.oneof(
    fc.constantFrom(...USER_AGENT_PLACEHOLDERS.map((name) => `{${name}}`), '(', ')', '; ', ' ', '{', '}'),
    fc.string({ maxLength: 12 }),
  );
  const value = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.nat(), fc.webUrl());
  const values = fc.record({ version: value, site: value, subscribers: value, feed: value });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), values, (parts, filling) => {
      const text = parts.join('');
      fc.pre(isUserAgent(text));
      const header = filledUserAgent(text, filling);
      t.match(header, /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/);
    }),
  );
});

t.test('without placeholders that differ between feeds it is one text, and nothing is counted', async (t) => {
  t.equal(
    userAgentOf(source('A/{version} ({site})', () => Promise.reject(new Error('no')))),
    'A/1.0 (https://site.example/)',
  );
});

await onEachEngine(t, 'each feed is asked with the number of its own subscribers and its id', async (t, engine) => {
  await using site = await feedSite({ a: { entries: entries(1) }, b: { entries: entries(1) } });
  await using crawled = await setting(engine);
  const { store } = crawled;
  const [a = '', b = ''] = await crawled.add(`${site.url}/a`, `${site.url}/b`);
  await follow(store, ['anna', a], ['bert', a], ['anna', 'other']);
  const counts = new SubscriberCounts(store, () => crawled.clock.now);
  const userAgent = userAgentOf(source(TEXT, (feed) => counts.of(feed)));
  await using fetcher = openFetcher({ ...OPTIONS, userAgent });
  const options: CrawlOptions = { ...crawlOptions(crawled), fetcher, force: true };
  const sent = () =>
    ['/a', '/b'].map((url) => site.requests.findLast((request) => request.url === url)?.headers['user-agent']);
  const expected = (countA: number, countB: number) => [
    `Name/1.0 (+https://site.example/; ${countA} subscribers; feed-id=${a})`,
    `Name/1.0 (+https://site.example/; ${countB} subscribers; feed-id=${b})`,
  ];
  await crawl(options);
  t.same(sent(), expected(2, 0));
  await follow(store, ['bert', b]);
  await crawl(options);
  t.same(sent(), expected(2, 0), 'not counted again at each fetch');
  crawled.clock.now += RECOUNT_MS;
  await counts.of(a);
  await crawl(options);
  crawled.clock.now += RECOUNT_MS;
  await crawl(options);
  t.same(sent(), expected(2, 1));
});

t.test(
  'subscriptions are read again only where they were written since, and trouble then leaves the old counts',
  async (t) => {
    await using crawled = await setting();
    const { store, clock } = crawled;
    await follow(store, ['anna', 'a']);
    let scans = 0;
    let broken = false;
    const { subscriptions } = store;
    const scan = ((query) => {
      scans += 1;
      if (broken) throw new Error('broken');
      return subscriptions.scan(query);
    }) as typeof subscriptions.scan;
    const watched = { subscriptions: { ...subscriptions, changes: subscriptions.changes, scan } } as Pick<
      Store,
      'subscriptions'
    >;
    const counts = new SubscriberCounts(watched, () => clock.now);
    broken = true;
    await t.rejects(counts.of('a'), { name: 'StoreTrouble' });
    broken = false;
    t.equal(await counts.of('a'), 1);
    const before = scans;
    for (let i = 0; i < 100; i += 1) await counts.of('a');
    clock.now += RECOUNT_MS;
    await counts.of('a');
    await counts.of('a');
    t.equal(scans, before);
    await follow(store, ['bert', 'a']);
    broken = true;
    clock.now += 2 * RECOUNT_MS;
    t.equal(await counts.of('a'), 1);
  },
);
