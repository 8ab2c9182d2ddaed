/** How subscriptions end, are renewed, and are given up: hubs that misbehave, feeds that go, settings that change. */
import t from 'tap';
import { openFetcher } from '../../../crawler/fetch.ts';
import { removeFeed } from '../../../crawler/remove-feed.ts';
import { openWebSub } from '../../../crawler/websub/websub.ts';
import { onEachEngine, START } from '../harness.ts';
import { closedPort } from '../servers.ts';
import { startHub } from './hub.ts';
import { DAY_MS, HOUR_MS } from './reader-site.ts';
import { ATOM, atom, entriesOf, linksOf, titles, world } from './world.ts';

onEachEngine(t, 'a lease is renewed before its end, under the same callback', async (t, engine) => {
  const { hub, reader, feed, topic } = await world(t, engine);
  hub.leaseSeconds = 86_400;
  await reader.subscribe(feed);
  reader.clock.now += DAY_MS / 2;
  await reader.settle();
  t.equal(hub.asked.length, 1, 'not yet');
  reader.clock.now += DAY_MS * 0.45;
  await reader.settle();
  t.equal(hub.asked.length, 2);
  t.equal(hub.asked[1]?.['hub.callback'], hub.asked[0]?.['hub.callback']);
  t.equal((await reader.feed(feed)).webSub?.until, reader.clock.now + DAY_MS);
  t.strictSame(
    (await hub.distribute(topic, atom(), ATOM)).map(({ status }) => status),
    [200],
  );
});

t.test('leases shorter than any use do not make the crawler ask all the time', async (t) => {
  const { hub, reader, feed } = await world(t);
  hub.leaseSeconds = 30;
  await reader.subscribe(feed);
  for (let minute = 0; minute < 60; minute += 1) {
    reader.clock.now += 60_000;
    await reader.settle();
  }
  t.ok(hub.asked.length <= 3, `${hub.asked.length} requests in an hour`);
  t.equal((await reader.feed(feed)).webSub?.until, null, 'it counts as polled');
});

t.test('a lease for ever is asked for again all the same, and one that is not told counts as granted', async (t) => {
  const { hub, reader, feed } = await world(t);
  hub.leaseSeconds = 10 * 365 * 86_400;
  await reader.subscribe(feed);
  t.equal((await reader.note(feed))?.subscription?.until, START + 30 * DAY_MS);
  hub.leaseSeconds = null;
  reader.clock.now += 28 * DAY_MS;
  await reader.settle();
  t.equal((await reader.note(feed))?.subscription?.until, reader.clock.now + 10 * DAY_MS);
});

onEachEngine(
  t,
  'when a hub dies, the lease runs out, the feed is polled as ever, and the hub is tried again, ever more rarely',
  async (t, engine) => {
    const { hub, reader, feed } = await world(t, engine);
    await reader.subscribe(feed);
    hub.mood = 'dead';
    reader.clock.now = START + 9.9 * DAY_MS;
    await reader.poll(feed);
    const slow = await reader.feed(feed);
    await reader.settle();
    t.match((await reader.note(feed))?.lastError, { code: /^FETCH_/ }, 'it says why');
    t.equal((await reader.feed(feed)).webSub?.until, slow.webSub?.until, 'the lease is still good');
    reader.clock.now = START + 10 * DAY_MS + 1;
    await reader.settle();
    const record = await reader.feed(feed);
    t.equal(record.webSub?.until, null);
    t.equal(record.nextAt, reader.clock.now, 'due at once: its usual time has gone by');
    t.notMatch(record.nextWhy, /hub/);
    const tries: number[] = [];
    for (let hour = 0; hour < 24 * 40; hour += 4) {
      const before = hub.requests.length;
      reader.clock.now += 4 * HOUR_MS;
      await reader.settle();
      if (hub.requests.length > before) tries.push(hour);
    }
    t.ok(tries.length >= 5 && tries.length <= 12, `tried after hours ${tries}`);
    hub.mood = 'proper';
    reader.clock.now += 15 * DAY_MS;
    await reader.settle();
    t.equal((await reader.feed(feed)).webSub?.until, reader.clock.now + 10 * DAY_MS, 'and it is back when the hub is');
  },
);

