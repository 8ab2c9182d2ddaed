import { readFile } from 'node:fs/promises';
import zlib from 'node:zlib';
import t from 'tap';
import { openFetcher } from '../../crawler/fetch.ts';
import { code, FEED, fetchFrom, fetchOnce, OPTIONS, text } from './fetching.ts';
import { closedPort, type Handler, httpServer, scriptedServer, socketServer, type TestServer } from './servers.ts';

t.test('a feed comes with its body, type and validators, as they were sent', async (t) => {
  const { result, requests } = await fetchFrom((_request, response) => {
    response.writeHead(200, {
      'content-type': 'application/rss+xml; charset=utf-8',
      etag: 'W/"odd \'one\'"',
      'last-modified': 'yesterday',
    });
    response.end(FEED);
  });
  if (result.kind !== 'body') return t.fail(code(result));
  t.equal(text(result), FEED);
  t.equal(result.contentType, 'application/rss+xml; charset=utf-8');
  t.equal(result.etag, 'W/"odd \'one\'"');
  t.equal(result.lastModified, 'yesterday');
  t.equal(result.wireBytes, FEED.length);
  t.equal(result.permanentUrl, null);
  const headers = requests[0]?.headers ?? {};
  t.equal(headers['user-agent'], 'Feedferry-Test/1.0');
  t.match(headers.accept, /application\/atom\+xml/);
  for (const name of ['cookie', 'referer', 'if-none-match', 'if-modified-since', 'authorization']) {
    t.equal(headers[name], undefined, `no ${name}`);
  }
});

t.test('validators go back byte for byte, and a 304 keeps them', async (t) => {
  const etag = 'W/"\u00e9\u00ff,; odd"';
  const { result, requests } = await fetchFrom(
    (_request, response) => {
      response.writeHead(304);
      response.end();
    },
    { etag, lastModified: 'Mon, 1 Jan 0001 00:00:00 GMT+7' },
  );
  t.equal(requests[0]?.headers['if-none-match'], etag);
  t.equal(requests[0]?.headers['if-modified-since'], 'Mon, 1 Jan 0001 00:00:00 GMT+7');
  t.match(result, { kind: 'not-modified', etag, lastModified: 'Mon, 1 Jan 0001 00:00:00 GMT+7' });
});

t.test('a validator with bytes above ASCII makes the round trip unchanged', async (t) => {
  const seen: string[] = [];
  await using server = await scriptedServer((socket, head) => {
    seen.push(head);
    socket.write(Buffer.from('HTTP/1.1 200 OK\r\nETag: "\xc3\xa9\xff"\r\nContent-Length: 2\r\n\r\nhi', 'latin1'));
  });
  const first = await fetchOnce(`${server.url}/`);
  if (first.kind !== 'body') return t.fail(code(first));
  await fetchOnce(`${server.url}/`, { etag: first.etag });
  t.match(seen[1], 'if-none-match: "\xc3\xa9\xff"\r\n');
});

t.test('a 304 that names a new validator replaces that one only', async (t) => {
  const { result } = await fetchFrom(
    (_request, response) => {
      response.writeHead(304, { etag: '"2"' });
      response.end();
    },
    { etag: '"1"', lastModified: 'then' },
  );
  t.match(result, { kind: 'not-modified', etag: '"2"', lastModified: 'then' });
});

t.test('a body without validators leaves none, for the old ones say nothing about it', async (t) => {
  const { result } = await fetchFrom((_request, response) => response.end(FEED), { etag: '"1"', lastModified: 'then' });
  t.match(result, { kind: 'body', etag: null, lastModified: null });
});

t.test('a 304 that nobody asked for is a failure', async (t) => {
  const { result } = await fetchFrom((_request, response) => {
    response.writeHead(304);
    response.end();
  });
  t.equal(code(result), 'FETCH_HTTP_304');
});

