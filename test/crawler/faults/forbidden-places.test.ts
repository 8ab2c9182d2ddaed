/** Where no feed, redirect, proxied feed or hub may lead (server-side request forgery): with real servers that nobody may reach. */
import type { LookupAddress } from 'node:dns';
import t, { type Test } from 'tap';
import { addressGuard } from '../../../crawler/address-guard.ts';
import { openConnections } from '../../../crawler/connections.ts';
import { openFetcher } from '../../../crawler/fetch.ts';
import { exchange } from '../../../crawler/http-exchange.ts';
import { code, FEED, fetchOnce } from '../fetching.ts';
import { httpServer, type TestServer } from '../servers.ts';

/** Ways to write 127.0.0.1 and other places that are nobody's business, PORT being where a server listens on all of them. */
const PLACES = [
  ...[
    '127.0.0.1',
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '017700000001',
    '0x7f.0.0.0x1',
  ],
  ...['127.0.0.1.', '127.1.', '１２７.０.０.１', '127。0。0。1', '%31%32%37.0.0.1', '①②⑦.0.0.1'],
  ...['0', '0.0.0.0', '0x0', '[::]', '[::1]', '[0:0:0:0:0:0:0:1]', '127.255.255.254', '127.0.0.53'],
  ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::ffff:0:127.0.0.1]', '[::127.0.0.1]', '[0:0:0:0:0:ffff:7f00:0001]'],
  ...['[64:ff9b::127.0.0.1]', '[64:ff9b::7f00:1]', '[64:ff9b:1::7f00:1]', '[2002:7f00:1::]', '[2002:7f00:0001::1]'],
  ...['[2001:0:4136:e378:8000:63bf:80ff:fffe]', '[2001::1]', '[fe80::1]', '[fec0::1]', '[ff02::1]'],
  ...['169.254.169.254', '[fd00:ec2::254]', '[::ffff:169.254.169.254]', '0xa9fea9fe', '2852039166', '168.63.129.16'],
  ...[
    '100.100.100.200',
    '192.0.0.192',
    '10.0.0.1',
    '192.168.1.1',
    '172.16.0.1',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
  ],
];
const NAMES = ['localhost', 'LOCALHOST', 'localhost.', 'ip6-localhost', 'feeds.localhost'];

const REFUSED = ['FETCH_ADDRESS_FORBIDDEN'];
/** A name may be unknown to the machine: nothing was reached then either. */
const NOT_REACHED = ['FETCH_ADDRESS_FORBIDDEN', 'FETCH_DNS'];

/** A server on all addresses of this machine, which must not be asked. */
async function secret(): Promise<TestServer> {
  return httpServer((_request, response) => response.end('secret'));
}

/** Headers carry no more. */
function ascii(url: string): string {
  return url.replaceAll(/[^ -~]/g, encodeURIComponent);
}

function eachPlace(port: number): [string, readonly string[]][] {
  return [
    ...PLACES.map((host): [string, readonly string[]] => [`http://${host}:${port}/`, REFUSED]),
    ...NAMES.map((host): [string, readonly string[]] => [`http://${host}:${port}/`, NOT_REACHED]),
  ];
}

t.test('no spelling of a forbidden place is reached', async (t) => {
  await using server = await secret();
  for (const [url, codes] of eachPlace(server.port)) {
    const result = await fetchOnce(url, {}, { allowPrivate: [] });
    t.ok(codes.includes(code(result)), `${url}: ${code(result)}`);
  }
  t.equal(server.requests.length, 0);
});

t.test('nor by a redirect from a place that is open', async (t) => {
  await using server = await secret();
  let target = '';
  await using open = await httpServer((_request, response) =>
    response.writeHead(302, { location: ascii(target) }).end(),
  );
  for (const [url, codes] of eachPlace(server.port)) {
    target = url;
    const result = await fetchOnce(open.at('127.0.17.1'), {}, { allowPrivate: ['127.0.17.1'] });
    t.ok(codes.includes(code(result)), `${url}: ${code(result)}`);
  }
  t.equal(server.requests.length, 0);
});

