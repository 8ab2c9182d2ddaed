import t from 'tap';
import { entries, feedSite } from './feed-site.ts';
import { setting } from './harness.ts';

const DAY = 24 * 3_600_000;

t.test('validators go back to the host that gave them, and to no other on the way', async (t) => {
  await using site = await feedSite({ there: { entries: entries(1), etag: '"1"' }, home: { entries: [] } });
  const [first, second] = [site.at('127.0.4.2', '/there'), site.at('127.0.4.3', '/there')];
  const home = site.feeds.get('home');
  if (home === undefined) return t.fail('no home');
  const leadTo = (location: string) => {
    home.answer = (response) => response.writeHead(302, { location }).end();
  };
  await using here = await setting();
  const [id] = await here.add(`${site.url}/home`);
  const asked = async () => {
    const from = site.requests.length;
    await here.crawl({ force: true });
    here.clock.now += DAY;
    return site.requests.slice(from).map(({ headers }) => `${headers.host?.split(':')[0]} ${headers['if-none-match']}`);
  };

  leadTo(first);
  t.strictSame(await asked(), ['127.0.0.1 undefined', '127.0.4.2 undefined']);
  t.strictSame(await asked(), ['127.0.0.1 undefined', '127.0.4.2 "1"']);
  t.match(await here.feed(id), { validatorsFrom: new URL(first).origin, history: [{ status: 304 }, { status: 200 }] });

  leadTo(second);
  t.strictSame(await asked(), ['127.0.0.1 undefined', '127.0.4.3 undefined'], 'its own "1" may be another one');
  t.strictSame(await asked(), ['127.0.0.1 undefined', '127.0.4.3 "1"']);

  home.answer = undefined;
  home.entries = entries(1);
  home.etag = '"1"';
  t.strictSame(await asked(), ['127.0.0.1 undefined']);
  t.strictSame(await asked(), ['127.0.0.1 "1"']);
  t.equal((await here.feed(id)).validatorsFrom, null);
});

t.test('a feed that has moved for good is asked at its new place with what that gave', async (t) => {
  await using site = await feedSite({ there: { entries: entries(1), etag: '"1"' }, home: { entries: [] } });
  const there = site.at('127.0.4.2', '/there');
  site.feeds.set('home', {
    entries: [],
    answer: (response) => response.writeHead(301, { location: there }).end(),
  });
  await using here = await setting();
  const [id] = await here.add(`${site.url}/home`);
  for (let day = 0; day < 5; day += 1) {
    await here.crawl({ force: true });
    here.clock.now += DAY;
  }
  t.match(await here.feed(id), { url: there, validatorsFrom: null });
  t.equal(site.requests.at(-1)?.url, '/there');
  t.equal(site.requests.filter(({ url, headers }) => url === '/there' && headers['if-none-match'] === '"1"').length, 4);
});
