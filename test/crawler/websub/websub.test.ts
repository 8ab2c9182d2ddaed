/** Subscribing with a real hub, a real site for its calls, real stores, in a time that the tests move. */
import t from 'tap';
import { shownSubscription } from '../../../crawler/websub/websub.ts';
import { onEachEngine, START } from '../harness.ts';
import { DAY_MS, HOUR_MS } from './reader-site.ts';
import { ATOM, atom, entriesOf, titles, world } from './world.ts';

onEachEngine(
  t,
  'a feed with a hub is subscribed to, and what the hub pushes is stored before it has its answer',
  async (t, engine) => {
    const { hub, reader, feed, topic } = await world(t, engine);
    await reader.poll(feed);
    const before = await reader.feed(feed);
    await reader.settle();
    const [asked = {}] = hub.asked;
    t.match(asked, { 'hub.mode': 'subscribe', 'hub.topic': topic, 'hub.lease_seconds': '864000' });
    const path = new URL(asked['hub.callback'] ?? '').pathname;
    t.match(path, new RegExp(`^/websub/${feed}\\.[a-z2-7]{26}$`), 'nobody guesses the path');
    t.ok((asked['hub.secret'] ?? '').length >= 43 && Buffer.byteLength(asked['hub.secret'] ?? '') < 200);
    t.strictSame(hub.answers, [{ mode: 'subscribe', status: 200, echoed: true }]);
    const record = await reader.feed(feed);
    t.equal(record.webSub?.until, START + 10 * DAY_MS, 'the record tells until when');
    t.equal(record.nextAt, before.nextAt, 'the next poll, which finds what came in between, stays where it was');

    reader.clock.now += HOUR_MS;
    const [delivered] = await hub.distribute(topic, atom({ id: 'pushed', updated: '2026-01-05T12:30:00Z' }), ATOM);
    t.equal(delivered?.status, 200);
    t.strictSame(await titles(reader), ['one', 'pushed']);
    t.equal((await reader.feed(feed)).changedAt, reader.clock.now);
    const shown = await shownSubscription(reader.store, feed);
    t.match(shown, {
      state: 'subscribed',
      hub: hub.hubUrl,
      topic,
      lastPushAt: reader.clock.now,
      pushes: 1,
      articles: 1,
    });
    const told = JSON.stringify(shown);
    t.notOk(told.includes(asked['hub.secret'] ?? '-') || told.includes(path), 'what is secret is not shown');

    await reader.poll(feed);
    const slow = await reader.feed(feed);
    t.match(slow.nextWhy, /while a hub pushes what is new$/);
    t.ok(
      slow.nextAt - reader.clock.now > 2 * ((slow.webSub?.plain?.nextAt ?? 0) - reader.clock.now),
      'polls are rare now',
    );
    t.ok(slow.nextAt - reader.clock.now <= DAY_MS * 1.1);
  },
);

onEachEngine(
  t,
  'a push leaves the validators alone, takes nothing away, and the next poll is as conditional as ever',
  async (t, engine) => {
    const { hub, publisher, reader, feed, topic, source } = await world(t, engine);
    source.entries = entriesOf('one', 'two');
    await reader.subscribe(feed);
    const { etag, bodyHash, history } = await reader.feed(feed);
    await hub.distribute(topic, atom({ id: 'three', updated: '2026-01-05T12:30:00Z' }), ATOM);
    const after = await reader.feed(feed);
    t.strictSame({ etag: after.etag, bodyHash: after.bodyHash, history: after.history }, { etag, bodyHash, history });
    t.strictSame(await titles(reader), ['two', 'one', 'three'], 'what the push did not name is still there');
    await reader.poll(feed);
    t.equal(publisher.requests.at(-1)?.headers['if-none-match'], '"1"');
    source.entries = [...entriesOf('three'), ...source.entries];
    source.etag = '"2"';
    await reader.poll(feed);
    t.equal((await titles(reader)).length, 3, 'what was pushed is known when it is polled');
  },
);

