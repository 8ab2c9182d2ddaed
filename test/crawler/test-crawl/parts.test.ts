/** The parts of a test crawl that need no store and no network. */
import t from 'tap';
import { differencesOf } from '../../../crawler/test-crawl/article-difference.ts';
import { type ChosenCounts, chosenFeeds, type FeedChoice } from '../../../crawler/test-crawl/choose-feeds.ts';
import { Course, SPANS_MAX } from '../../../crawler/test-crawl/course.ts';
import { listSource, type SourceFeed } from '../../../crawler/test-crawl/feed-source.ts';
import { Histogram } from '../../../crawler/test-crawl/histogram.ts';
import { HostTally } from '../../../crawler/test-crawl/host-tally.ts';
import { PacedQueue } from '../../../crawler/test-crawl/paced-queue.ts';
import { seededRandom, testSeed } from '../../contract/random.ts';
import { article } from '../../contract/samples.ts';

const LIST = Array.from({ length: 2_000 }, (_, i) => ({
  ...{ url: `https://example.org/${i}`, title: '', siteUrl: null, folder: null },
}));

async function chosen(choice: Partial<FeedChoice>, list = LIST): Promise<{ urls: string[]; counts: ChosenCounts }> {
  const counts = { inSource: 0, notActive: 0, chosen: 0, ownUserAgent: 0 };
  const urls: string[] = [];
  const all = { max: null, sample: null, seed: '', ...choice };
  for await (const page of chosenFeeds(listSource('a list', list), all, counts)) {
    urls.push(...page.map(({ url }: SourceFeed) => url));
  }
  return { urls, counts };
}

t.test(
  'a sample is as large as was asked for, the same for the same seed, whatever the order of the source',
  async (t) => {
    const { urls, counts } = await chosen({ sample: 700, seed: 'a' });
    t.equal(new Set(urls).size, 700);
    t.match(counts, { inSource: 2_000, chosen: 700 });
    t.strictSame((await chosen({ sample: 700, seed: 'a' }, LIST.toReversed())).urls, urls);
    t.notSame((await chosen({ sample: 700, seed: 'b' })).urls, urls);
    const fewer = new Set((await chosen({ sample: 700, seed: 'a' }, LIST.slice(0, 1_900))).urls);
    t.ok(
      urls.filter((url) => Number(url.slice(20)) < 1_900).every((url) => fewer.has(url)),
      'those that are left stay in it',
    );
    t.equal((await chosen({ sample: 9_999, seed: 'a' })).urls.length, 2_000, 'no more than there are');
  },
);

t.test('the first so many are taken, and the others counted', async (t) => {
  const { urls, counts } = await chosen({ max: 750 });
  t.strictSame(
    urls,
    LIST.slice(0, 750).map(({ url }) => url),
  );
  t.match(counts, { inSource: 2_000, chosen: 750 });
  t.equal((await chosen({}, [...LIST, ...LIST])).urls.length, 2_000, 'none twice');
});

t.test('percentiles are right within 5%, for anything from a millisecond to an hour', async (t) => {
  const seed = testSeed();
  t.comment(`seed ${seed}`);
  const random = seededRandom(seed);
  const histogram = new Histogram();
  const all = Array.from({ length: 10_000 }, () => Math.exp(random.next() * Math.log(3_600_000)));
  for (const ms of all) histogram.add(ms);
  all.sort((a, b) => a - b);
  const latency = histogram.latency();
  for (const [got, share] of [
    [latency.p50Ms, 0.5],
    [latency.p95Ms, 0.95],
    [latency.p99Ms, 0.99],
  ] as const) {
    const exact = all[Math.ceil(all.length * share) - 1] ?? 0;
    t.ok(Math.abs(got - exact) <= exact * 0.05 + 1, `${share}: ${got}, and exactly ${exact}`);
  }
  t.equal(latency.count, 10_000);
  t.equal(latency.maxMs, Math.round(all.at(-1) ?? 0));
  t.strictSame(new Histogram().latency(), { count: 0, meanMs: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 });
  const one = new Histogram();
  one.add(0);
  t.match(one.latency(), { p50Ms: 0, p99Ms: 0, maxMs: 0 });
});

