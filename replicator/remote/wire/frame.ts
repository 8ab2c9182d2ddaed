/**
 * A frame carries anything that is too large for plain JSON:
 *
 *     0   4  `FFW1`: the 1 is the version of the protocol
 *     4   1  kind
 *     5   1  encoding: 0 plain, 1 zstd
 *     6   2  0
 *     8   4  bytes of the payload, decompressed
 *     12  4  bytes of the payload as it travels
 *     16 16  first half of sha256(the 16 bytes above, the payload as it travels)
 *     32     payload
 *
 * All numbers are big-endian. The checksum finds damage before anything is decompressed; what is wrong with a length is
 * found before memory is taken for it.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { damaged, otherProtocol, tooLarge } from './damage.ts';
import { FRAME_BYTES_MAX, PROTOCOL, RAW_BYTES_MAX } from './limits.ts';

export const FRAME_KINDS = { push: 1, versions: 2, sums: 3, digests: 4 } as const;
export type FrameKind = keyof typeof FRAME_KINDS;

const MAGIC = 'FFW';
const HEADER_BYTES = 32;
const CHECKED_BYTES = 16;

const PLAIN = 0;
const ZSTD = 1;

/** Below this compressing costs more than it saves. */
const COMPRESSED_BYTES_MIN = 512;
/**
 * Articles shrink to about a third at level 1, three times as fast as gzip's level 1 and to fewer bytes; higher levels
 * gain a few percent for twice the time.
 */
const LEVEL = 1;
/** Output is taken in pieces of this size: one trip to the thread pool for a usual batch. */
const CHUNK_BYTES_MAX = 1024 * 1024;
const CHUNK_BYTES_MIN = 1024;
/** Log2 of the largest window that a frame may ask memory for: 32 MiB. */
const WINDOW_LOG_MAX = 25;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

export type Packing = 'zstd' | 'plain';

export async function pack(kind: FrameKind, raw: Buffer, packing: Packing = 'zstd'): Promise<Buffer> {
  if (raw.length > RAW_BYTES_MAX) throw tooLarge(`a frame of ${raw.length} bytes`);
  const isWorth = packing === 'zstd' && raw.length >= COMPRESSED_BYTES_MIN;
  const small = isWorth ? await compressed(raw) : raw;
  const isSmaller = small.length < raw.length;
  const payload = isSmaller ? small : raw;
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC + PROTOCOL, 'latin1');
  header[4] = FRAME_KINDS[kind];
  header[5] = isSmaller ? ZSTD : PLAIN;
  header.writeUInt32BE(raw.length, 8);
  header.writeUInt32BE(payload.length, 12);
  checksum(header, payload).copy(header, CHECKED_BYTES);
  return Buffer.concat([header, payload]);
}

/** The payload as it was before `pack`. Throws WIRE_DAMAGED, WIRE_TOO_LARGE and WIRE_VERSION. */
export async function unpack(kind: FrameKind, frame: Buffer): Promise<Buffer> {
  if (frame.length > FRAME_BYTES_MAX) throw tooLarge(`a frame of ${frame.length} bytes`);
  const { encoding, rawBytes, payload } = readHeader(kind, frame);
  if (encoding === PLAIN) {
    if (payload.length !== rawBytes) throw damaged('a frame has another length than it says');
    return payload;
  }
  if (encoding !== ZSTD) throw damaged('a frame is packed in an unknown way');
  const raw = await decompressed(payload, rawBytes);
  if (raw.length !== rawBytes) throw damaged('a frame unpacks to another length than it says');
  return raw;
}

function readHeader(kind: FrameKind, frame: Buffer): { encoding: number; rawBytes: number; payload: Buffer } {
  if (frame.length < HEADER_BYTES || frame.toString('latin1', 0, 3) !== MAGIC) throw damaged('this is no frame');
  const protocol = frame.toString('latin1', 3, 4);
  if (protocol !== String(PROTOCOL)) throw otherProtocol(protocol);
  const payload = frame.subarray(HEADER_BYTES);
  if (payload.length !== frame.readUInt32BE(12)) throw damaged('a frame was cut short, or something follows it');
  if (!checksum(frame, payload).equals(frame.subarray(CHECKED_BYTES, HEADER_BYTES))) {
    throw damaged('the checksum of a frame does not fit');
  }
  if (frame[4] !== FRAME_KINDS[kind]) throw damaged(`a frame of another kind came instead of ${kind}`);
  const rawBytes = frame.readUInt32BE(8);
  if (rawBytes > RAW_BYTES_MAX) throw tooLarge(`a frame that unpacks to ${rawBytes} bytes`);
  return { encoding: frame[5] ?? PLAIN, rawBytes, payload };
}

function checksum(header: Buffer, payload: Buffer): Buffer {
  const hash = createHash('sha256').update(header.subarray(0, CHECKED_BYTES)).update(payload);
  return hash.digest().subarray(0, HEADER_BYTES - CHECKED_BYTES);
}

function compressed(raw: Buffer): Promise<Buffer> {
  const params = { [constants.ZSTD_c_compressionLevel]: LEVEL };
  // Half is enough for nearly all, and half the memory to clear.
  return compress(raw, { params, chunkSize: chunkFor(raw.length / 2) });
}

/** Stops as soon as more comes out than was announced. */
async function decompressed(payload: Buffer, rawBytes: number): Promise<Buffer> {
  const params = { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX };
  try {
    return await decompress(payload, { params, chunkSize: chunkFor(rawBytes), maxOutputLength: Math.max(1, rawBytes) });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLarge(`a frame unpacks to more than the ${rawBytes} bytes that it says`);
    }
    throw damaged('a frame does not unpack', cause);
  }
}

function chunkFor(bytes: number): number {
  return Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, Math.ceil(bytes) + 1));
}
