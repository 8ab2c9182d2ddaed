import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import type { FeedKind } from '../../../bench/feed-world/kinds.ts';
import type { WorldOptions } from '../../../bench/feed-world/options.ts';
import { renderFeed } from '../../../bench/feed-world/render.ts';
import { type RunningWorld, serveWorld } from '../../../bench/feed-world/server.ts';
import { makeWorld } from '../../../bench/feed-world/world.ts';

const SMALL: Partial<WorldOptions> = { feeds: 4, entries: 5, bytes: 6000 };

function serve(options: Partial<WorldOptions> = {}): Promise<RunningWorld> {
  return serveWorld(makeWorld({ ...SMALL, ...options }));
}

function serveKind(kind: FeedKind, options: Partial<WorldOptions> = {}): Promise<RunningWorld> {
  return serve({ feeds: 1, shares: { [kind]: 1 }, ...options });
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** The body came to its promised end. */
  readonly complete: boolean;
}

/** Node's own client: nothing is added, followed or decoded. */
function ask(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => {});
      response.on('close', () => {
        const { statusCode: status = 0, complete } = response;
        resolve({ status, headers: response.headers, body: Buffer.concat(chunks), complete });
      });
    });
    request.on('error', reject);
  });
}

function urlOf(world: RunningWorld, index = 0): string {
  return world.feeds[index]?.url ?? '';
}

t.test('every feed has a loopback address of its own, and answers there with its document', async (t) => {
  await using world = await serve();
  t.equal(new Set(world.feeds.map((feed) => new URL(feed.url).host)).size, 4);
  for (const feed of world.world.feeds) {
    const url = urlOf(world, feed.index);
    const { status, body } = await ask(url);
    t.equal(status, 200);
    t.match(new URL(url).hostname, /^127\./);
    t.strictSame(body, renderFeed(world.world.options, feed, 5, new URL(url).origin).body);
  }
});

t.test('nothing listens on an address that is not loopback', async (t) => {
  await using world = await serve();
  const port = Number(new URL(urlOf(world)).port);
  const others = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).filter((one) => !one.internal));
  for (const { address, scopeid } of others) {
    const host = scopeid ? `${address}%${scopeid}` : address;
    t.equal(await outcome(host, port), 'refused', `${address} is refused`);
  }
  t.equal(await outcome('127.16.0.1', port), 'open');
});

function outcome(host: string, port: number): Promise<'open' | 'refused'> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 5000 });
    const end = (how: 'open' | 'refused') => (): void => {
      socket.destroy();
      resolve(how);
    };
    socket.once('connect', end('open')).once('error', end('refused')).once('timeout', end('refused'));
  });
}

t.test('an ETag that is sent back brings a 304, until something is published', async (t) => {
  await using world = await serve({ withoutEtagShare: 0 });
  const first = await ask(urlOf(world));
  const etag = first.headers.etag ?? '';
  t.match(etag, /^(W\/)?".+"$/);
  const second = await ask(urlOf(world), { 'If-None-Match': etag });
  t.equal(second.status, 304);
  t.equal(second.body.length, 0);
  t.equal(second.headers.etag, etag);
  t.equal((await ask(urlOf(world), { 'If-None-Match': `"other", W/${etag.replace(/^W\//, '')}` })).status, 304);
  t.equal((await ask(urlOf(world), { 'If-None-Match': etag.replaceAll('"', '') })).status, 200, 'quotes belong to it');
  world.publish(1);
  const third = await ask(urlOf(world), { 'If-None-Match': etag });
  t.equal(third.status, 200);
  t.not(third.headers.etag, etag);
});

t.test('If-Modified-Since works where there is a date, and yields to If-None-Match', async (t) => {
  await using world = await serve({ withoutEtagShare: 1 });
  const first = await ask(urlOf(world));
  const date = first.headers['last-modified'] ?? '';
  t.equal(first.headers.etag, undefined);
  t.equal((await ask(urlOf(world), { 'If-Modified-Since': date })).status, 304);
  t.equal((await ask(urlOf(world), { 'If-Modified-Since': date, 'If-None-Match': '"x"' })).status, 200);
  const earlier = new Date(Date.parse(date) - 1000).toUTCString();
  t.equal((await ask(urlOf(world), { 'If-Modified-Since': earlier })).status, 200);
  world.publish(1);
  t.equal((await ask(urlOf(world), { 'If-Modified-Since': date })).status, 200);
});

t.test('gzip is sent to those who accept it, with an ETag of its own', async (t) => {
  await using world = await serve({ withoutEtagShare: 0 });
  const plain = await ask(urlOf(world));
  const packed = await ask(urlOf(world), { 'Accept-Encoding': 'br, gzip' });
  t.equal(packed.headers['content-encoding'], 'gzip');
  t.strictSame(gunzipSync(packed.body), plain.body);
  t.not(packed.headers.etag, plain.headers.etag);
  t.equal((await ask(urlOf(world), { 'Accept-Encoding': 'gzip;q=0' })).headers['content-encoding'], undefined);
});