onEachEngine(t, 'pushes that come twice, late and at the same time do no harm', async (t, engine) => {
  const { hub, reader, feed, topic } = await world(t, engine);
  await reader.subscribe(feed);
  const first = atom({ id: 'x', title: 'first version', updated: '2026-01-05T12:10:00Z' });
  const second = atom({ id: 'x', title: 'second version', updated: '2026-01-05T12:20:00Z' });
  for (const body of [first, second, second, first]) {
    const answers = await hub.distribute(topic, body, ATOM);
    t.strictSame(
      answers.map(({ status }) => status),
      [200],
    );
  }
  t.strictSame(await titles(reader), ['one', 'second version'], 'what is older replaces nothing');
  const many = ['a', 'b', 'c', 'd'].map((id) => atom({ id, updated: '2026-01-05T12:30:00Z' }));
  await Promise.all([...many, ...many].map((body) => hub.distribute(topic, body, ATOM)));
  t.strictSame((await titles(reader)).toSorted(), ['a', 'b', 'c', 'd', 'one', 'second version']);
});

t.test('where a push does not say whether it is newer, the publisher is asked, no sooner than usual', async (t) => {
  const { hub, reader, feed, topic, source } = await world(t);
  await reader.subscribe(feed);
  reader.clock.now += HOUR_MS;
  await reader.poll(feed);
  const slow = await reader.feed(feed);
  const usual = slow.webSub?.plain?.nextAt ?? 0;
  t.ok(usual < slow.nextAt);
  const other = `<rss version="2.0"><channel><title>A feed</title><item><guid isPermaLink="false">one</guid><title>one, changed</title></item></channel></rss>`;
  await hub.distribute(topic, other);
  t.strictSame(await titles(reader), ['one'], 'it may be an old version that comes late');
  t.equal((await reader.feed(feed)).nextAt, usual);
  source.entries = [{ guid: 'one', title: 'one, changed' }];
  source.etag = '"2"';
  await reader.poll(feed);
  t.strictSame(await titles(reader), ['one, changed']);
  await hub.distribute(topic, 'this is no feed', { type: 'text/plain' });
  const record = await reader.feed(feed);
  t.equal(record.nextAt, record.webSub?.plain?.nextAt, 'what can not be read is a reason to look as well');
  t.equal(record.errors, 0, 'and no failure of the feed');
});

t.test(
  'where guids repeat, a push is only a reason to look, for alone its entries would be taken for others',
  async (t) => {
    const { hub, reader, feed, topic, source } = await world(t);
    source.answer = (response) => {
      const item = (link: string) =>
        `<item><guid isPermaLink="false">same</guid><link>http://s.example/${link}</link><title>${link}</title></item>`;
      const body = `<rss version="2.0"><channel><title>F</title>${source.channel}${item('a')}${item('b')}</channel></rss>`;
      response.writeHead(200, { 'content-type': 'application/rss+xml' }).end(body);
    };
    await reader.subscribe(feed);
    t.equal((await reader.feed(feed)).webSub?.whole, true);
    const push =
      '<rss version="2.0"><channel><title>F</title><item><guid isPermaLink="false">same</guid><link>http://s.example/a</link><title>a</title></item></channel></rss>';
    t.strictSame(
      (await hub.distribute(topic, push)).map(({ status }) => status),
      [200],
    );
    t.strictSame((await titles(reader)).toSorted(), ['a', 'b']);
  },
);

