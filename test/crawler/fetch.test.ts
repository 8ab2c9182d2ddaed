import { readFile } from 'node:fs/promises';
import zlib from 'node:zlib';
import t from 'tap';
import { type FetcherOptions, type FetchRequest, type FetchResult, openFetcher } from '../../crawler/fetch.ts';
import { closedPort, type Handler, httpServer, scriptedServer, socketServer, type TestServer } from './servers.ts';

const FEED = '<rss version="2.0"><channel><title>A feed</title></channel></rss>';

const OPTIONS: FetcherOptions = {
  userAgent: 'Feedferry-Test/1.0',
  allowPrivate: ['127.0.0.0/8'],
  timeoutMs: 5_000,
};

async function fetchOnce(
  url: string,
  more: Partial<FetchRequest> = {},
  options: Partial<FetcherOptions> = {},
): Promise<FetchResult> {
  await using fetcher = openFetcher({ ...OPTIONS, ...options });
  return await fetcher.fetch({ url, etag: null, lastModified: null, ...more });
}

async function fetchFrom(handler: Handler, more: Partial<FetchRequest> = {}, options: Partial<FetcherOptions> = {}) {
  await using server = await httpServer(handler);
  const result = await fetchOnce(`${server.url}/feed`, more, options);
  return { result, requests: server.requests };
}

function text(result: FetchResult): string {
  return result.kind === 'body' ? Buffer.from(result.body).toString() : `${result.kind}`;
}

function code(result: FetchResult): string {
  return result.kind === 'failed' ? result.error.code : result.kind;
}

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

t.test('a packed body that is cut off, or is none, is told apart', async (t) => {
  const noise = zlib.gzipSync(Buffer.from(Array.from({ length: 900_000 }, () => Math.floor(Math.random() * 256))));
  const cases: [string, Buffer, string][] = [
    ['gzip', zlib.gzipSync(FEED).subarray(0, 20), 'FETCH_TRUNCATED'],
    ['gzip', noise.subarray(0, 600_000), 'FETCH_TRUNCATED'],
    ['br', zlib.brotliCompressSync(FEED).subarray(0, 20), 'FETCH_TRUNCATED'],
    ['zstd', zlib.zstdCompressSync(FEED).subarray(0, 20), 'FETCH_TRUNCATED'],
    ['gzip', Buffer.from(FEED), 'FETCH_BAD_ENCODING'],
    ['gzip', Buffer.alloc(600_000, 'x'), 'FETCH_BAD_ENCODING'],
    ['sdch', Buffer.from(FEED), 'FETCH_BAD_ENCODING'],
    ['gzip, gzip, gzip, gzip', zlib.gzipSync(FEED), 'FETCH_BAD_ENCODING'],
  ];
  for (const [encoding, body, expected] of cases) {
    const { result } = await fetchFrom((_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding });
      response.end(body);
    });
    t.equal(code(result), expected, `${encoding}, ${body.length} bytes`);
  }
});

t.test('a gzip bomb ends long before it is unpacked', async (t) => {
  let sent = 0;
  const { result } = await fetchFrom(
    (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      const gzip = zlib.createGzip();
      gzip.pipe(response);
      const zeros = Buffer.alloc(1024 * 1024);
      const pump = () => {
        while (sent < 1024 && !response.destroyed) {
          sent += 1;
          if (!gzip.write(zeros)) return gzip.once('drain', pump);
        }
        return gzip.end();
      };
      response.on('close', () => gzip.destroy());
      gzip.on('error', () => {});
      pump();
    },
    {},
    { decodedBytesMax: 5_000_000 },
  );
  t.equal(code(result), 'FETCH_TOO_LARGE');
  t.ok(result.wireBytes < 1_000_000, `${result.wireBytes} bytes came over the wire`);
});

t.test('a small gzip bomb is measured before it is unpacked', async (t) => {
  const { result } = await fetchFrom(
    (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(zlib.gzipSync(Buffer.alloc(10_000_000)));
    },
    {},
    { decodedBytesMax: 1_000_000 },
  );
  t.equal(code(result), 'FETCH_TOO_LARGE');
});

t.test('a body over the limit is given up, announced or not', async (t) => {
  for (const headers of [{ 'content-length': '3000000' }, {}]) {
    const { result } = await fetchFrom(
      (_request, response) => {
        response.writeHead(200, headers);
        response.end(Buffer.alloc(3_000_000));
      },
      {},
      { bodyBytesMax: 1_000_000 },
    );
    t.equal(code(result), 'FETCH_TOO_LARGE');
    t.ok(result.wireBytes < 1_300_000);
  }
});

t.test('an endless body ends at the limit', async (t) => {
  await using server = await scriptedServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const pump = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', pump);
    pump();
  });
  const result = await fetchOnce(server.url, {}, { bodyBytesMax: 2_000_000 });
  t.equal(code(result), 'FETCH_TOO_LARGE');
});

