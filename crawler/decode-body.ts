/**
 * Takes off what `Content-Encoding` put on (RFC 9110 section 8.4), never past a limit: a small file that swells to
 * gigabytes is dropped as soon as it is over. A body that came whole and is small is decoded in one go, which is several times
 * faster; a longer one streams through, so that it can be given up before it has all come.
 */
import zlib from 'node:zlib';
import { crawlerError } from './errors.ts';
import { systemCode } from './fetch-failure.ts';
import { BodySink, type PackedBody, PLAIN_BYTES_MAX } from './packed-body.ts';
import { parseError } from './parse/errors.ts';

export const ACCEPT_ENCODING = 'gzip, deflate, br, zstd';

/** Wire bytes that are kept before streaming starts. */
const WHOLE_BYTES_MAX = 256 * 1024;

/** `gzip, br` is legal; a longer chain is a joke. */
const LAYERS_MAX = 3;

/** A body may swell to so much in any case, and beyond by so many times: text swells by ten, blanks by a thousand. */
const SWELL_FREE_BYTES = 2 * 1024 * 1024;
const SWELL_MAX = 500;

/** RFC 9659: a larger window is not for HTTP, and what unpacks it would keep as much memory. */
const ZSTD = { params: { [zlib.constants.ZSTD_d_windowLogMax]: 23 } };

type Layer = 'gzip' | 'deflate' | 'br' | 'zstd';

interface DecoderOptions {
  readonly contentEncoding: string | undefined;
  readonly decodedBytesMax: number;
  readonly url: string;
  /** Called at most once, at the first sign that the body can't be used. */
  readonly onFailure: (error: Error) => void;
}

export interface BodyDecoder {
  /** Errors go to `onFailure`. */
  write(chunk: Buffer): void;
  /** Rejects as `onFailure` was told. */
  end(): Promise<Uint8Array | PackedBody>;
  /** Frees what an unfinished stream holds. */
  destroy(): void;
}

/** Throws FETCH_BAD_ENCODING for an encoding that nobody asked for. */
export function bodyDecoder(options: DecoderOptions): BodyDecoder {
  const layers = readLayers(options.contentEncoding, options.url);
  return layers.length === 0 ? new PlainBody(options) : new EncodedBody(options, layers);
}

class PlainBody implements BodyDecoder {
  readonly #options: DecoderOptions;
  readonly #sink = new BodySink();
  #failure: Error | undefined;

  constructor(options: DecoderOptions) {
    this.#options = options;
  }

