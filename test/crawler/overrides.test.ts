import http from 'node:http';
import net from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import {
  changedOverrides,
  readHeader,
  readLogin,
  readProxy,
  secretHeaders,
  shownOverrides,
} from '../../crawler/overrides.ts';
import type { FeedOverrides } from '../../store/documents.ts';
import { entries, feedSite } from './feed-site.ts';
import { code, FEED, fetchFrom, fetchOnce } from './fetching.ts';
import { setting } from './harness.ts';
import { httpServer, type TestServer } from './servers.ts';

const SECRETS = { login: { user: 'me', password: 'pässword:1' }, headers: { 'x-key': 'k3y' } };
const BASIC = `Basic ${Buffer.from('me:pässword:1').toString('base64')}`;

t.test('headers are read as a line, and those that are not free to set are refused', async (t) => {
  t.same(readHeader('X-Key:  a b '), { name: 'x-key', value: 'a b' });
  t.same(readHeader('Authorization: Bearer x'), { name: 'authorization', value: 'Bearer x' });
  t.same(readHeader('X-Key:'), { name: 'x-key', value: '' });
  for (const bad of [
    '',
    'x',
    ': a',
    'a b: c',
    'Host: evil',
    'If-None-Match: "x"',
    'Referer: x',
    'X: a\r\nY: b',
    'X: ä',
  ]) {
    t.equal(readHeader(bad), undefined, JSON.stringify(bad));
  }
  t.equal(readHeader(`X: ${'a'.repeat(5_000)}`), undefined);
  t.same(readLogin('me:a:b'), { user: 'me', password: 'a:b' });
  for (const bad of ['', 'me', ':pw', 'me:a\nb']) t.equal(readLogin(bad), undefined, JSON.stringify(bad));
  for (const bad of ['proxy:3128', 'socks5://a', 'http://a/path', 'ftp://a/']) t.equal(readProxy(bad), undefined, bad);
});

t.test(
  'whatever is set one after the other, secrets stay with the origin they were set for, and nothing shows them',
  async () => {
    const origins = ['https://a.example', 'https://b.example'];
    const change = fc.record(
      {
        userAgent: fc.constantFrom('A/1', null),
        login: fc.constantFrom({ user: 'u', password: 'SECRET' }, null),
        headers: fc.array(fc.record({ name: fc.constantFrom('x-a', 'x-b'), value: fc.constantFrom('', 'SECRET') })),
        proxy: fc.constantFrom('http://u:SECRET@proxy.example:3128/', null),
        timeoutMs: fc.constantFrom(1_000, null),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(change, fc.constantFrom(...origins))), (steps) => {
        let overrides: FeedOverrides | undefined;
        for (const [changes, origin] of steps) {
          const before = overrides;
          overrides = changedOverrides(overrides, changes, `${origin}/feed`);
          if (JSON.stringify(shownOverrides(overrides) ?? '').includes('SECRET')) return false;
          const touched = changes.login !== undefined || changes.headers !== undefined;
          for (const one of origins) {
            const sent = Object.keys(secretHeaders(overrides, new URL(one)));
            const was = Object.keys(secretHeaders(before, new URL(one)));
            if (touched && one !== origin && sent.length > 0) return false;
            if (!touched && sent.join() !== was.join()) return false;
          }
          if (overrides !== undefined && JSON.stringify(overrides) === '{}') return false;
        }
        return true;
      }),
    );
  },
);

t.test('User-Agent, login and headers of the feed are sent, and to no other origin', async (t) => {
  await using other = await httpServer((_, response) => response.end(FEED));
  await using site = await httpServer((request, response) => {
    if (request.url === '/feed') response.writeHead(302, { location: '/second' }).end();
    else response.writeHead(302, { location: `${other.url}/feed` }).end();
  });
  const overrides = { ...SECRETS, origin: new URL(site.url).origin, userAgent: 'Mine/1' };
  const result = await fetchOnce(`${site.url}/feed`, { overrides });
  t.equal(code(result), 'body');
  t.equal(site.requests.length, 2);
  for (const { headers } of site.requests) {
    t.match(headers, { 'user-agent': 'Mine/1', authorization: BASIC, 'x-key': 'k3y' });
  }
  t.match(other.requests[0]?.headers, { 'user-agent': 'Mine/1', authorization: undefined, 'x-key': undefined });
});

t.test('the timeout of the feed holds in place of the setting', async (t) => {
  const slow = (_: http.IncomingMessage, response: http.ServerResponse) =>
    void setTimeout(() => response.end(FEED), 600);
  const short = await fetchFrom(slow, { overrides: { timeoutMs: 150 } });
  t.equal(code(short.result), 'FETCH_TIMEOUT');
  const long = await fetchFrom(slow, { overrides: { timeoutMs: 5_000 } }, { timeoutMs: 150, idleTimeoutMs: 5_000 });
  t.equal(code(long.result), 'body');
});

/** An HTTP proxy that leads every name to `target`. */
async function proxyTo(target: TestServer): Promise<TestServer & { seen: string[] }> {
  const seen: string[] = [];
  const proxy = await httpServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? '-'}`);
    const { pathname } = new URL(request.url ?? '');
    http.get(`${target.url}${pathname}`, { headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
  });
  return { ...proxy, seen, [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() };
}

t.test('a feed with a proxy is fetched through it, by its name', async (t) => {
  await using site = await httpServer((_, response) => response.end(FEED));
  await using proxy = await proxyTo(site);
  const url = proxy.url.replace('//', '//me:pw@');
  const result = await fetchOnce('http://feeds.example/a', { overrides: { proxy: url } });
  t.equal(code(result), 'body');
  t.same(proxy.seen, [`GET http://feeds.example/a Basic ${Buffer.from('me:pw').toString('base64')}`]);
  t.match(site.requests[0]?.headers, { host: 'feeds.example' });
  const forbidden = await fetchOnce('http://169.254.169.254/meta', { overrides: { proxy: url } });
  t.equal(code(forbidden), 'FETCH_ADDRESS_FORBIDDEN');
  t.equal(proxy.seen.length, 1);
});

t.test('a proxy that is not there, or hangs up, is a failure of the feed', async (t) => {
  const server = net.createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  for (const url of ['http://feeds.example/a', 'https://feeds.example/a']) {
    t.match(code(await fetchOnce(url, { overrides: { proxy: `http://127.0.0.1:${port}/` } })), /^FETCH_/, url);
  }
  await new Promise((resolve) => server.close(resolve));
  t.match(
    code(await fetchOnce('http://feeds.example/a', { overrides: { proxy: `http://127.0.0.1:${port}/` } })),
    /^FETCH_/,
  );
});

t.test('a crawl sends what is set for the feed, and keeps it', async (t) => {
  await using site = await feedSite({ a: { entries: entries(1) }, b: { entries: entries(1) } });
  await using crawled = await setting();
  const [a = ''] = await crawled.add(`${site.url}/a`, `${site.url}/b`);
  const live = await crawled.store.feeds.get(a);
  if (live === undefined) throw new Error('no feed');
  const overrides = { ...SECRETS, origin: site.url };
  await using writer = await crawled.store.feeds.openWriter({ owner: 'test', durability: 'lazy' });
  await writer.edit([{ id: a, content: { ...live.content, overrides } }]);
  await crawled.crawl();
  const sent = (url: string) => site.requests.find((request) => request.url === url)?.headers.authorization;
  t.equal(sent('/a'), BASIC);
  t.equal(sent('/b'), undefined);
  const after = await crawled.feed(a);
  t.same(after.overrides, overrides);
  t.notMatch(JSON.stringify(after.history), /pässword|k3y/);
});
