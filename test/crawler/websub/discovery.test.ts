import t from 'tap';
import { newFeed } from '../../../crawler/new-feed.ts';
import { parseFeed } from '../../../crawler/parse/parse.ts';
import { atPlainTime, scheduleBeside, withPushes } from '../../../crawler/websub/backup-poll.ts';
import { headerLinks } from '../../../crawler/websub/link-header.ts';
import { offerOf } from '../../../crawler/websub/offer.ts';
import { checkSignature } from '../../../crawler/websub/signature.ts';
import type { FeedRecord } from '../../../store/documents.ts';
import { onEachEngine, START } from '../harness.ts';
import { DAY_MS, HOUR_MS } from './reader-site.ts';
import { linksOf, world } from './world.ts';

const URL_OF_FEED = 'https://site.example/blog/feed.xml';
const HUB = 'https://hub.example/';

/** `Link` headers and the hubs and the self URL that they name. */
const HEADERS: readonly [string | string[], string[], string | null][] = [
  [`<${HUB}>; rel="hub"`, [HUB], null],
  [`<${HUB}>; rel=hub, <https://site.example/f>; rel=self`, [HUB], 'https://site.example/f'],
  [[`<${HUB}>; rel="hub"`, '</f>; rel="self"'], [HUB], 'https://site.example/f'],
  ['<f#x>;rel="self alternate"', [], 'https://site.example/blog/f'],
  [`<${HUB}>; title="a, \\"b\\"; rel=self"; rel="HUB"`, [HUB], null],
  [`<${HUB}> ; rel = hub ; rel=self`, [HUB], null],
  [`<${HUB}>; rel=hub; anchor="https://other.example/"`, [], null],
  ['<ftp://hub.example/>; rel=hub, <>; rel=hub, <mailto:a@b.example>; rel=self', [], null],
  [`nonsense, <${HUB}>; rel=hub`, [HUB], null],
  [`<${HUB}>; rel=hub, <https://two.example/>; rel=hub, <${HUB}>; rel=hub`, [HUB, 'https://two.example/'], null],
  ['<<<>>>;;;,,,"', [], null],
  ['', [], null],
];

t.test('links are read from headers however they are written', async (t) => {
  for (const [link, hubs, self] of HEADERS) {
    t.strictSame(headerLinks({ link }, URL_OF_FEED), { hubs, self }, String(link));
  }
  const hostile = [
    `<${'x'.repeat(100_000)}`,
    '<a>;'.repeat(10_000),
    '<a>; rel="'.padEnd(50_000, '\\'),
    '<a>;rel=,'.repeat(9_000),
  ];
  for (const link of hostile) t.ok(headerLinks({ link }, URL_OF_FEED), 'and end however long they are');
});

t.test('headers win over the document, and what is not said stays as it was', async (t) => {
  const document = { hubs: ['https://doc.example/'], selfUrl: 'https://site.example/doc' };
  const link = `<${HUB}>; rel=hub, <https://site.example/head>; rel=self`;
  t.strictSame(offerOf({ link }, URL_OF_FEED, document), { hubs: [HUB], topic: 'https://site.example/head' });
  t.strictSame(offerOf({}, URL_OF_FEED, document), { hubs: document.hubs, topic: document.selfUrl });
  t.strictSame(offerOf({ link: `<${HUB}>; rel=hub` }, URL_OF_FEED, document), { hubs: [HUB], topic: document.selfUrl });
  const none = { hubs: [], selfUrl: null };
  t.equal(offerOf({}, URL_OF_FEED, none), null, 'a feed without a hub');
  t.equal(offerOf({}, URL_OF_FEED, undefined), undefined, 'a 304 without a word on hubs');
  t.match(offerOf({ link }, URL_OF_FEED, undefined), { topic: 'https://site.example/head' }, 'a 304 that names one');
  t.equal(offerOf({}, URL_OF_FEED.replace('//', '//user:pw@'), { ...document, selfUrl: null })?.topic, URL_OF_FEED);
  const plain = { hubs: ['http://hub.example/', 'https://a:b@hub.example/'], selfUrl: null };
  t.equal(offerOf({}, URL_OF_FEED, plain), null, 'no hub in the clear for a feed that is not, none with a login');
  t.equal(offerOf({}, URL_OF_FEED.replace('https', 'http'), plain)?.hubs.length, 1);
  const many = { hubs: Array.from({ length: 20 }, (_, i) => `https://h${i}.example/`), selfUrl: null };
  t.equal(offerOf({}, URL_OF_FEED, many)?.hubs.length, 4);
});

t.test('hubs of other protocols are left out of JSON Feed', async (t) => {
  const hubs = [
    { type: 'rssCloud', url: 'https://cloud.example/' },
    { type: 'WebSub', url: HUB },
    { url: 'https://untyped.example/' },
  ];
  const body = Buffer.from(
    JSON.stringify({ version: 'https://jsonfeed.org/version/1.1', title: 'F', items: [], hubs }),
  );
  t.strictSame(parseFeed({ body, url: URL_OF_FEED }).hubs, [HUB, 'https://untyped.example/']);
});

