/** Servers that mean no good: what each does with a request, and what must become of its feed. */
import type { Socket } from 'node:net';
import zlib from 'node:zlib';

export interface Hostile {
  /** Codes of which one must be in the feed's history. */
  readonly codes: readonly string[];
  readonly answer: (socket: Socket, head: string) => void;
  /**
   * `slow`: ends only when the time of the fetch is over. `document`: made to be costly. `feed`: as large as a feed may be, and
   * all of it is stored.
   */
  readonly kind: 'slow' | 'sent' | 'packed' | 'document' | 'feed';
  /** Default: http. */
  readonly scheme?: 'https';
}

const MIB = 1024 * 1024;
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n';
const RSS = '<rss version="2.0"><channel><title>x</title><item><guid>1</guid><title>x</title></item></channel></rss>';

/** Writes for as long as anybody reads. */
function forever(socket: Socket, piece: () => string | Buffer): void {
  const pump = (): void => {
    while (!socket.destroyed && socket.write(piece()));
  };
  socket.on('drain', pump);
  pump();
}

function drip(socket: Socket, piece: string, everyMs = 50): void {
  const timer = setInterval(() => socket.write(piece), everyMs);
  socket.on('close', () => clearInterval(timer));
}

/** All of it, as fast as it is taken. */
function whole(socket: Socket, headers: string, body: Buffer | string): void {
  const length = Buffer.byteLength(body);
  socket.write(`${HEAD}${headers}Content-Length: ${length}\r\nConnection: close\r\n\r\n`);
  socket.end(body);
}

const packed = new Map<string, Buffer>();

/** A gigabyte of blanks in a feed's text, packed once. */
function bomb(layers: readonly ('gzip' | 'deflate' | 'br' | 'zstd')[]): Buffer {
  const key = layers.join();
  const known = packed.get(key);
  if (known !== undefined) return known;
  const [outer = 'gzip', ...inner] = layers.toReversed();
  const body = inner.length === 0 ? gigabyte(outer) : pack(outer, bomb(inner.toReversed()));
  packed.set(key, body);
  return body;
}

function pack(layer: string, body: Buffer): Buffer {
  if (layer === 'br') return zlib.brotliCompressSync(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } });
  if (layer === 'zstd') return zlib.zstdCompressSync(body);
  return layer === 'gzip' ? zlib.gzipSync(body) : zlib.deflateSync(body);
}

/** Bit by bit, with one full flush after the other: a megabyte that is packed once can be repeated. */
function gigabyte(layer: string): Buffer {
  const blanks = Buffer.alloc(MIB, ' ');
  if (layer === 'br' || layer === 'zstd') return pack(layer, Buffer.concat(Array.from({ length: 256 }, () => blanks)));
  const block = zlib.deflateRawSync(blanks, { finishFlush: zlib.constants.Z_FULL_FLUSH });
  const start = layer === 'gzip' ? Buffer.from('1f8b0800000000000003', 'hex') : Buffer.from('7801', 'hex');
  return Buffer.concat([start, ...Array.from({ length: 1024 }, () => block)]);
}

const bombs: [string, readonly ('gzip' | 'deflate' | 'br' | 'zstd')[]][] = [
  ['a gigabyte in gzip', ['gzip']],
  ['a gigabyte in deflate', ['deflate']],
  ['a quarter of a gigabyte in brotli', ['br']],
  ['a quarter of a gigabyte in zstd', ['zstd']],
  ['a gigabyte in gzip in gzip', ['gzip', 'gzip']],
  ['a gigabyte in gzip in brotli in zstd', ['gzip', 'br', 'zstd']],
];

const text = (body: () => string, codes: readonly string[], kind: Hostile['kind'] = 'document'): Hostile => ({
  codes,
  kind,
  answer: (socket) => whole(socket, 'Content-Encoding: gzip\r\n', cached(body)),
});

const texts = new Map<() => string, Buffer>();
function cached(
  body: () => string,
  made: (text: string) => Buffer = (text) => zlib.gzipSync(text, { level: 1 }),
): Buffer {
  const known = texts.get(body) ?? made(body());
  texts.set(body, known);
  return known;
}

const WORDS = Array.from({ length: 500 }, (_, i) => `word-${(i * i).toString(36)}`);

/** So many characters of words that no other text has in this order. Gzip makes a quarter of them. */
function words(seed: number, chars: number): string {
  let at = seed + 1;
  let text = '';
  while (text.length < chars) {
    at = (at * 48_271) % 2_147_483_647;
    text += `${WORDS[at % WORDS.length]} `;
  }
  return text.slice(0, chars);
}

