import t from 'tap';
import { mayRefresh } from '../../crawler/refreshes.ts';
import { startCrawler } from '../../crawler/run.ts';
import { RECOUNT_MS } from '../../crawler/subscriber-counts.ts';
import { until } from '../rig/until.ts';
import { entries, feedSite } from './feed-site.ts';
import { crawlOptions, onEachEngine, START, setting } from './harness.ts';

const HOUR = 3_600_000;

await onEachEngine(t, 'a feed that nobody follows any more is fetched once a day', async (t, engine) => {
  // An article an hour: such a feed is fetched every quarter of an hour.
  const busy = entries(5).map((entry, i) => ({ ...entry, published: START - i * HOUR }));
  await using site = await feedSite({ left: { entries: busy }, kept: { entries: busy } });
  await using here = await setting(engine);
  const [left = '', kept = ''] = await here.add(`${site.url}/left`, `${site.url}/kept`);
  await using writer = await here.store.subscriptions.openWriter({ owner: 'test', durability: 'sync' });
  const follow = (feed: string, follows: boolean) => {
    const content = { user: 'reader', feed, title: null, folder: null, addedAt: START };
    return writer.edit([{ id: `reader.${feed}`, content: follows ? content : null }]);
  };
  await follow(left, true);
  await follow(kept, true);
  const crawler = startCrawler({ ...crawlOptions(here), maxIntervalMs: 24 * HOUR });
  t.teardown(() => crawler.stop());
  const fetched = async (times: number) => {
    crawler.wake();
    const isDone = async (feed: string) => (await here.feed(feed)).history.length >= times;
    await until(async () => (await isDone(left)) && (await isDone(kept)), `both were fetched ${times} times`);
    await until(() => crawler.status().inFlight === 0, 'nothing is in flight');
  };
  const waits = async (feed: string) => ((await here.feed(feed)).nextAt - here.clock.now) / HOUR;

  await fetched(1);
  t.ok((await waits(left)) < 2 && (await waits(kept)) < 2);
  await follow(left, false);
  // The subscribers are counted again while this fetch goes on, and are known at the next.
  for (let times = 2; times < 20; times += 1) {
    here.clock.now += Math.max(2 * HOUR, RECOUNT_MS);
    await fetched(times);
    if ((await waits(left)) > 20) break;
  }
  const { nextWhy } = await here.feed(left);
  t.equal(await waits(left), 24);
  t.equal(nextWhy, '24 h, as nobody follows it');
  t.ok((await waits(kept)) < 2, `${await waits(kept)} h`);
  here.clock.now += HOUR;
  t.ok(mayRefresh(await here.feed(left), here.clock.now), 'a reader who follows it again need not wait');
});

t.test('where nobody follows anything, feeds are fetched as ever', async (t) => {
  await using site = await feedSite({ a: { entries: entries(3).map((entry) => ({ ...entry, published: START })) } });
  await using here = await setting();
  const [a] = await here.add(`${site.url}/a`);
  const crawler = startCrawler({ ...crawlOptions(here), maxIntervalMs: 24 * HOUR });
  t.teardown(() => crawler.stop());
  await until(async () => (await here.feed(a)).history.length === 1, 'it is fetched');
  t.notMatch((await here.feed(a)).nextWhy, /nobody/);
});
