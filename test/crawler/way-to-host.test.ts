import t from 'tap';
import type { Claim } from '../../crawler/queue/contract.ts';
import { HOST_WAIT_MS_MAX, wayFrom } from '../../crawler/way-to-host.ts';
import { entries, feedSite } from './feed-site.ts';
import { setting } from './harness.ts';

const CLAIM: Claim = {
  job: { feed: 'f', url: 'http://a.example/feed', nextAt: 0, urgent: false },
  host: 'a.example',
  more: false,
};

/** A queue that answers with these waits, one after the other, and the last for ever. */
function answering(...waits: number[]) {
  const asked: string[] = [];
  const slept: number[] = [];
  const queue = {
    goOn: async (_claim: Claim, host: string) => {
      asked.push(host);
      return (waits.length > 1 ? waits.shift() : waits[0]) ?? 0;
    },
  };
  const { signal } = new AbortController();
  const way = wayFrom(CLAIM, queue, signal, async (ms) => void slept.push(ms));
  return { way, asked, slept };
}

t.test('the first request goes to the host that was claimed at once; all others wait for their turn', async (t) => {
  const { way, asked, slept } = answering(700, 200, 0);
  t.equal(await way('http://a.example:8080/feed'), true);
  t.strictSame(asked, []);
  t.equal(await way('http://b.example/feed'), true);
  t.strictSame({ asked, slept }, { asked: ['b.example', 'b.example', 'b.example'], slept: [700, 200] });
  t.equal(await way('http://a.example/again'), true);
  t.equal(asked.at(-1), 'a.example', 'its first host again is another request');
});

t.test('a first request that goes elsewhere, such as to the page of the site, waits too', async (t) => {
  const { way, asked } = answering(0);
  t.equal(await way('http://www.a.example/'), true);
  t.strictSame(asked, ['www.a.example']);
});

t.test('a host that is busy for too long is given up, one of a queue that is away at once', async (t) => {
  const { way, slept } = answering(250);
  t.equal(await way('http://b.example/'), false);
  t.equal(
    slept.reduce((sum, ms) => sum + ms, 0),
    HOST_WAIT_MS_MAX,
  );
  const away = { goOn: () => Promise.reject(new Error('no Redis')) };
  t.equal(await wayFrom(CLAIM, away, new AbortController().signal)('http://b.example/'), false);
});

t.test('hosts that redirects lead to are asked one at a time, as all others', async (t) => {
  let there = 0;
  let most = 0;
  await using site = await feedSite({
    feed: {
      entries: entries(1),
      before: async () => {
        there += 1;
        most = Math.max(most, there);
        await new Promise((resolve) => setTimeout(resolve, 50));
        there -= 1;
      },
    },
    old: {
      entries: [],
      answer: (response) => response.writeHead(302, { location: site.at('127.0.5.1', '/feed') }).end(),
    },
  });
  await using here = await setting();
  const own = Array.from({ length: 5 }, (_, i) => site.at(`127.0.5.${i + 2}`, '/old'));
  await here.add(...own, site.at('127.0.5.1', '/feed'));
  const summary = await here.crawl({ hostConnections: 1, concurrency: 10 });
  t.match(summary, { fetched: 6, failed: {} });
  t.equal(most, 1);
});

t.test('between two requests of one feed to one host lies the gap as well', async (t) => {
  await using site = await feedSite({
    feed: { entries: entries(1) },
    old: { entries: [], answer: (response) => response.writeHead(301, { location: '/feed' }).end() },
  });
  await using here = await setting();
  const [id] = await here.add(`${site.url}/old`);
  await here.crawl({ hostGapMs: 300, clock: Date.now });
  const [first, second] = site.requests;
  t.ok((second?.at ?? 0) - (first?.at ?? 0) >= 299, `${second?.at} after ${first?.at}`);
  const { history } = await here.feed(id);
  t.match(history, [{ outcome: 'ok' }]);
});