t.test('a hub that takes the request and never asks back counts as one that does not work', async (t) => {
  const { hub, reader, feed } = await world(t);
  hub.mood = 'never verifies';
  await reader.subscribe(feed);
  reader.clock.now += 16 * 60_000;
  await reader.settle();
  t.match(await reader.note(feed), { subscription: null, failures: 1, lastError: { code: 'WEBSUB_NOT_VERIFIED' } });
  t.equal(hub.asked.length, 1);
});

for (const [mood, code] of [
  ['refuses', 'WEBSUB_HUB_REFUSED'],
  ['denies', 'WEBSUB_DENIED'],
  ['dead', /^FETCH_RESET$/],
] as const) {
  t.test(`of several hubs the next is taken where one ${mood === 'dead' ? 'is dead' : mood}`, async (t) => {
    const first = await startHub();
    t.teardown(() => first[Symbol.asyncDispose]());
    first.mood = mood;
    const { hub, reader, feed } = await world(t, undefined, [first.hubUrl]);
    await reader.poll(feed);
    await reader.step();
    await first.settled();
    t.match((await reader.note(feed))?.lastError, { code });
    await reader.settle();
    t.ok(first.requests.length >= 1);
    t.equal(hub.subscribed.size, 1);
    t.equal((await reader.feed(feed)).webSub?.until, START + 10 * DAY_MS);
  });
}

t.test('a hub that ends a subscription makes the feed polled as ever at once', async (t) => {
  const { hub, reader, feed, topic } = await world(t);
  await reader.subscribe(feed);
  reader.clock.now += HOUR_MS;
  await reader.poll(feed);
  const usual = (await reader.feed(feed)).webSub?.plain?.nextAt ?? 0;
  const [callback = ''] = [...hub.subscribed.keys()];
  t.equal((await hub.askBack(callback, { 'hub.mode': 'denied', 'hub.topic': `${topic}x` })).status, 404);
  const { status } = await hub.askBack(callback, {
    'hub.mode': 'denied',
    'hub.topic': topic,
    'hub.reason': 'too many',
  });
  t.equal(status, 200);
  await reader.settle();
  t.match(await reader.feed(feed), { nextAt: usual, webSub: { until: null } });
  t.match((await reader.note(feed))?.lastError?.message, /too many/);
});

t.test('a hub that asks back before it answers, or sends the request on, is as good as any', async (t) => {
  for (const mood of ['at once', 'moved'] as const) {
    const { hub, reader, feed } = await world(t);
    hub.mood = mood;
    await reader.subscribe(feed);
    t.equal(hub.subscribed.size, 1, mood);
    t.ok((await reader.feed(feed)).webSub?.until, mood);
  }
});

t.test('a hub that delivers nothing of what polls find is given up for a while', async (t) => {
  const { hub, reader, feed, source } = await world(t);
  await reader.subscribe(feed);
  const publish = (n: number) => {
    source.entries = [...entriesOf(`new-${n}`), ...source.entries];
    source.etag = `"${n + 10}"`;
  };
  for (let n = 0; n < 3; n += 1) {
    reader.clock.now += HOUR_MS;
    publish(n);
    await reader.poll(feed);
  }
  await reader.settle();
  t.match((await reader.note(feed))?.lastError, { code: 'WEBSUB_HUB_SILENT' });
  const record = await reader.feed(feed);
  t.equal(record.webSub?.until, null);
  t.equal(hub.subscribed.size, 0, 'it was told');
  t.ok(((await reader.note(feed))?.retryAt ?? 0) - reader.clock.now > 12 * HOUR_MS);
});

t.test('a hub that delivers is not blamed for what a poll happens to find first', async (t) => {
  const { hub, reader, feed, source, topic } = await world(t);
  await reader.subscribe(feed);
  for (let n = 0; n < 6; n += 1) {
    reader.clock.now += HOUR_MS;
    source.entries = [...entriesOf(`new-${n}`), ...source.entries];
    source.etag = `"${n + 10}"`;
    await reader.poll(feed);
    await hub.distribute(topic, atom({ id: `new-${n}`, updated: '2026-01-05T12:30:00Z' }), ATOM);
  }
  t.match(await reader.note(feed), { missed: 0, lastError: null });
});