onEachEngine(t, 'hubs in headers count, also those of a 304, and a feed that names none is left', async (t, engine) => {
  const { hub, reader, feed, topic, source } = await world(t, engine);
  const inFeed = source.channel;
  source.channel = '';
  await reader.poll(feed);
  t.equal((await reader.feed(feed)).webSub, undefined);
  source.headers = { link: `<${hub.hubUrl}>; rel=hub, <${topic}>; rel=self` };
  await reader.poll(feed);
  t.equal((await reader.feed(feed)).history[0]?.outcome, 'not-modified');
  await reader.settle();
  t.equal(hub.subscribed.size, 1);
  source.headers = {};
  source.channel = inFeed ?? '';
  source.etag = '"2"';
  await reader.subscribe(feed);
  t.equal(hub.asked.length, 1, 'the same hub and topic, elsewhere in the answer');
  source.channel = linksOf([], topic);
  source.etag = '"3"';
  await reader.subscribe(feed);
  t.equal(hub.subscribed.size, 0);
});

t.test(
  'beside a hub polls wait eight times as long, never less than the publisher wants, at most as the operator says',
  async (t) => {
    const input = {
      now: START,
      happened: { kind: 'unchanged' as const },
      intervalMs: HOUR_MS,
      hints: undefined,
      freshMs: null as number | null,
      retryAfterMs: null,
      limits: { minIntervalMs: 15 * 60_000, maxIntervalMs: DAY_MS },
      random: () => 0,
    };
    const wait = (over: Partial<typeof input>, subscribed: boolean, most = DAY_MS) =>
      (scheduleBeside({ ...input, ...over }, subscribed, most).next.nextAt - START) / HOUR_MS;
    t.equal(wait({}, false), 1.25);
    t.equal(wait({}, true), 10);
    t.equal(wait({}, true, 2 * HOUR_MS), 2);
    t.equal(wait({ intervalMs: 20 * HOUR_MS }, true), 24);
    t.equal(wait({ freshMs: 3 * DAY_MS }, true), 72, 'what the publisher asks for counts on');
    const { next, plain } = scheduleBeside(input, true, DAY_MS);
    t.equal(next.intervalMs, HOUR_MS, 'that a poll finds nothing is no news of the feed');
    t.match(next.nextWhy, '10 h while a hub pushes what is new');
    t.equal(plain.nextAt, START + 1.25 * HOUR_MS);
  },
);

t.test('without the hub the feed is due when it would have been', async (t) => {
  const record: FeedRecord = {
    ...newFeed({ url: URL_OF_FEED, title: '', siteUrl: null, now: START, nextAt: START + HOUR_MS }),
    webSub: { hubs: [HUB], topic: URL_OF_FEED, whole: false, until: null, plain: null },
  };
  const pushed = withPushes(record, START + DAY_MS, START, () => 0) ?? record;
  t.match(pushed, { nextAt: START + HOUR_MS, webSub: { until: START + DAY_MS, plain: { nextAt: START + HOUR_MS } } });
  t.equal(
    withPushes(pushed, START + DAY_MS, START, () => 0),
    undefined,
    'nothing changes',
  );
  const slow = { ...pushed, nextAt: START + 8 * HOUR_MS, nextWhy: 'slow' };
  t.match(
    withPushes(slow, null, START, () => 0),
    { nextAt: START + HOUR_MS, webSub: { until: null, plain: null } },
  );
  const late = withPushes(slow, null, START + 4 * HOUR_MS, () => 0.5)?.nextAt ?? 0;
  t.ok(late > START + 4 * HOUR_MS && late <= START + 4.2 * HOUR_MS, 'feeds that lose their hub together are spread');
  t.equal(
    atPlainTime(record, START, () => 0),
    record,
  );
});

t.test('signatures of all four hashes are known, in any case, and nothing else is one', async (t) => {
  const body = Buffer.from('body');
  const { createHmac } = await import('node:crypto');
  for (const hash of ['sha1', 'sha256', 'sha384', 'sha512']) {
    const hex = createHmac(hash, 'secret').update(body).digest('hex');
    t.equal(checkSignature(`${hash}=${hex}`, 'secret', body), 'valid');
    t.equal(checkSignature(`${hash.toUpperCase()}=${hex.toUpperCase()}`, 'secret', body), 'valid');
    t.equal(checkSignature(`${hash}=${hex.slice(2)}`, 'secret', body), 'wrong');
    t.equal(checkSignature(`${hash}=${hex}`, 'other', body), 'wrong');
  }
  t.equal(checkSignature(undefined, 'secret', body), 'missing');
  t.equal(checkSignature(`sha256=${'g'.repeat(64)}`, 'secret', body), 'wrong');
});