t.test('failing feeds fail the way their kind says', async (t) => {
  for (const [kind, status] of [
    ['not-found', 404],
    ['gone', 410],
    ['server-error', 500],
  ] as const) {
    await using world = await serveKind(kind);
    t.equal((await ask(urlOf(world))).status, status, kind);
  }
  await using busy = await serveKind('too-many', { retryAfterS: 77 });
  t.match(await ask(urlOf(busy)), { status: 429, headers: { 'retry-after': '77' } });
  await using reset = await serveKind('reset');
  const cut = await ask(urlOf(reset)).then(
    ({ complete }) => (complete ? 'whole' : 'cut off'),
    (error: NodeJS.ErrnoException) => error.code,
  );
  t.ok(cut === 'cut off' || cut === 'ECONNRESET', `reset: ${cut}`);
  await using short = await serveKind('short-body');
  const { complete, body, headers } = await ask(urlOf(short));
  t.equal(complete, false, 'short-body: nor here');
  t.equal(body.length, Math.floor(Number(headers['content-length']) / 2));
  await using packed = await serveKind('truncated-gzip');
  const half = await ask(urlOf(packed));
  t.equal(half.complete, true, 'truncated-gzip: HTTP is in order');
  t.throws(() => gunzipSync(half.body), { code: 'Z_BUF_ERROR' });
});

t.test('redirecting feeds redirect, and the new address answers', async (t) => {
  for (const [kind, status] of [
    ['moved', 301],
    ['moved-for-now', 302],
  ] as const) {
    await using world = await serveKind(kind);
    const answer = await ask(urlOf(world));
    t.equal(answer.status, status);
    t.equal((await ask(new URL(answer.headers.location ?? '', urlOf(world)).href)).status, 200);
  }
  await using loop = await serveKind('redirect-loop');
  const answer = await ask(urlOf(loop));
  t.equal(new URL(answer.headers.location ?? '', urlOf(loop)).href, urlOf(loop));
});

t.test('a slow feed answers after its delay, and closing does not wait for one that never answers', async (t) => {
  await using slow = await serveKind('slow', { slowMs: 120 });
  const began = performance.now();
  t.equal((await ask(urlOf(slow))).status, 200);
  t.ok(performance.now() - began >= 115);
  const mute = await serveKind('timeout');
  const answer = ask(urlOf(mute)).then(
    () => 'answered',
    () => 'cut off',
  );
  while (mute.log().length === 0) await new Promise((resolve) => setImmediate(resolve));
  t.equal(mute.log()[0]?.status, null, 'the log tells that there was no answer');
  await mute.close();
  t.equal(await answer, 'cut off');
});

t.test('sites can be discovered, and the links of articles and pictures lead somewhere', async (t) => {
  await using world = await serve({ feeds: 3, hosts: 2 });
  const site = (await ask(world.feeds[0]?.siteUrl ?? '')).body.toString();
  t.match(site, `href="${urlOf(world)}"`);
  t.match(site, /<link rel="alternate" type="application\/(rss|atom)\+xml"/);
  const host = (await ask(new URL('/', urlOf(world)).href)).body.toString();
  t.match(host, urlOf(world, 2), 'a host of two sites names both');
  const feed = (await ask(urlOf(world))).body.toString();
  const origin = new URL(urlOf(world)).origin;
  const links = [...new Set(feed.match(new RegExp(`${origin}/[\\w/.-]+`, 'g')) ?? [])];
  t.ok(links.some((link) => link.includes('/articles/')));
  for (const link of links) t.equal((await ask(link)).status, 200, link);
  t.equal((await ask(`${origin}/nowhere`)).status, 404);
  t.equal((await ask(`${world.feeds[0]?.siteUrl}articles/99`)).status, 404, 'what is not out yet is not there');
});

t.test('the log keeps what was asked, with its headers, and is bounded', async (t) => {
  await using world = await serveWorld(makeWorld(SMALL), { logMax: 10 });
  for (let i = 0; i < 25; i += 1) await ask(`${urlOf(world)}?${i}`, { 'User-Agent': 'Test/1', 'If-None-Match': '"x"' });
  const log = world.log();
  t.equal(log.length, 10);
  t.match(log.at(-1), { feed: 0, status: 200, headers: { 'user-agent': 'Test/1' }, path: /\?24$/ });
  t.match(world.stats(), { requests: 25, feedRequests: 25, conditional: 25, byStatus: { 200: 25 }, dropped: 15 });
  world.clearLog();
  t.match(world.stats(), { requests: 0, dropped: 0 });
});

t.test('other processes can drive the world through its control address', async (t) => {
  await using world = await serve();
  const control = world.control ?? '';
  t.match(control, /^http:\/\/127\.0\.0\.1:\d+\/__world\/$/);
  const before = await ask(urlOf(world));
  t.equal((await ask(`${control}publish?entries=2`)).status, 200);
  t.notSame((await ask(urlOf(world))).body, before.body);
  const state = JSON.parse((await ask(`${control}advance?ms=5000`)).body.toString());
  t.match(state, { now: world.world.options.startMs + 5000, feeds: 4, requests: 2 });
  t.equal((await ask(`${control}advance?ms=soon`)).status, 400);
  t.equal((await ask(`${control}prepare`)).status, 200);
  t.equal(JSON.parse((await ask(`${control}feeds`)).body.toString()).length, 4);
  t.match((await ask(`${control}opml`)).body.toString(), `xmlUrl="${urlOf(world)}"`);
  t.equal(
    (await ask(`${control}stats`, { 'Sec-Fetch-Site': 'cross-site' })).status,
    403,
    'but pages of the web cannot',
  );
});

t.test('after closing, nothing listens any more', async (t) => {
  const world = await serve();
  const { hostname, port } = new URL(urlOf(world));
  await ask(urlOf(world));
  await world.close();
  t.equal(await outcome(hostname, Number(port)), 'refused');
  t.equal(await outcome('127.0.0.1', Number(new URL(world.control ?? '').port)), 'refused');
});