t.test('the course of a long crawl takes no more room than that of a short one, and loses nothing', async (t) => {
  const course = new Course(1_000);
  for (let at = 0; at < 24 * 3_600_000; at += 10_000) course.add(at, at % 30_000 === 0, 5);
  const spans = course.spans();
  t.ok(spans.length <= SPANS_MAX && spans.length > SPANS_MAX / 2, `${spans.length} spans`);
  t.equal(
    spans.reduce((sum, { fetches }) => sum + fetches, 0),
    8_640,
  );
  t.equal(
    spans.reduce((sum, { failures }) => sum + failures, 0),
    2_880,
  );
  t.equal(
    spans.reduce((sum, { bytes }) => sum + bytes, 0),
    43_200,
  );
  t.strictSame(
    spans.slice(0, 2).map(({ fromMs }) => fromMs),
    [0, course.spanMs],
  );
});

t.test('hosts are listed by how slow they are, and by their failures', async (t) => {
  const tally = new HostTally();
  const body = { kind: 'not-modified', wireBytes: 10 } as const;
  const add = (host: string, ms: number) => tally.add(host, { ...body, ms } as never);
  for (const ms of [10, 30]) add('fast', ms);
  for (const ms of [500, 100]) add('slow', ms);
  tally.add('broken', { kind: 'failed', error: { code: 'FETCH_DNS' }, ms: 1, wireBytes: 0 } as never);
  t.match(tally.slowest(2), [
    { host: 'slow', meanMs: 300, maxMs: 500, fetches: 2 },
    { host: 'fast', meanMs: 20 },
  ]);
  t.match(tally.failing(5), [{ host: 'broken', failures: 1, codes: { FETCH_DNS: 1 } }]);
  t.equal(tally.failing(5).length, 1);
});

t.test('a queue gives out no more than its rate, also after a pause', async (t) => {
  let now = 1_000;
  const clock = () => now;
  const hosts = { connections: 9, gapMs: 0 };
  const queue = new PacedQueue({ clock, hosts, perSecond: 10, now: clock });
  await queue.add(LIST.slice(0, 100).map(({ url }) => ({ feed: url, url, nextAt: 0, urgent: false })));
  const claimAll = async () => {
    let claimed = 0;
    for (;;) {
      const answer = await queue.claim();
      if (answer.kind !== 'claimed') return { claimed, answer };
      await queue.done(answer.claim);
      claimed += 1;
    }
  };
  t.match(await claimAll(), { claimed: 1, answer: { kind: 'wait', ms: 100 } });
  let sum = 1;
  for (; now < 6_000; now += 7) sum += (await claimAll()).claimed;
  t.ok(sum >= 49 && sum <= 51, `${sum} in five seconds`);
  now += 60_000;
  t.ok((await claimAll()).claimed <= 2, 'a minute of standing still is not made up for');
  await queue.clear();
  t.strictSame(await queue.claim(), { kind: 'empty' }, 'an empty queue says so at once');
});

t.test('differing fields are shown from a little before where they differ', async (t) => {
  const there = article({ html: `<p>${'x'.repeat(500)}there</p>` });
  const here = { ...there, html: there.html.replace('there', 'here'), updated: 1, arrived: 2, at: 3, num: 4 };
  const [only, ...others] = differencesOf(here, there);
  t.strictSame(others, [], 'what each site assigns by itself is no difference, nor is a new time of update');
  t.equal(only?.field, 'html');
  t.match(only?.here, /^…x{20}here<\/p>$/);
  t.match(only?.there, /^…x{20}there<\/p>$/);
  const many = differencesOf(article({ authors: [], published: null, url: null, title: 'z'.repeat(900) }), article());
  t.strictSame(
    many.map(({ field }) => field),
    ['title', 'url', 'authors', 'published'],
  );
  t.ok(many.every(({ here: a, there: b }) => a.length < 130 && b.length < 130));
  const enclosure = { url: 'https://example.org/a.mp3', type: null, length: 5 };
  const swapped = { length: 5, type: null, url: 'https://example.org/a.mp3' };
  t.strictSame(differencesOf(article({ enclosures: [enclosure] }), article({ enclosures: [swapped] })), []);
});