t.test('packed bodies are unpacked, small and large', async (t) => {
  const large = Buffer.from(Array.from({ length: 400_000 }, (_, i) => Math.imul(i, 2654435761) >>> 24));
  const ways: Record<string, (body: Buffer) => Buffer> = {
    gzip: zlib.gzipSync,
    'x-gzip': zlib.gzipSync,
    deflate: zlib.deflateSync,
    'deflate ': zlib.deflateRawSync,
    br: zlib.brotliCompressSync,
    zstd: zlib.zstdCompressSync,
    'identity, gzip': zlib.gzipSync,
    'br, gzip': (body) => zlib.gzipSync(zlib.brotliCompressSync(body)),
    identity: (body) => body,
  };
  for (const [encoding, pack] of Object.entries(ways)) {
    for (const body of [Buffer.from(FEED), large, Buffer.alloc(0)]) {
      const packed = pack(body);
      const { result, requests } = await fetchFrom((_request, response) => {
        response.writeHead(200, { 'content-encoding': encoding });
        response.end(packed);
      });
      t.ok(result.kind === 'body' && body.equals(result.body), `${encoding}, ${body.length} bytes`);
      t.match(requests[0]?.headers['accept-encoding'], 'gzip');
    }
  }
});

t.test('a body that ends with its connection is whole', async (t) => {
  await using server = await scriptedServer((socket) => socket.end(`HTTP/1.0 200 OK\r\n\r\n${FEED}`));
  t.equal(text(await fetchOnce(server.url)), FEED);
});