onEachEngine(t, 'when a feed is removed, its hub is told, and nothing is left of it', async (t, engine) => {
  const { hub, reader, feed, topic } = await world(t, engine);
  await reader.subscribe(feed);
  await reader.restart();
  await removeFeed({ store: reader.store, feed, keepArticles: false, owner: 'test' });
  const [[callback, { secret }] = ['', { secret: '' }]] = hub.subscribed;
  const late = await hub.deliver(callback, secret, atom({ id: 'late', updated: '2026-01-05T12:30:00Z' }), ATOM);
  t.equal(late.status, 410);
  await reader.settle();
  t.equal(hub.asked.at(-1)?.['hub.mode'], 'unsubscribe');
  t.strictSame(hub.answers.at(-1), { mode: 'unsubscribe', status: 200, echoed: true });
  t.equal(hub.subscribed.size, 0);
  t.strictSame(await hub.distribute(topic, atom(), ATOM), []);
  reader.clock.now += HOUR_MS;
  await reader.settle();
  t.equal(await reader.note(feed), undefined);
  t.strictSame(await titles(reader), []);
});

t.test('a hub that is dead when it should be told is told a few times, then forgotten', async (t) => {
  const { hub, reader, feed } = await world(t);
  await reader.subscribe(feed);
  hub.mood = 'dead';
  await removeFeed({ store: reader.store, feed, keepArticles: false, owner: 'test' });
  await reader.restart();
  const before = hub.requests.length;
  for (let hour = 0; hour < 12; hour += 1) {
    await reader.settle();
    reader.clock.now += HOUR_MS;
  }
  t.equal(hub.requests.length - before, 3);
  t.equal(await reader.note(feed), undefined);
});

t.test(
  'switched off, all hubs are told; switched on again, all feeds are subscribed without being polled',
  async (t) => {
    const { hub, reader, feed } = await world(t);
    await reader.subscribe(feed);
    reader.clock.now += HOUR_MS;
    await reader.poll(feed);
    const usual = (await reader.feed(feed)).webSub?.plain?.nextAt;
    await reader.restart({ publicUrl: '' });
    await swept(reader);
    t.equal(hub.subscribed.size, 0);
    t.match(await reader.feed(feed), { nextAt: usual, webSub: { until: null, hubs: [hub.hubUrl] } });
    reader.clock.now += HOUR_MS;
    await reader.settle();
    t.equal(await reader.note(feed), undefined);
    await reader.restart();
    await swept(reader);
    t.equal(hub.subscribed.size, 1);
  },
);

t.test('under another public URL everything is subscribed anew', async (t) => {
  const { hub, reader, feed } = await world(t);
  await reader.subscribe(feed);
  const [old] = hub.subscribed.keys();
  const publicUrl = reader.publicUrl.replace('localhost', '127.0.0.1').replace(/\/\/[\w.]+:/, '//127.0.0.1:');
  await reader.restart({
    publicUrl:
      `${publicUrl}//`.slice(0, -2) === reader.publicUrl ? publicUrl.replace('127.0.0.1', 'localhost') : publicUrl,
  });
  await swept(reader);
  const now = [...hub.subscribed.keys()];
  t.equal(now.length, 1);
  t.not(now[0], old);
});

t.test('another topic or hub in the feed: subscribed there, and the old one is left', async (t) => {
  const { hub, reader, feed, source, topic } = await world(t);
  const other = await startHub();
  t.teardown(() => other[Symbol.asyncDispose]());
  await reader.subscribe(feed);
  source.channel = linksOf([other.hubUrl], `${topic}?new`);
  source.etag = '"2"';
  await reader.poll(feed);
  await reader.settle();
  await other.settled();
  await reader.settle();
  t.equal(hub.subscribed.size, 0);
  t.strictSame(
    [...other.subscribed.values()].map((one) => one.topic),
    [`${topic}?new`],
  );
  source.channel = '';
  source.etag = '"3"';
  await reader.poll(feed);
  await reader.settle();
  await other.settled();
  t.equal(other.subscribed.size, 0, 'and where there is no hub any more, nothing is subscribed to');
  t.equal((await reader.feed(feed)).webSub, null);
});