t.test('a proxy is not asked for an address that is forbidden, redirects included', async (t) => {
  await using server = await secret();
  let target = '';
  await using proxy = await httpServer((_request, response) => {
    if (target === '') return response.end(FEED);
    return response.writeHead(302, { location: ascii(target) }).end();
  });
  const asked: string[] = [];
  for (const [url] of eachPlace(server.port).slice(0, PLACES.length)) {
    const overrides = { proxy: proxy.url };
    target = '';
    const direct = await fetchOnce(url, { overrides }, { allowPrivate: [] });
    if (code(direct) !== 'FETCH_ADDRESS_FORBIDDEN') asked.push(`${url}: ${code(direct)}`);
    target = url;
    // A name that only the proxy can look up.
    const led = await fetchOnce('http://feeds.example/', { overrides }, { allowPrivate: [] });
    if (code(led) !== 'FETCH_ADDRESS_FORBIDDEN') asked.push(`redirect to ${url}: ${code(led)}`);
  }
  t.same(asked, []);
  t.equal(server.requests.length, 0);
});

t.test('nothing is posted to a hub at a forbidden place', async (t) => {
  await using server = await secret();
  await using fetcher = openFetcher({ userAgent: 'Feedferry-Test/1.0', allowPrivate: [], timeoutMs: 5_000 });
  for (const [url, codes] of eachPlace(server.port)) {
    const result = await fetcher.post({ url, form: new URLSearchParams({ 'hub.mode': 'subscribe' }) });
    const got = result.kind === 'failed' ? result.error.code : result.kind;
    t.ok(codes.includes(got), `${url}: ${got}`);
  }
  t.equal(server.requests.length, 0);
});

t.test('the allow-list opens one address, in whatever spelling, and no other', async (t) => {
  await using server = await httpServer((_request, response) => response.end(FEED));
  const allowPrivate = ['127.0.0.1'];
  for (const host of ['127.0.0.1', '127.1', '2130706433', '0x7f.1', '0177.0.0.1', '127.0.0.1.', '１２７.０.０.１']) {
    t.equal(code(await fetchOnce(`http://${host}:${server.port}/`, {}, { allowPrivate })), 'body', host);
  }
  for (const host of ['127.0.0.2', '0.0.0.0', '[::1]']) {
    t.equal(
      code(await fetchOnce(`http://${host}:${server.port}/`, {}, { allowPrivate })),
      'FETCH_ADDRESS_FORBIDDEN',
      host,
    );
  }
});

t.test(
  'a name that leads elsewhere at the next look gains nothing: what is checked is what is connected to',
  async (t) => {
    await using server = await httpServer((_request, response) =>
      response.writeHead(200, { connection: 'close' }).end(FEED),
    );
    for (const all of [['127.0.17.1'], ['127.0.0.1', '127.0.17.1'], ['::1', '127.0.17.1']]) {
      await rebinding(t, server, all);
    }
  },
);

/** `first`: to where the name leads at the first look; afterwards to loopback only. */
async function rebinding(t: Test, server: TestServer, first: readonly string[]): Promise<void> {
  let looks = 0;
  const guard = addressGuard({
    allowPrivate: ['127.0.17.1'],
    resolve: (_host, _options, callback) => {
      looks += 1;
      const found = looks === 1 ? first : ['127.0.0.1'];
      callback(
        null,
        found.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    },
  });
  const limits = {
    connectionsMax: 4,
    perOriginMax: 1,
    connectTimeoutMs: 5_000,
    idleTimeoutMs: 5_000,
    bodyBytesMax: 9_999,
  };
  await using connections = openConnections({ guard, ...limits });
  const before = server.requests.length;
  const ask = () =>
    exchange(connections.agent, {
      ...{ url: new URL(`http://rebind.example:${server.port}/`), headers: {}, lastOnConnection: true },
      ...{ bodyBytesMax: 9_999, decodedBytesMax: 9_999, timeoutMs: 5_000 },
    });
  t.equal((await ask()).kind, 'answer', `${first}: the open address was connected to`);
  t.equal(looks, 1, 'the name was looked up once, by the guard');
  const again = await ask();
  t.match(again, { kind: 'no-answer', error: { code: 'FETCH_ADDRESS_FORBIDDEN' } });
  t.equal(server.requests.length, before + 1);
}
