import zlib from 'node:zlib';
import t from 'tap';
import { code, FEED, fetchFrom, fetchOnce } from './fetching.ts';
import { closedPort, scriptedServer, socketServer } from './servers.ts';

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

t.test('a closed port and an unknown name are told apart', async (t) => {
  t.equal(code(await fetchOnce(`http://127.0.0.1:${await closedPort()}/`)), 'FETCH_REFUSED');
  t.equal(code(await fetchOnce('http://no-such-host.invalid/feed')), 'FETCH_DNS');
});

t.test('what is no http(s) URL is refused', async (t) => {
  for (const url of ['', 'example.org/feed', 'file:///etc/passwd', 'ftp://example.org/feed', 'http://']) {
    t.equal(code(await fetchOnce(url)), 'FETCH_URL_INVALID', url);
  }
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

t.test('a fetch that is stopped ends at once', async (t) => {
  await using server = await socketServer(() => {});
  const stop = new AbortController();
  const running = fetchOnce(server.url, { signal: stop.signal });
  setTimeout(() => stop.abort(), 20);
  t.equal(code(await running), 'FETCH_ABORTED');
  t.equal(code(await fetchOnce(server.url, { signal: stop.signal })), 'FETCH_ABORTED');
});
