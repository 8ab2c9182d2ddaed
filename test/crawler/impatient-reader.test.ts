import t from 'tap';
import { startCrawler } from '../../crawler/run.ts';
import { until } from '../rig/until.ts';
import { feedSite } from './feed-site.ts';
import { crawlOptions, setting } from './harness.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

t.test('a reader who presses "refresh" again and again makes a failing feed wait no longer', async (t) => {
  await using site = await feedSite({ down: { entries: [], answer: (response) => response.writeHead(500).end() } });
  await using here = await setting();
  const [id = ''] = await here.add(`${site.url}/down`);
  const crawler = startCrawler(crawlOptions(here));
  t.teardown(() => crawler.stop());
  await until(async () => (await here.feed(id)).errors === 1, 'it failed once');
  for (let press = 0; press < 3; press += 1) {
    here.clock.now += 16 * MINUTE;
    await crawler.refresh(id);
  }
  const { errors, history, nextAt } = await here.feed(id);
  t.equal(history.length, 4);
  t.equal(errors, 1);
  t.equal(nextAt - here.clock.now, 15 * MINUTE, 'in its own turn, were it not for the minimum');
  here.clock.now = nextAt;
  crawler.wake();
  await until(async () => (await here.feed(id)).errors === 2, 'its own turn counts');
  t.equal((await here.feed(id)).nextAt - here.clock.now, 2 * HOUR);
});
