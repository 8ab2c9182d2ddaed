import t from 'tap';
import { HOST_PATIENCE_MS_MAX, HostPatience } from '../../crawler/host-patience.ts';
import { openStore } from '../../store/open.ts';
import { entries, feedSite } from './feed-site.ts';
import { onEachEngine, setting } from './harness.ts';

const HOUR = 3_600_000;

await onEachEngine(t, 'a Retry-After of one feed holds for all of its host, and no other', async (t, engine) => {
  await using site = await feedSite({ a: { entries: entries(1) }, b: { entries: entries(1) }, busy: { entries: [] } });
  const feed = site.feeds.get('busy');
  if (feed === undefined) throw new Error('no feed');
  feed.answer = (response) => response.writeHead(429, { 'retry-after': '7200' }).end();
  await using here = await setting(engine);
  const [asked] = await here.add(`${site.url}/busy`);
  await here.crawl();
  const startedAt = here.clock.now;
  const [a, , other] = await here.add(`${site.url}/a`, `${site.url}/b`, site.at('127.0.6.1', '/a'));
  const summary = await here.crawl();
  t.match(summary, { fetched: 1, skipped: 3, failed: {}, error: null });
  t.equal((await here.feed(other)).history.length, 1);
  const { nextAt, nextWhy, history, errors, etag } = await here.feed(a);
  t.ok(nextAt >= startedAt + 2 * HOUR && nextAt <= startedAt + 2.2 * HOUR, `in ${(nextAt - startedAt) / HOUR} h`);
  t.match(nextWhy, /^Retry-After of 2 h, which another feed of its host was told$/);
  t.match({ history, errors, etag }, { history: [], errors: 0, etag: null }, 'nothing else is said of it');
  here.clock.now += 1.9 * HOUR;
  await here.crawl();
  t.equal(site.requests.filter(({ host }) => host === '127.0.0.1').length, 1);
  here.clock.now += 0.3 * HOUR;
  feed.answer = undefined;
  feed.entries = entries(1);
  await here.crawl();
  t.equal(site.requests.filter(({ host }) => host === '127.0.0.1').length, 4);
  t.equal((await here.feed(asked)).errors, 0);
});

t.test('a pass that somebody forces asks all the same', async (t) => {
  await using site = await feedSite({
    a: { entries: entries(1) },
    busy: { entries: [], answer: (response) => response.writeHead(503, { 'retry-after': '7200' }).end() },
  });
  await using here = await setting();
  await here.add(`${site.url}/busy`);
  await here.crawl();
  await here.add(`${site.url}/a`);
  t.match(await here.crawl({ force: true }), { fetched: 1, failed: { FETCH_HTTP_503: 1 } });
});

t.test(
  'another process knows, and one that starts later; a day is the most, and a clock set back ends it',
  async (t) => {
    await using site = await feedSite({
      busy: { entries: [], answer: (response) => response.writeHead(429, { 'retry-after': '999999' }).end() },
      broken: { entries: [], answer: (response) => response.writeHead(500, { 'retry-after': '3600' }).end() },
    });
    await using here = await setting();
    await here.add(`${site.url}/busy`, site.at('127.0.6.1', '/broken'));
    await here.crawl();
    await using store = await openStore(here.url);
    let now = here.clock.now;
    const other = new HostPatience({ read: (operation) => operation(store) }, () => now);
    t.equal(await other.until('127.0.0.1'), here.clock.now + HOST_PATIENCE_MS_MAX);
    t.equal(await other.until('127.0.6.1'), null, 'a 500 is about that feed');
    now += HOST_PATIENCE_MS_MAX;
    t.equal(await other.until('127.0.0.1'), null);
    now -= 2 * HOST_PATIENCE_MS_MAX;
    t.equal(await other.until('127.0.0.1'), null);
  },
);