function largeFeed(entries: number, chars: number): string {
  const items = Array.from(
    { length: entries },
    (_, i) => `<item><guid>g${i}</guid><title>${i}</title><description>${words(i, chars)}</description></item>`,
  );
  return `<rss version="2.0"><channel><title>x</title>${items.join('')}</channel></rss>`;
}

const large9 = (): string => largeFeed(2_300, 4_000);

const LOL = Array.from({ length: 30 }, (_, i) => `<!ENTITY lol${i + 1} "${`&lol${i};`.repeat(10)}">`).join('');

export const HOSTILE: Readonly<Record<string, Hostile>> = {
  'says nothing': { codes: ['FETCH_TIMEOUT'], kind: 'slow', answer: () => {} },
  'never says hello back in TLS': { codes: ['FETCH_TIMEOUT'], kind: 'slow', scheme: 'https', answer: () => {} },
  'answers TLS with noise': {
    ...{ codes: ['FETCH_TLS', 'FETCH_FAILED'], kind: 'sent', scheme: 'https' },
    answer: (socket) => forever(socket, () => Buffer.alloc(65_536, 0xfe)),
  },
  'sends its headers byte by byte': {
    ...{ codes: ['FETCH_TIMEOUT'], kind: 'slow' },
    answer: (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nX-Slow: ');
      drip(socket, 'x');
    },
  },
  'sends its body byte by byte': {
    ...{ codes: ['FETCH_TIMEOUT'], kind: 'slow' },
    answer: (socket) => {
      socket.write(`${HEAD}Content-Length: 1000000\r\n\r\n`);
      drip(socket, 'x');
    },
  },
  'sends its gzip byte by byte': {
    ...{ codes: ['FETCH_TIMEOUT'], kind: 'slow' },
    answer: (socket) => {
      socket.write(`${HEAD}Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n`);
      socket.write(
        Buffer.concat([Buffer.from('a\r\n'), Buffer.from('1f8b0800000000000003', 'hex'), Buffer.from('\r\n')]),
      );
      drip(socket, '1\r\n\0\r\n', 1_000);
    },
  },
  'begins a large feed, and sends the rest of it byte by byte': {
    ...{ codes: ['FETCH_TIMEOUT'], kind: 'slow' },
    answer: (socket) => {
      socket.write(`${HEAD}Connection: close\r\n\r\n${RSS}${' '.repeat(3 * MIB)}`);
      drip(socket, ' ', 1_000);
    },
  },
  'sends one 103 after the other': {
    ...{ codes: ['FETCH_PROTOCOL'], kind: 'sent' },
    answer: (socket) => forever(socket, () => 'HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n'),
  },
  'sends 100 Continue for ever': {
    ...{ codes: ['FETCH_TIMEOUT', 'FETCH_PROTOCOL', 'FETCH_RESET', 'FETCH_FAILED', 'FETCH_TRUNCATED'], kind: 'sent' },
    answer: (socket) => forever(socket, () => 'HTTP/1.1 100 Continue\r\n\r\n'),
  },
  'never ends its body': {
    codes: ['PARSE_NOT_A_FEED'],
    kind: 'sent',
    answer: (socket) => {
      socket.write(`${HEAD}Connection: close\r\n\r\n`);
      forever(socket, () => Buffer.alloc(64 * 1024, 'x'));
    },
  },
  'never ends its chunks': {
    codes: ['PARSE_NOT_A_FEED'],
    kind: 'sent',
    answer: (socket) => {
      socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
      forever(socket, () => `10000\r\n${'x'.repeat(65_536)}\r\n`);
    },
  },
  'never ends a chunk extension': {
    ...{ codes: ['FETCH_TOO_LARGE'], kind: 'sent' },
    answer: (socket) => {
      socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5;x=`);
      forever(socket, () => 'x'.repeat(65_536));
    },
  },
  'never ends its trailers': {
    ...{ codes: ['FETCH_HEADERS_TOO_LARGE'], kind: 'sent' },
    answer: (socket) => {
      socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n`);
      forever(socket, () => `X-${Math.random()}: ${'x'.repeat(1_000)}\r\n`);
    },
  },
  'sends 10,000 headers': {
    codes: ['FETCH_HEADERS_TOO_LARGE'],
    kind: 'sent',
    answer: (socket) => whole(socket, Array.from({ length: 10_000 }, (_, i) => `X-${i}: y\r\n`).join(''), RSS),
  },
  'sends headers for ever': {
    codes: ['FETCH_HEADERS_TOO_LARGE'],
    kind: 'sent',
    answer: (socket) => {
      socket.write(HEAD);
      forever(socket, () => `X-Padding: ${'x'.repeat(1_000)}\r\n`);
    },
  },
  'sends one header of a gigabyte': {
    codes: ['FETCH_HEADERS_TOO_LARGE'],
    kind: 'sent',
    answer: (socket) => {
      socket.write(`${HEAD}X-Padding: `);
      forever(socket, () => 'x'.repeat(65_536));
    },
  },
  'sends a status line without an end': {
    codes: ['FETCH_TOO_LARGE'],
    kind: 'sent',
    answer: (socket) => {
      socket.write('HTTP/1.1 200 ');
      forever(socket, () => 'O'.repeat(65_536));
    },
  },
  'redirects to itself': {
    codes: ['FETCH_REDIRECTS'],
    kind: 'sent',
    answer: (socket) => socket.end('HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n'),
  },
  'redirects on and on': {
    codes: ['FETCH_REDIRECTS'],
    kind: 'sent',
    answer: (socket, head) => {
      const at = Number(/^GET \/(\d*)/.exec(head)?.[1] ?? 0);
      socket.end(`HTTP/1.1 301 Moved\r\nLocation: /${at + 1}\r\nContent-Length: 0\r\n\r\n`);
    },
  },
  'redirects to a URL of a megabyte': {
    codes: ['FETCH_REDIRECTS', 'FETCH_HEADERS_TOO_LARGE'],
    kind: 'sent',
    answer: (socket) => socket.end(`HTTP/1.1 302 Found\r\nLocation: /${'x'.repeat(MIB)}\r\nContent-Length: 0\r\n\r\n`),
  },
  'redirects with a body that never ends': {
    codes: ['FETCH_REDIRECTS'],
    kind: 'sent',
    answer: (socket) => {
      socket.write('HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n');
      forever(socket, () => Buffer.alloc(64 * 1024, 'x'));
    },
  },
  'announces more than it sends': {
    codes: ['FETCH_TRUNCATED'],
    kind: 'sent',
    answer: (socket) => socket.end(`${HEAD}Content-Length: 100000\r\n\r\n${RSS}`),
  },
  'announces less than it sends': {
    codes: ['ok', 'FETCH_PROTOCOL', 'PARSE_TRUNCATED', 'PARSE_MALFORMED'],
    kind: 'sent',
    answer: (socket) => socket.end(`${HEAD}Content-Length: 50\r\n\r\n${RSS}`),
  },
  'announces what no number holds': {
    codes: ['FETCH_PROTOCOL', 'FETCH_TOO_LARGE', 'FETCH_TRUNCATED'],
    kind: 'sent',
    answer: (socket) => socket.end(`${HEAD}Content-Length: 99999999999999999999999\r\n\r\n${RSS}`),
  },
  'sends chunks that are none': {
    codes: ['FETCH_PROTOCOL'],
    kind: 'sent',
    answer: (socket) => socket.end(`${HEAD}Transfer-Encoding: chunked\r\n\r\n-1\r\nxx\r\n\0\0garbage`),
  },
  'speaks HTTP/0.9': { codes: ['FETCH_PROTOCOL'], kind: 'sent', answer: (socket) => socket.end(RSS) },
  'sends noise': {
    codes: ['FETCH_PROTOCOL'],
    kind: 'sent',
    answer: (socket) => forever(socket, () => Buffer.alloc(65_536, 0xfe)),
  },
  'resets at once': { codes: ['FETCH_RESET'], kind: 'sent', answer: (socket) => socket.resetAndDestroy() },
  'resets in its status line': {
    codes: ['FETCH_RESET', 'FETCH_TRUNCATED', 'FETCH_PROTOCOL'],
    kind: 'sent',
    answer: (socket) => socket.write('HTTP/1.', () => socket.resetAndDestroy()),
  },
  'resets in its headers': {
    codes: ['FETCH_RESET', 'FETCH_TRUNCATED'],
    kind: 'sent',
    answer: (socket) => socket.write(`${HEAD}X: y`, () => setTimeout(() => socket.resetAndDestroy(), 20)),
  },
  'resets in its body': {
    codes: ['FETCH_TRUNCATED'],
    kind: 'sent',
    answer: (socket) =>
      socket.write(`${HEAD}Content-Length: 9999\r\n\r\n${RSS}`, () => setTimeout(() => socket.resetAndDestroy(), 20)),
  },
  ...Object.fromEntries(
    bombs.map(([name, layers]) => [
      `packs ${name}`,
      {
        codes: ['FETCH_TOO_LARGE'],
        kind: 'packed' as const,
        answer: (socket: Socket) => whole(socket, `Content-Encoding: ${layers.join(', ')}\r\n`, bomb(layers)),
      },
    ]),
  ),
  'laughs a billion times': text(
    () => `<!DOCTYPE rss [<!ENTITY lol0 "lol">${LOL}]>${RSS.replace('>x<', '>&lol30;<')}`,
    ['ok'],
  ),
  'grows one entity quadratically': text(
    () => `<!DOCTYPE rss [<!ENTITY a "${'a'.repeat(100_000)}">]>${RSS.replace('>x<', `>${'&a;'.repeat(100_000)}<`)}`,
    ['ok'],
  ),
  'nests 100,000 deep': text(
    () => `<rss><channel>${'<a>'.repeat(100_000)}${'</a>'.repeat(100_000)}</channel></rss>`,
    ['PARSE_TOO_DEEP'],
  ),
  'lists two million entries': text(
    () => `<rss version="2.0"><channel><title>x</title>${'<item/>'.repeat(2_000_000)}</channel></rss>`,
    ['ok', 'PARSE_TOO_LARGE'],
  ),
  'lists ten million entries': text(
    () => `<rss version="2.0"><channel><title>x</title>${'<item/>'.repeat(10_000_000)}</channel></rss>`,
    ['FETCH_TOO_LARGE'],
  ),
  'has an attribute of 15 MB': text(() => RSS.replace('<item>', `<item a="${'x'.repeat(15 * MIB)}">`), ['ok']),
  'has a million attributes': text(
    () => RSS.replace('<item>', `<item ${Array.from({ length: 1_000_000 }, (_, i) => `a${i}="b"`).join(' ')}>`),
    ['ok'],
  ),
  'has an attribute of a gigabyte': {
    codes: ['FETCH_TOO_LARGE'],
    kind: 'sent',
    answer: (socket) => {
      socket.write(`${HEAD}Connection: close\r\n\r\n<rss version="2.0" a="`);
      forever(socket, () => Buffer.alloc(64 * 1024, 'x'));
    },
  },
  'sends 5 MB of open brackets as JSON': text(
    () => `{"version":"https://jsonfeed.org/version/1.1","title":"x","items":${'['.repeat(5 * MIB)}`,
    ['PARSE_TOO_DEEP'],
  ),
  'sends seven million values as JSON': text(
    () => `{"version":"https://jsonfeed.org/version/1.1","title":"x","items":[{}${',{}'.repeat(6_000_000)}]}`,
    ['PARSE_TOO_LARGE'],
  ),
  'lists two million elements of no meaning': text(
    () => `<rss version="2.0"><channel><title>x</title>${'<a/>'.repeat(2_000_000)}</channel></rss>`,
    ['PARSE_TOO_LARGE'],
  ),
  'lists elements of no meaning in half a megabyte': text(
    () => `<rss version="2.0"><channel><title>x</title>${'<a/>'.repeat(130_000)}</channel></rss>`,
    ['ok'],
  ),
  'lists elements of no meaning in every entry': text(
    () =>
      `<rss version="2.0"><channel><title>x</title>${`<item>${'<a/>'.repeat(900_000)}</item>`.repeat(5)}</channel></rss>`,
    ['ok'],
  ),
  'sends 19 MB of entries, each another one': text(() => largeFeed(4_900, 4_000), ['ok'], 'feed'),
  'sends 9 MB of entries that are not packed': {
    ...{ codes: ['ok'], kind: 'document' },
    answer: (socket) =>
      whole(
        socket,
        '',
        cached(large9, (text) => Buffer.from(text)),
      ),
  },
  'sends 19 MB of JSON': text(
    () =>
      JSON.stringify({
        version: 'https://jsonfeed.org/version/1.1',
        items: Array.from({ length: 4_900 }, (_, i) => ({ id: `${i}`, content_text: words(i, 4_000) })),
      }),
    ['ok'],
    'feed',
  ),
  'sends entries of a megabyte': text(() => largeFeed(12, 1_000_000), ['ok'], 'feed'),
  'sends a megabyte in UTF-16': text(() => [...largeFeed(500, 1_000)].join('\0'), ['ok']),
  'sends a page of 9 MB': text(() => `<html><body>${words(1, 9_000_000)}</body></html>`, ['PARSE_HTML']),
  'leaves a million entries open': text(
    () => `<rss version="2.0"><channel><title>x</title>${'<item>'.repeat(1_000_000)}`,
    ['PARSE_TRUNCATED', 'ok', 'PARSE_MALFORMED', 'PARSE_TOO_DEEP'],
  ),
  'opens and closes a million entries': text(
    () => `<rss version="2.0"><channel><title>x</title>${'<item></item>'.repeat(1_000_000)}</channel></rss>`,
    ['ok'],
  ),
};