t.test('a certificate that nobody vouches for is refused, and taken where it is trusted', async (t) => {
  const read = (name: string) => readFile(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
  const [key, cert] = await Promise.all([read('self-signed.key.pem'), read('self-signed.crt.pem')]);
  await using server = await httpServer((_request, response) => response.end(FEED), { key, cert });
  t.equal(code(await fetchOnce(server.url)), 'FETCH_TLS');
  t.equal(text(await fetchOnce(server.url, {}, { ca: cert })), FEED);
  t.equal(code(await fetchOnce(server.at('127.0.0.2'), {}, { ca: cert })), 'FETCH_TLS', 'another name');
  t.equal(code(await fetchOnce(server.url.replace('https', 'http'))), 'FETCH_RESET', 'http to an https port');
  await using plain = await httpServer((_request, response) => response.end(FEED));
  t.equal(code(await fetchOnce(plain.url.replace('http', 'https'))), 'FETCH_TLS', 'https to an http port');
});

/** Paths like `/301/302/end` redirect step by step. */
const redirecting: Handler = (request, response) => {
  const [, status = '', ...rest] = (request.url ?? '').split('/');
  if (status === 'end') return response.end(FEED);
  response.writeHead(Number(status), { location: `/${rest.join('/')}`, 'set-cookie': 'a=b' });
  return response.end('moved');
};

t.test('redirects are followed; only a wholly permanent chain moves the feed', async (t) => {
  await using server = await httpServer(redirecting);
  const cases: [string, string | null][] = [
    ['/end', null],
    ['/301/end', '/end'],
    ['/308/301/end', '/end'],
    ['/301/302/end', null],
    ['/307/308/end', null],
    ['/303/end', null],
  ];
  for (const [path, permanent] of cases) {
    const result = await fetchOnce(server.url + path, { etag: '"1"' });
    if (result.kind !== 'body') return t.fail(`${path}: ${code(result)}`);
    t.equal(result.url, `${server.url}/end`);
    t.equal(result.permanentUrl, permanent === null ? null : server.url + permanent, path);
  }
  for (const { headers } of server.requests) {
    t.equal(headers.cookie, undefined);
    t.equal(headers.referer, undefined);
    t.equal(headers['if-none-match'], '"1"');
  }
});

t.test('redirects that lead nowhere end', async (t) => {
  await using server = await httpServer((request, response) => {
    if (request.url === '/loop') response.writeHead(302, { location: '/loop' });
    if (request.url === '/file') response.writeHead(302, { location: 'file:///etc/passwd' });
    if (request.url === '/bad') response.writeHead(302, { location: 'http://[::bad/' });
    if (request.url === '/none') response.writeHead(302);
    response.end();
  });
  for (const path of ['/loop', '/file', '/bad', '/none']) {
    t.equal(code(await fetchOnce(server.url + path)), 'FETCH_REDIRECTS', path);
  }
  t.equal(server.requests.filter(({ url }) => url === '/loop').length, 6, 'the first and five redirects');
});

t.test('private addresses are refused, in the URL, behind a name and behind a redirect', async (t) => {
  await using server = await httpServer((request, response) => {
    const target = new URL(`http://x${request.url}`).searchParams.get('to');
    if (target !== null) response.writeHead(302, { location: target });
    response.end(FEED);
  });
  const { port } = server;
  const hosts = [
    '127.0.0.1',
    'localhost',
    '0x7f.1',
    '2130706433',
    '0177.0.0.1',
    '[::ffff:127.0.0.1]',
    '[::1]',
    '0.0.0.0',
  ];
  for (const host of hosts) {
    const url = `http://${host}:${port}/`;
    t.equal(code(await fetchOnce(url, {}, { allowPrivate: [] })), 'FETCH_ADDRESS_FORBIDDEN', url);
    const moved = `http://127.0.0.2:${port}/?to=${encodeURIComponent(url)}`;
    t.equal(
      code(await fetchOnce(moved, {}, { allowPrivate: ['127.0.0.2'] })),
      'FETCH_ADDRESS_FORBIDDEN',
      `redirect to ${url}`,
    );
  }
  t.equal(server.requests.filter(({ host }) => host !== '127.0.0.2').length, 0, 'nothing reached a refused host');
  t.equal(text(await fetchOnce(`http://localhost:${port}/`)), FEED, 'opened for the tests, the name works');
});

t.test('a login in the URL is sent to its own origin, and shown to nobody', async (t) => {
  await using other = await httpServer((_request, response) => response.end(FEED));
  await using server = await httpServer((_request, response) => {
    response.writeHead(302, { location: other.url });
    response.end();
  });
  const result = await fetchOnce(server.url.replace('//', '//ann:s%C3%A9cret@'));
  t.equal(server.requests[0]?.headers.authorization, `Basic ${Buffer.from('ann:sécret').toString('base64')}`);
  t.equal(other.requests[0]?.headers.authorization, undefined);
  t.equal(result.kind === 'body' && result.url, `${other.url}/`);
  const failed = await fetchOnce(`http://ann:secret@127.0.0.1:${await closedPort()}/`);
  t.notMatch(JSON.stringify(failed.kind === 'failed' && failed.error), /secret/);
});

t.test('connections are kept, and one that the server closed meanwhile is replaced without fuss', async (t) => {
  let connections = 0;
  const server: TestServer = await socketServer((socket) => {
    connections += 1;
    let served = 0;
    socket.on('data', () => {
      served += 1;
      // The second request on a connection meets a server that has just hung up.
      if (served === 3) socket.destroy();
      else socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${FEED.length}\r\n\r\n${FEED}`);
    });
  });
  await using _server = server;
  await using fetcher = openFetcher(OPTIONS);
  for (let i = 0; i < 5; i += 1) {
    t.equal(text(await fetcher.fetch({ url: server.url, etag: null, lastModified: null })), FEED);
  }
  t.equal(connections, 3, 'two of three were hung up on');
});

t.test('never more connections at once than allowed', async (t) => {
  let open = 0;
  let most = 0;
  await using server = await httpServer((_request, response) => {
    open += 1;
    most = Math.max(most, open);
    setTimeout(() => {
      open -= 1;
      response.end(FEED);
    }, 5);
  });
  await using fetcher = openFetcher({ ...OPTIONS, connectionsMax: 4 });
  const urls = Array.from({ length: 40 }, (_, i) => server.at(`127.0.0.${1 + (i % 10)}`));
  const results = await Promise.all(urls.map((url) => fetcher.fetch({ url, etag: null, lastModified: null })));
  t.equal(results.filter((result) => text(result) === FEED).length, 40);
  t.equal(most, 4);
});

t.test('a network that can not be read is named', (t) => {
  t.throws(() => openFetcher({ ...OPTIONS, allowPrivate: ['10.0.0.0/99'] }), {
    code: 'FETCH_NETWORK_INVALID',
    input: '10.0.0.0/99',
  });
  t.end();
});
