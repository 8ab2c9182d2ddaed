/** Pushes that can't be taken: too large, too many, too slow, while the crawlers are paused or the store is in trouble. */
import net from 'node:net';
import t from 'tap';
import { CRAWLER } from '../../../crawler/pause/note.ts';
import { PUSHES_MAX } from '../../../crawler/websub/limits.ts';
import { shutOutNote } from '../../../store/shut-out.ts';
import { until } from '../../rig/until.ts';
import { onEachEngine } from '../harness.ts';
import { ATOM, atom, titles, world } from './world.ts';

const ENTRY = atom({ id: 'pushed', updated: '2026-01-05T12:30:00Z' });

onEachEngine(
  t,
  'while the store takes no articles, the hub is told to come again, and nothing is lost',
  async (t, engine) => {
    const { hub, reader, feed, topic } = await world(t, engine);
    await reader.subscribe(feed);
    await reader.store.articles.setMode('read-only');
    const [refused] = await hub.distribute(topic, ENTRY, ATOM);
    t.equal(refused?.status, 503);
    t.match(refused?.retryAfter, /^\d+$/);
    await reader.store.articles.setMode('read-write');
    t.equal((await hub.distribute(topic, ENTRY, ATOM))[0]?.status, 200);
    t.strictSame(await titles(reader), ['one', 'pushed']);
  },
);

onEachEngine(
  t,
  'while the crawlers are paused, pushes are not received, and questions are answered',
  async (t, engine) => {
    const { hub, reader, feed, topic } = await world(t, engine);
    hub.mood = 'never verifies';
    await reader.subscribe(feed);
    const pause = { state: 'pausing', shut: false };
    await reader.store.control.put(shutOutNote(CRAWLER), pause);
    const { 'hub.callback': callback = '', 'hub.secret': secret = '' } = hub.asked[0] ?? {};
    const asks = { 'hub.mode': 'subscribe', 'hub.topic': topic, 'hub.challenge': 'c', 'hub.lease_seconds': '86400' };
    t.equal((await hub.askBack(callback, asks)).status, 200);
    t.equal((await hub.deliver(callback, secret, ENTRY, ATOM)).status, 503);
    await reader.store.control.put(shutOutNote(CRAWLER), { ...pause, state: 'running' });
    t.equal((await hub.deliver(callback, secret, ENTRY, ATOM)).status, 200);
    // The note is read before the body comes; the store itself refuses what comes in between.
    await reader.store.control.put(shutOutNote(CRAWLER), { state: 'running', shut: true });
    for (const database of [reader.store.articles, reader.store.feeds]) await database.shutOut(CRAWLER);
    const late = atom({ id: 'late', updated: '2026-01-05T12:40:00Z' });
    t.equal((await hub.deliver(callback, secret, late, ATOM)).status, 503);
    t.strictSame(await titles(reader), ['one', 'pushed']);
    await reader.store.control.put(shutOutNote(CRAWLER), { ...pause, state: 'running' });
    t.equal((await hub.deliver(callback, secret, late, ATOM)).status, 200, 'writers that were fenced are opened again');
    t.strictSame(await titles(reader), ['one', 'pushed', 'late']);
  },
);

t.test('a body beyond the limit is refused, and only that one', async (t) => {
  const { hub, reader, feed, topic } = await world(t);
  await reader.subscribe(feed);
  const huge = atom({ id: 'huge', title: 'x'.repeat(100_000), updated: '2026-01-05T12:30:00Z' });
  t.equal((await hub.distribute(topic, huge, ATOM))[0]?.status, 413);
  t.equal((await hub.distribute(topic, ENTRY, ATOM))[0]?.status, 200);
  t.strictSame(await titles(reader), ['one', 'pushed']);
});

t.test('hubs that send slowly hold up no more than their places, and give them back when they hang up', async (t) => {
  const { hub, reader, feed, topic } = await world(t);
  await reader.subscribe(feed);
  const [callback = ''] = [...hub.subscribed.keys()];
  const { hostname, port, pathname } = new URL(callback);
  const sockets = await Promise.all(
    Array.from({ length: 2 * PUSHES_MAX }, async () => {
      const socket = net.connect(Number(port), hostname);
      socket.on('error', () => {});
      await new Promise((resolve) => socket.once('connect', resolve));
      socket.write(`POST ${pathname} HTTP/1.1\r\nhost: x\r\ncontent-type: text/xml\r\ncontent-length: 1000\r\n\r\n<`);
      return socket;
    }),
  );
  // A push that came before all of these would have a place itself, and one of them none.
  await until(() => reader.webSub.metrics.pushes.busy === PUSHES_MAX, 'all places are taken');
  t.equal((await hub.distribute(topic, ENTRY, ATOM))[0]?.status, 503);
  t.equal((await hub.askBack(callback, { 'hub.mode': 'x', 'hub.topic': topic })).status, 404, 'questions are answered');
  for (const socket of sockets) socket.destroy();
  await until(async () => (await hub.distribute(topic, ENTRY, ATOM))[0]?.status === 200, 'the places are free again');
});

t.test('whoever does not know the path sends no body at all', async (t) => {
  const { reader } = await world(t);
  const { hostname, port } = new URL(reader.publicUrl);
  const answered = await new Promise<string>((resolve) => {
    const socket = net.connect(Number(port), hostname, () => {
      socket.write(
        'POST /websub/guess HTTP/1.1\r\nhost: x\r\ncontent-type: text/xml\r\ncontent-length: 50000\r\n\r\n<',
      );
    });
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
  });
  t.match(answered, /^HTTP\/1\.1 410 /);
});

t.test('the pages stay closed to other names and origins, and the callback is open to any', async (t) => {
  const { hub, reader, feed } = await world(t);
  await reader.subscribe(feed);
  const [callback = '', { secret } = { secret: '' }] = [...hub.subscribed][0] ?? [];
  const status = async (path: string) => {
    const { hostname, port } = new URL(callback);
    return new Promise<string>((resolve) => {
      const socket = net.connect(Number(port), hostname, () => {
        socket.write(`GET ${path} HTTP/1.1\r\nhost: elsewhere.example\r\nconnection: close\r\n\r\n`);
      });
      socket.once('data', (data) => resolve(data.toString().split(' ')[1] ?? ''));
    });
  };
  t.not(await status('/feeds'), '200');
  t.not(await status('/websub/../feeds'), '200');
  t.equal(await status(`${new URL(callback).pathname}?hub.mode=subscribe`), '404');
  t.equal((await hub.deliver(callback, secret, ENTRY, ATOM)).status, 200);
});