t.test('a server that drips its answer is given up when the time is over', async (t) => {
  for (const head of ['', 'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n']) {
    await using server = await scriptedServer((socket) => {
      socket.write(head);
      const drip = setInterval(() => socket.write(head === '' ? 'H' : 'x'), 20);
      socket.on('close', () => clearInterval(drip));
    });
    const started = performance.now();
    const result = await fetchOnce(server.url, {}, { timeoutMs: 400 });
    t.ok(['FETCH_TIMEOUT', 'FETCH_PROTOCOL'].includes(code(result)), code(result));
    t.ok(performance.now() - started < 3_000);
  }
});

t.test('a server that says nothing is given up', async (t) => {
  await using server = await socketServer(() => {});
  const result = await fetchOnce(server.url, {}, { timeoutMs: 300 });
  t.equal(code(result), 'FETCH_TIMEOUT');
  t.match(result.kind === 'failed' && result.error.toJSON(), {
    message: 'No complete answer within',
    input: `${server.url}/`,
    advice: /later/,
    retryable: true,
  });
});

t.test('broken connections and wrong lengths each get their code', async (t) => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n';
  // Each step is sent as it is, but for `reset` and `end`.
  const cases: [string, string, string[]][] = [
    ['FETCH_RESET', 'reset before an answer', ['reset']],
    ['FETCH_RESET', 'closed before an answer', ['end']],
    ['FETCH_TRUNCATED', 'reset in the body', [`${head}Content-Length: 5000\r\n\r\n${FEED}`, 'reset']],
    ['FETCH_TRUNCATED', 'less than announced', [`${head}Content-Length: 5000\r\n\r\n${FEED}`, 'end']],
    [
      'FETCH_TRUNCATED',
      'less than announced, then closed on purpose',
      [`${head}Connection: close\r\nContent-Length: 5000\r\n\r\n${FEED}`, 'end'],
    ],
    ['FETCH_TRUNCATED', 'chunks without an end', [`${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, 'end']],
    [
      'FETCH_PROTOCOL',
      'a chunk size that is none',
      [`${head}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n`, 'end'],
    ],
    ['FETCH_PROTOCOL', 'no HTTP at all', ['220 mail.example.org ESMTP\r\n', 'end']],
    ['FETCH_TRUNCATED', 'two different lengths', [`${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, 'end']],
    ['FETCH_HEADERS_TOO_LARGE', '10,000 headers', [`${head}${'X-Padding: 0123456789\r\n'.repeat(10_000)}\r\n`, 'end']],
  ];
  for (const [expected, name, script] of cases) {
    await using server = await scriptedServer((socket) => {
      for (const step of script) {
        if (step === 'reset') setImmediate(() => socket.resetAndDestroy());
        else if (step === 'end') socket.end();
        else socket.write(step);
      }
    });
    t.equal(code(await fetchOnce(server.url)), expected, name);
  }
});

t.test('a body that ends with its connection is whole', async (t) => {
  await using server = await scriptedServer((socket) => socket.end(`HTTP/1.0 200 OK\r\n\r\n${FEED}`));
  t.equal(text(await fetchOnce(server.url)), FEED);
});

t.test('a closed port and an unknown name are told apart', async (t) => {
  t.equal(code(await fetchOnce(`http://127.0.0.1:${await closedPort()}/`)), 'FETCH_REFUSED');
  t.equal(code(await fetchOnce('http://no-such-host.invalid/feed')), 'FETCH_DNS');
});

t.test('what is no http(s) URL is refused', async (t) => {
  for (const url of ['', 'example.org/feed', 'file:///etc/passwd', 'ftp://example.org/feed', 'http://']) {
    t.equal(code(await fetchOnce(url)), 'FETCH_URL_INVALID', url);
  }
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

t.test('every status that brings no feed has its own code, and tells when to come back', async (t) => {
  for (const status of [204, 206, 300, 400, 401, 403, 404, 410, 418, 429, 500, 503]) {
    const { result } = await fetchFrom((_request, response) => {
      response.writeHead(status, { 'retry-after': '120', etag: '"error"' });
      response.end();
    });
    t.equal(code(result), `FETCH_HTTP_${status}`);
    t.match(result, { status, retryAfterMs: 120_000 });
  }
});

t.test('the page of an error is not downloaded', async (t) => {
  await using server = await scriptedServer((socket) => {
    socket.write('HTTP/1.1 500 Oops\r\nContent-Length: 100000000\r\n\r\n');
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const pump = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', pump);
    pump();
  });
  const result = await fetchOnce(server.url);
  t.equal(code(result), 'FETCH_HTTP_500');
  t.ok(result.wireBytes < 1_000_000);
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

t.test('a fetch that is stopped ends at once', async (t) => {
  await using server = await socketServer(() => {});
  const stop = new AbortController();
  const running = fetchOnce(server.url, { signal: stop.signal });
  setTimeout(() => stop.abort(), 20);
  t.equal(code(await running), 'FETCH_ABORTED');
  t.equal(code(await fetchOnce(server.url, { signal: stop.signal })), 'FETCH_ABORTED');
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