t.test(
  'a store that was restored, or is of another site, subscribes for itself and polls as ever until then',
  async (t) => {
    const { hub, reader, feed } = await world(t);
    await reader.subscribe(feed);
    reader.clock.now += HOUR_MS;
    await reader.poll(feed);
    const usual = (await reader.feed(feed)).webSub?.plain?.nextAt;
    await reader.store.control.delete(`websub.${feed}`);
    hub.mood = 'never verifies';
    await reader.restart();
    await swept(reader);
    t.match(await reader.feed(feed), { nextAt: usual, webSub: { until: null } });
  },
);

t.test('a copy of a site subscribes nowhere until it is promoted', async (t) => {
  const { hub, reader, feed } = await world(t);
  await reader.poll(feed);
  await reader.store.control.delete(`websub.${feed}`);
  await reader.store.feeds.setMode('replica');
  await reader.restart();
  await swept(reader);
  t.equal(hub.requests.length, 0);
  await reader.store.feeds.setMode('read-write');
  await swept(reader);
  t.equal(hub.subscribed.size, 1);
});

t.test('a hub that asks for patience gets it for all its feeds, also after a restart', async (t) => {
  const { hub, publisher, reader, feed, source } = await world(t);
  publisher.feeds.set('other', { ...source, channel: linksOf([hub.hubUrl], `${publisher.url}/other`) });
  const [other = ''] = await reader.add(`${publisher.url}/other`);
  hub.mood = 'busy';
  await reader.subscribe(feed);
  t.match(await reader.note(feed), { lastError: { code: 'WEBSUB_HUB_REFUSED', message: /429/ } });
  await reader.subscribe(other);
  await reader.restart();
  await swept(reader);
  reader.clock.now += 2 * HOUR_MS;
  await reader.settle();
  t.equal(hub.requests.length, 1);
  hub.mood = 'proper';
  reader.clock.now += 2 * HOUR_MS;
  await reader.settle();
  t.equal(hub.subscribed.size, 2);
});

t.test('a hub on a private network is refused as any address is', async (t) => {
  const { hub, reader, feed } = await world(t);
  await using poster = openFetcher({ userAgent: 'Feedferry-Test/1.0', allowPrivate: [] });
  await reader.webSub[Symbol.asyncDispose]();
  const { store, clock, publicUrl } = reader;
  reader.webSub = openWebSub({ store, poster, clock: () => clock.now, random: () => 0, publicUrl });
  await reader.subscribe(feed);
  t.match((await reader.note(feed))?.lastError, { code: 'FETCH_ADDRESS_FORBIDDEN' });
  t.equal(hub.requests.length, 0);
});

t.test('requests to hubs carry the crawler’s name, no cookies and no referrer', async (t) => {
  const { hub, reader, feed } = await world(t);
  await reader.subscribe(feed);
  const [{ headers = {}, method = '' } = {}] = hub.requests;
  t.equal(method, 'POST');
  t.match(headers, { 'user-agent': 'Feedferry-Test/1.0', 'content-type': 'application/x-www-form-urlencoded' });
  t.notOk('cookie' in headers || 'referer' in headers);
});

t.test('a hub where nothing listens costs nobody anything', async (t) => {
  const { reader, feed, source } = await world(t);
  source.channel = linksOf([`http://127.0.0.1:${await closedPort()}/`], 'http://site.example/feed');
  await reader.subscribe(feed);
  t.match(await reader.note(feed), { failures: 1, lastError: { code: 'FETCH_REFUSED' } });
  t.match(await reader.feed(feed), { errors: 0, state: 'active' });
});

/** The first look of a process begins a sweep beside the crawl. */
async function swept(reader: Awaited<ReturnType<typeof world>>['reader']): Promise<void> {
  await reader.webSub.subscriber.due();
  await reader.webSub.subscriber.swept();
  await reader.settle();
}
