/**
 * A large body is packed while it comes in, and unpacked a piece at a time where it is read: however large, it takes little more
 * memory than it took on the wire. The pieces lie in memory that both threads see.
 */
import zlib from 'node:zlib';
import { type RunningDigest, runningDigest } from './identity.ts';
import type { ByteSource } from './parse/byte-source.ts';

export interface PackedBody {
  /** Unpacked. */
  readonly byteLength: number;
  /** As `digest` of the whole body. */
  readonly digest: string;
  /** PIECE_BYTES each, but the last. */
  readonly pieces: readonly Uint8Array[];
}

/** A smaller body is kept as it is: that costs no time. */
export const PLAIN_BYTES_MAX = 2 * 1024 * 1024;
const PIECE_BYTES = 256 * 1024;
/** Unpacked ones that are kept by whoever reads a body. */
const OPEN_PIECES_MAX = 3;

const QUICKLY = { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } };

interface Packing {
  readonly piece: Buffer;
  readonly digest: RunningDigest;
}

/** Takes a body in, chunk by chunk. */
export class BodySink {
  /** Until it is too large to be kept so. */
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Of a large body alone. One piece of memory for all pieces, for what is thrown away stays for a while. */
  #packing: Packing | undefined;
  #pieceBytes = 0;
  #pieces: Uint8Array[] = [];
  #isNoise = false;

  get bytes(): number {
    return this.#bytes;
  }

  /** True: it is large already, and has nothing in it that feeds and pages begin with. */
  get isNoise(): boolean {
    return this.#isNoise;
  }

  write(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= PLAIN_BYTES_MAX) {
      this.#chunks.push(chunk);
      return;
    }
    if (this.#chunks.length > 0) this.#isNoise = !this.#chunks.some((one) => one.includes('<') || one.includes('{'));
    for (const one of this.#chunks.splice(0)) this.#add(one);
    this.#add(chunk);
  }

  end(): Uint8Array | PackedBody {
    const body = this.#packing === undefined ? Buffer.concat(this.#chunks, this.#bytes) : this.#packed(this.#packing);
    this.clear();
    return body;
  }

  clear(): void {
    this.#chunks = [];
    this.#pieces = [];
    this.#packing = undefined;
  }

  #packed({ piece, digest }: Packing): PackedBody {
    if (this.#pieceBytes > 0) this.#pieces.push(packed(piece.subarray(0, this.#pieceBytes)));
    return { byteLength: this.#bytes, digest: digest.end(), pieces: this.#pieces };
  }

  #add(chunk: Buffer): void {
    this.#packing ??= { piece: Buffer.alloc(PIECE_BYTES), digest: runningDigest() };
    const { piece, digest } = this.#packing;
    digest.update(chunk);
    for (let at = 0; at < chunk.length; ) {
      const taken = chunk.copy(piece, this.#pieceBytes, at);
      at += taken;
      this.#pieceBytes += taken;
      if (this.#pieceBytes < PIECE_BYTES) continue;
      this.#pieces.push(packed(piece));
      this.#pieceBytes = 0;
    }
  }
}

function packed(bytes: Uint8Array): Uint8Array {
  const small = zlib.zstdCompressSync(bytes, QUICKLY);
  const piece = new Uint8Array(new SharedArrayBuffer(small.length));
  piece.set(small);
  return piece;
}

/** All of it, for those who need it whole. */
export function unpacked(body: PackedBody): Uint8Array {
  return Buffer.concat(body.pieces.map(unpack), body.byteLength);
}

function unpack(piece: Uint8Array): Buffer {
  // With a byte to spare, or zlib asks for the next chunk.
  return zlib.zstdDecompressSync(piece, { chunkSize: PIECE_BYTES + 1 });
}

export function bytesOfPacked(body: PackedBody): ByteSource {
  return new PackedSource(body);
}

class PackedSource implements ByteSource {
  readonly #body: PackedBody;
  /** The one that was used last comes last. */
  readonly #open = new Map<number, Buffer>();

  constructor(body: PackedBody) {
    this.#body = body;
  }

  get length(): number {
    return this.#body.byteLength;
  }

  slice(from: number, to: number): Buffer {
    const end = Math.min(to, this.length);
    const start = Math.floor(from / PIECE_BYTES) * PIECE_BYTES;
    if (end <= start + PIECE_BYTES) return this.#piece(start / PIECE_BYTES).subarray(from - start, end - start);
    // Copied as they come: opening one piece may close another.
    const bytes = Buffer.alloc(end - from);
    for (let at = from; at < end; ) {
      const index = Math.floor(at / PIECE_BYTES);
      at += this.#piece(index).copy(bytes, at - from, at - index * PIECE_BYTES);
    }
    return bytes;
  }

  indexOf(mark: string, from: number): number {
    const overlap = mark.length - 1;
    for (let index = Math.floor(from / PIECE_BYTES); index < this.#body.pieces.length; index += 1) {
      const start = index * PIECE_BYTES;
      const at = this.#piece(index).indexOf(mark, Math.max(0, from - start), 'latin1');
      if (at !== -1) return start + at;
      const edge = Math.max(from, start + PIECE_BYTES - overlap);
      const across = this.slice(edge, start + PIECE_BYTES + overlap).indexOf(mark, 0, 'latin1');
      if (across !== -1) return edge + across;
    }
    return -1;
  }

  *pieces(): Iterable<Buffer> {
    for (let index = 0; index < this.#body.pieces.length; index += 1) yield this.#piece(index);
  }

  #piece(index: number): Buffer {
    const piece = this.#body.pieces[index];
    if (piece === undefined) return Buffer.alloc(0);
    const bytes = this.#open.get(index) ?? unpack(piece);
    this.#open.delete(index);
    this.#open.set(index, bytes);
    for (const [first, old] of this.#open) {
      if (this.#open.size <= OPEN_PIECES_MAX) break;
      this.#open.delete(first);
      free(old);
    }
    return bytes;
  }
}

/** At once: until memory outside of the heap is collected, a large body would be there several times over. */
function free({ buffer }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > PIECE_BYTES) buffer.transfer(0);
}
