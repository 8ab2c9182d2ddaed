import t from 'tap';
import { mayRefresh } from '../../crawler/refreshes.ts';
import { entries, feedSite } from './feed-site.ts';
import { setting } from './harness.ts';

const HOUR = 3_600_000;

t.test('a feed that came due while nobody crawled is not fetched in an hour that it skips', async (t) => {
  const skips = '<skipHours><hour>3</hour><hour>4</hour></skipHours>';
  await using site = await feedSite({ a: { entries: entries(1), channel: skips }, b: { entries: entries(1) } });
  await using here = await setting();
  const [a, b] = await here.add(`${site.url}/a`, `${site.url}/b`);
  await here.crawl();
  // It was noon, and is 3:30 now.
  here.clock.now += 15.5 * HOUR;
  t.match(await here.crawl(), { failed: {}, error: null });
  t.equal((await here.feed(b)).history.length, 2);
  const { history, nextAt, nextWhy, hints } = await here.feed(a);
  t.equal(history.length, 1);
  t.equal(new Date(nextAt).getUTCHours(), 5);
  t.equal(nextWhy, 'past the hours and days that the feed skips');
  t.strictSame(hints?.skipHours, [3, 4]);
  t.equal(mayRefresh(await here.feed(a), here.clock.now), false, 'nor for a reader');
  here.clock.now = nextAt;
  t.equal(mayRefresh(await here.feed(a), here.clock.now), true);
  await here.crawl();
  t.equal((await here.feed(a)).history.length, 2);
});
