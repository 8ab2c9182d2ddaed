import fc from 'fast-check';
import t from 'tap';
import type { SiteId } from '../../store/contract.ts';
import { articleId, canonicalFeedUrl, feedId, integerId, integerIdMs, newSiteId } from '../../store/ids.ts';
import { VersionClock } from '../../store/version.ts';

t.test('a feed is known by one URL, however it was typed', async (t) => {
  const cases: [string, string | undefined][] = [
    ['https://Example.ORG:443/feed', 'https://example.org/feed'],
    ['http://example.org:80', 'http://example.org/'],
    [' https://example.org/feed#top ', 'https://example.org/feed'],
    ['feed://example.org/rss', 'http://example.org/rss'],
    ['feed:https://example.org/rss', 'https://example.org/rss'],
    ['FEED:http://example.org/rss', 'http://example.org/rss'],
    ['https://example.org/a/../feed?x=1&y', 'https://example.org/feed?x=1&y'],
    ['https://example.org/Feed/', 'https://example.org/Feed/'],
    ['https://münchen.example/f', 'https://xn--mnchen-3ya.example/f'],
    ['example.org/feed', undefined],
    ['ftp://example.org/feed', undefined],
    ['javascript:alert(1)', undefined],
    ['', undefined],
  ];
  for (const [input, expected] of cases) t.equal(canonicalFeedUrl(input), expected, JSON.stringify(input));
});

t.test('a canonical URL is its own', async (t) => {
  fc.assert(
    fc.property(fc.webUrl({ withFragments: true, withQueryParameters: true }), (url) => {
      const canonical = canonicalFeedUrl(url);
      return canonical !== undefined && canonicalFeedUrl(canonical) === canonical && !canonical.includes('#');
    }),
  );
  t.pass();
});

t.test('ids are the same at every site and in every release', async (t) => {
  t.equal(feedId('https://example.org/feed.xml'), '25hzzjigqpv6ztzg');
  t.equal(articleId('aaaaaaaaaaaaaaaa', 'urn:1'), 'aaaaaaaaaaaaaaaa.b3qqjdan7ye4ptubaktw');
});

t.test('ids have one form, and an article’s starts with its feed’s', async (t) => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (url, identity) => {
      const feed = feedId(url);
      return /^[a-z2-7]{16}$/.test(feed) && /^[a-z2-7]{16}\.[a-z2-7]{20}$/.test(articleId(feed, identity));
    }),
  );
  t.pass();
});

t.test('a site’s name has eight letters or digits', async (t) => {
  const names = new Set(Array.from({ length: 100 }, newSiteId));
  t.equal(names.size, 100);
  for (const name of names) t.match(name, /^[a-z2-7]{8}$/);
});

t.test('integer ids are below 2^53, grow with time, and tell it', async (t) => {
  const ms = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2054, 0, 1) });
  fc.assert(
    fc.property(ms, ms, fc.nat({ max: 5000 }), fc.nat({ max: 255 }), (one, two, tag, sequence) => {
      const first = integerId(one, tag, sequence);
      const second = integerId(two, tag + 1, 255 - sequence);
      if (!Number.isSafeInteger(first) || first < 0 || integerIdMs(first) !== one) return false;
      return one === two || first < second === one < two;
    }),
  );
  t.pass();
});

t.test('the integer ids of a version clock never run backwards', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1.7e12, max: 1.8e12 }), { maxLength: 20 }), (clockReadings) => {
      let now = 1.75e12;
      const clock = new VersionClock('aaaaaaaa' as SiteId, () => now);
      let last = 0;
      for (now of [now, ...clockReadings]) {
        for (let burst = 0; burst < 300; burst += 1) {
          const [ms = '', counter = ''] = clock.next().split('-');
          const num = integerId(Number.parseInt(ms, 16), 1, Number.parseInt(counter, 16));
          if (num <= last) return false;
          last = num;
        }
      }
      return true;
    }),
  );
  t.pass();
});