  write(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    if (this.#sink.bytes + chunk.length > this.#options.decodedBytesMax) this.#failure = tooLarge(this.#options);
    else this.#sink.write(chunk);
    if (this.#sink.isNoise) this.#failure ??= noise(this.#options);
    if (this.#failure !== undefined) this.#options.onFailure(this.#failure);
  }

  async end(): Promise<Uint8Array | PackedBody> {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#sink.end();
  }

  destroy(): void {
    this.#sink.clear();
  }
}

class EncodedBody implements BodyDecoder {
  readonly #options: DecoderOptions;
  /** Outermost first: in the order in which they come off. */
  readonly #layers: readonly Layer[];
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #streams: DecodingStream[] = [];
  readonly #sink = new BodySink();
  #failure: Error | undefined;
  #done: { resolve: (body: Uint8Array | PackedBody) => void; reject: (error: Error) => void } | undefined;

  constructor(options: DecoderOptions, layers: readonly Layer[]) {
    this.#options = options;
    this.#layers = layers;
  }

  write(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    const first = this.#streams[0];
    if (first !== undefined) {
      first.write(chunk);
      return;
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > WHOLE_BYTES_MAX) this.#startStreaming();
  }

  async end(): Promise<Uint8Array | PackedBody> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#streams.length === 0) {
      const body = this.#decodeWhole();
      if (body !== null) return body;
      this.#startStreaming();
    }
    return new Promise((resolve, reject) => {
      this.#done = { resolve, reject };
      this.#streams[0]?.end();
    });
  }

  destroy(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#waiting.length = 0;
    this.#sink.clear();
  }

  /** Null: it becomes so large that it is better unpacked bit by bit. */
  #decodeWhole(): Uint8Array | null {
    let body: Uint8Array = Buffer.concat(this.#waiting, this.#waitingBytes);
    if (body.length === 0) return body;
    const max = Math.min(this.#options.decodedBytesMax, swollen(this.#waitingBytes));
    try {
      for (const layer of this.#layers) body = decodeNow(layer, body, Math.min(max, PLAIN_BYTES_MAX));
    } catch (error) {
      if (isTooLarge(error) && max > PLAIN_BYTES_MAX) return null;
      throw decodingError(error, this.#options);
    }
    return body;
  }

  #startStreaming(): void {
    const head = this.#waiting[0] ?? Buffer.alloc(0);
    this.#streams = this.#layers.map((layer) => decodingStream(layer, head));
    this.#streams.forEach((stream, i) => {
      stream.on('error', (error) => this.#fail(decodingError(error, this.#options)));
      const next = this.#streams[i + 1];
      if (next !== undefined) stream.pipe(next);
    });
    this.#streams.at(-1)?.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#streams.at(-1)?.on('end', () => this.#done?.resolve(this.#sink.end()));
    for (const chunk of this.#waiting.splice(0)) this.#streams[0]?.write(chunk);
  }

  #take(chunk: Buffer): void {
    const max = Math.min(this.#options.decodedBytesMax, swollen(this.#streams[0]?.bytesWritten ?? 0));
    if (this.#sink.bytes + chunk.length > max) this.#fail(tooLarge(this.#options));
    else this.#sink.write(chunk);
    if (this.#sink.isNoise) this.#fail(noise(this.#options));
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.destroy();
    if (this.#done !== undefined) this.#done.reject(error);
    else this.#options.onFailure(error);
  }
}

/** What so many bytes over the wire may become. */
function swollen(wireBytes: number): number {
  return Math.max(SWELL_FREE_BYTES, wireBytes * SWELL_MAX);
}

type DecodingStream = zlib.Gunzip | zlib.Inflate | zlib.InflateRaw | zlib.BrotliDecompress | zlib.ZstdDecompress;

function decodingStream(layer: Layer, head: Uint8Array): DecodingStream {
  if (layer === 'gzip') return zlib.createGunzip();
  if (layer === 'br') return zlib.createBrotliDecompress();
  if (layer === 'zstd') return zlib.createZstdDecompress(ZSTD);
  return hasZlibHeader(head) ? zlib.createInflate() : zlib.createInflateRaw();
}

/** What is unpacked at a time. The piece stays in memory whole, however little of it is used. */
const PIECE_BYTES = 64 * 1024;
const LARGE_PIECE_BYTES = 256 * 1024;

/** Gzip tells at its end how long the body is (RFC 1952 section 2.3.1), or claims to: mostly one piece of just that size will do. */
function pieceBytes(layer: Layer, body: Uint8Array): number {
  if (layer !== 'gzip' || body.length < 18) return PIECE_BYTES;
  const told = new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(body.length - 4, true);
  // With a byte to spare, or zlib asks for the next piece.
  return told < LARGE_PIECE_BYTES ? Math.max(4096, told + 1) : PIECE_BYTES;
}

function decodeNow(layer: Layer, body: Uint8Array, maxOutputLength: number): Buffer {
  const options = { maxOutputLength, chunkSize: pieceBytes(layer, body) };
  if (layer === 'gzip') return zlib.gunzipSync(body, options);
  if (layer === 'br') return zlib.brotliDecompressSync(body, options);
  if (layer === 'zstd') return zlib.zstdDecompressSync(body, { ...options, ...ZSTD });
  return hasZlibHeader(body) ? zlib.inflateSync(body, options) : zlib.inflateRawSync(body, options);
}

/** `deflate` means zlib (RFC 1950); some servers send the bare stream (RFC 1951), and every browser takes both. */
function hasZlibHeader(body: Uint8Array): boolean {
  const [first, second] = body;
  return first !== undefined && second !== undefined && (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0;
}

function readLayers(contentEncoding: string | undefined, url: string): Layer[] {
  if (contentEncoding === undefined) return [];
  const names = contentEncoding
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
  const layers = names.map((name) => {
    const layer = name === 'x-gzip' ? 'gzip' : name;
    if (layer !== 'gzip' && layer !== 'deflate' && layer !== 'br' && layer !== 'zstd') throw badEncoding(name, url);
    return layer;
  });
  if (layers.length > LAYERS_MAX) throw badEncoding(contentEncoding, url);
  return layers.reverse();
}

function badEncoding(name: string, url: string): Error {
  return crawlerError('FETCH_BAD_ENCODING', `Nobody asked for the encoding ${name.slice(0, 60)}`, { input: url });
}

function tooLarge(options: DecoderOptions): Error {
  const limit = options.decodedBytesMax;
  return crawlerError(
    'FETCH_TOO_LARGE',
    `The feed is larger than ${limit} bytes when unpacked, or swells by more than ${SWELL_MAX} times`,
    {
      input: options.url,
    },
  );
}

/** Whatever it is, neither a feed nor a page that names one: the rest need not come. */
function noise({ url }: DecoderOptions): Error {
  const message = `The first ${PLAIN_BYTES_MAX} bytes have neither a tag nor a brace in them.`;
  return parseError('PARSE_NOT_A_FEED', message, { input: url });
}

function decodingError(cause: unknown, options: DecoderOptions): Error {
  if (isTooLarge(cause)) return tooLarge(options);
  if (systemCode(cause) === 'Z_BUF_ERROR') {
    return crawlerError('FETCH_TRUNCATED', 'The packed body ended too early', {
      input: options.url,
      retryable: true,
      cause,
    });
  }
  const why = cause instanceof Error ? cause.message : String(cause);
  return crawlerError('FETCH_BAD_ENCODING', `The body is not ${options.contentEncoding}: ${why}`, {
    input: options.url,
    cause,
  });
}

function isTooLarge(error: unknown): boolean {
  return systemCode(error) === 'ERR_BUFFER_TOO_LARGE';
}