t.test('only what is signed with the secret is stored; the hub is told nothing about it', async (t) => {
  const { hub, reader, feed, topic } = await world(t);
  await reader.subscribe(feed);
  const body = atom({ id: 'forged', updated: '2026-01-05T12:30:00Z' });
  const wrong = [
    null,
    '',
    'sha256=',
    `sha256=${'0'.repeat(64)}`,
    `sha1=${'0'.repeat(64)}`,
    `md5=${'0'.repeat(32)}`,
    'nonsense',
  ];
  for (const signature of wrong) {
    const [answer] = await hub.distribute(topic, body, { ...ATOM, signature });
    t.equal(answer?.status, 200, String(signature));
  }
  const [callback = '', { secret }] = [...hub.subscribed][0] ?? ['', { secret: null }];
  await hub.deliver(callback, `${secret}x`, body, ATOM);
  t.strictSame(await titles(reader), ['one']);
  t.equal(reader.webSub.metrics.pushes.signature, wrong.length + 1);
  for (const hash of ['sha1', 'sha256', 'sha384', 'sha512']) {
    await hub.distribute(topic, atom({ id: hash, updated: '2026-01-05T12:30:00Z' }), { ...ATOM, hash });
  }
  t.strictSame(await titles(reader), ['one', 'sha1', 'sha256', 'sha384', 'sha512']);
});

for (const mood of ['wrong topic', 'wrong mode', 'wrong callback'] as const) {
  t.test(`a hub that asks back about a ${mood} is told 404, and nobody counts as subscribed`, async (t) => {
    const { hub, reader, feed } = await world(t);
    hub.mood = mood;
    await reader.subscribe(feed);
    t.strictSame(hub.answers, [{ mode: 'subscribe', status: 404, echoed: false }]);
    t.equal((await reader.feed(feed)).webSub?.until, null);
    t.equal(hub.subscribed.size, 0);
  });
}

t.test('nobody is answered a challenge who was not asked, or comes too late', async (t) => {
  const { hub, reader, feed, topic } = await world(t);
  hub.mood = 'never verifies';
  await reader.subscribe(feed);
  const callback = hub.asked[0]?.['hub.callback'] ?? '';
  const asks = (mode: string, about = topic) =>
    hub.askBack(callback, { 'hub.mode': mode, 'hub.topic': about, 'hub.challenge': 'c', 'hub.lease_seconds': '60' });
  t.equal((await asks('unsubscribe')).status, 404);
  t.equal((await asks('publish')).status, 404);
  t.equal((await hub.askBack(callback, { 'hub.mode': 'subscribe', 'hub.topic': topic })).status, 404, 'no challenge');
  t.equal((await fetch(callback)).status, 404);
  const early = await hub.deliver(callback, hub.asked[0]?.['hub.secret'] ?? '', atom(), ATOM);
  t.equal(early.status, 404, 'nothing may be pushed before');
  reader.clock.now += 20 * 60_000;
  t.equal((await asks('subscribe')).status, 404, 'too late');
  const elsewhere = callback.replace(/\.[a-z2-7]+$/, `.${'a'.repeat(26)}`);
  t.equal((await hub.deliver(elsewhere, null, atom(), ATOM)).status, 410, 'a hub that knows an old path may forget it');
});

onEachEngine(
  t,
  'a subscription survives a restart at every point, whichever process the hub reaches',
  async (t, engine) => {
    const { hub, reader, feed, topic } = await world(t, engine);
    hub.mood = 'never verifies';
    await reader.subscribe(feed);
    const { 'hub.callback': callback = '', 'hub.secret': secret = '' } = hub.asked[0] ?? {};
    await reader.restart();
    const asks = { 'hub.mode': 'subscribe', 'hub.topic': topic, 'hub.challenge': 'c', 'hub.lease_seconds': '86400' };
    t.strictSame(await hub.askBack(callback, asks), { status: 200, text: 'c' });
    t.strictSame(
      await hub.askBack(callback, asks),
      { status: 200, text: 'c' },
      'again, should the answer have got lost',
    );
    await reader.restart();
    await reader.settle();
    t.equal((await reader.feed(feed)).webSub?.until, START + DAY_MS);
    await reader.restart();
    const body = atom({ id: 'after', updated: '2026-01-05T12:30:00Z' });
    t.equal((await hub.deliver(callback, secret, body, ATOM)).status, 200);
    t.strictSame(await titles(reader), ['one', 'after']);
    t.equal(hub.asked.length, 1, 'nobody was asked twice');
  },
);
