/** Reading a backup file: what is complete in it, what is a torn tail, what is damage. */
import { hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { replicatorError } from '../errors.ts';
import {
  decodeHeader,
  FORMAT_VERSION,
  findMagic,
  follows,
  HEADER_BYTES,
  type Head,
  PAYLOAD_BYTES_MAX,
  type RecordHeader,
  type Trailer,
} from './format.ts';

const decompress = promisify(zstdDecompress);

/** Bytes looked at in one go when a tail is searched. */
const SEARCH_BYTES = 1024 * 1024;

/** Where the documents of one data record are. */
export interface Block {
  readonly frame: number;
  /** Place in `Head.databases`. */
  readonly database: number;
  readonly docs: number;
  /** Of the payload. */
  readonly offset: number;
  readonly stored: number;
  readonly raw: number;
  readonly payloadHash: Buffer;
}

export interface Frame {
  readonly trailer: Trailer;
  /** First byte, and the byte after the last. */
  readonly start: number;
  readonly end: number;
  readonly blocks: readonly Block[];
}

/** What stands behind the last complete frame. */
export interface Tail {
  /** `torn`: a run was cut off there. `damaged`: a frame that was complete is not as it was written. */
  readonly kind: 'torn' | 'damaged';
  /** The frame that it is, or would have become; 0: the head. */
  readonly frame: number;
  readonly bytes: number;
  readonly why: string;
}

export interface BackupContents {
  readonly head: Head;
  /** All that are complete; at least one, unless the first is damaged. */
  readonly frames: readonly Frame[];
  /** The file is good up to here. */
  readonly end: number;
  readonly chain: Buffer;
  readonly size: number;
  readonly tail: Tail | null;
}

/** A backup file that is open for reading, or for reading and appending. */
export interface BackupFile extends AsyncDisposable {
  readonly path: string;
  readonly handle: FileHandle;
}

/** Throws BACKUP_FILE_UNUSABLE. `undefined`: there is no such file. */
export async function openBackupFile(path: string, access: 'r' | 'r+'): Promise<BackupFile | undefined> {
  try {
    const handle = await open(path, access);
    return { path, handle, [Symbol.asyncDispose]: () => handle.close() };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(path, cause);
  }
}

export function unusable(path: string, cause: unknown): Error {
  const { code, message } = cause as NodeJS.ErrnoException;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return replicatorError(isFull ? 'BACKUP_DISK_FULL' : 'BACKUP_FILE_UNUSABLE', `${path}: ${message}`, {
    input: path,
    cause,
  });
}

/**
 * Walks over the headers, which proves all but the payloads of data. Throws BACKUP_NOT_OURS, BACKUP_NEWER, and
 * BACKUP_DAMAGED where the head itself is.
 */
export async function scanBackup(file: BackupFile): Promise<BackupContents> {
  const { size } = await file.handle.stat();
  const first = await readRecord(file, 0, size, null);
  if (typeof first === 'string' || first.header.kind !== 'head') throw await headError(file, size);
  const head = readHead(file, await readPayload(file, first.header, 0));
  const frames: Frame[] = [];
  const walk = { at: after(first.header, 0), chain: first.header.chain, end: 0 };
  walk.end = walk.at;
  let chain = walk.chain;
  let why = '';
  while (walk.end < size && why === '') {
    const frame = await readFrame(file, walk.end, size, chain, frames.length + 1);
    if (typeof frame === 'string') why = frame;
    else {
      frames.push(frame.frame);
      walk.end = frame.frame.end;
      chain = frame.chain;
    }
  }
  const tail = why === '' ? null : await tailOf(file, walk.end, size, frames.length + 1, why);
  return { head, frames, end: walk.end, chain, size, tail };
}

/**
 * The last frame of a file that ends with a complete one, without walking over the others: what a run needs. Undefined:
 * only a scan can tell. Throws as `scanBackup`.
 */
export async function lastFrame(
  file: BackupFile,
): Promise<(Pick<BackupContents, 'head' | 'end' | 'chain' | 'size'> & { trailer: Trailer }) | undefined> {
  const { size } = await file.handle.stat();
  const first = await readRecord(file, 0, size, null);
  if (typeof first === 'string' || first.header.kind !== 'head') throw await headError(file, size);
  const head = readHead(file, await readPayload(file, first.header, 0));
  const found = await trailerBefore(file, size - HEADER_BYTES);
  if (found === undefined || found.end.chain === undefined) return undefined;
  return { head, trailer: found.trailer, end: size, size, chain: found.end.chain };
}

/** The documents of a block as lines. Throws BACKUP_DAMAGED, which names the frame. */
export async function readBlock(file: BackupFile, block: Block): Promise<string> {
  const payload = await bytesAt(file, block.offset, block.stored);
  const isWhole = payload.length === block.stored && hash('sha256', payload, 'buffer').equals(block.payloadHash);
  if (!isWhole)
    throw damaged(file.path, block.frame, `the ${block.stored} bytes at ${block.offset} are not as written`);
  const raw = await decompress(payload, { maxOutputLength: PAYLOAD_BYTES_MAX });
  if (raw.length !== block.raw)
    throw damaged(file.path, block.frame, `the bytes at ${block.offset} decompress wrongly`);
  return raw.toString('utf8');
}

export function damaged(path: string, frame: number, why: string): Error {
  const where = frame === 0 ? 'Its head' : `Frame ${frame}`;
  return replicatorError('BACKUP_DAMAGED', `${where} of ${path} is damaged: ${why}.`, { input: path });
}

/** One complete frame, or why there is none. */
async function readFrame(
  file: BackupFile,
  start: number,
  size: number,
  before: Buffer,
  number: number,
): Promise<{ frame: Frame; chain: Buffer } | string> {
  const blocks: Block[] = [];
  let at = start;
  let chain = before;
  let trailer: { value: Trailer; bytes: number } | undefined;
  for (;;) {
    const record = await readRecord(file, at, size, chain);
    if (typeof record === 'string') return record;
    const { header } = record;
    if (header.frame !== number || header.kind === 'head') return `a record of frame ${header.frame} at byte ${at}`;
    if (header.kind === 'end') {
      if (trailer === undefined || header.raw !== trailer.bytes) return `a wrong end at byte ${at}`;
      const end = at + HEADER_BYTES;
      return { frame: { trailer: trailer.value, start, end, blocks }, chain: header.chain };
    }
    if (trailer !== undefined) return `no end after its trailer, at byte ${at}`;
    if (header.kind === 'data') blocks.push(blockOf(header, at));
    else {
      const payload = await checkedPayload(file, header, at);
      if (payload === undefined) return `its trailer at byte ${at} is not as written`;
      trailer = { value: JSON.parse(payload.toString('utf8')), bytes: HEADER_BYTES + header.stored };
    }
    chain = header.chain;
    at = after(header, at);
  }
}

function blockOf(header: RecordHeader, at: number): Block {
  const { frame, database, docs, stored, raw, payloadHash } = header;
  return { frame, database, docs, offset: at + HEADER_BYTES, stored, raw, payloadHash };
}

function after(header: RecordHeader, at: number): number {
  return at + HEADER_BYTES + header.stored;
}

/** The header at a place, with its payload inside the file; or why not. */
async function readRecord(
  file: BackupFile,
  at: number,
  size: number,
  before: Buffer | null,
): Promise<{ header: RecordHeader } | string> {
  const bytes = await bytesAt(file, at, HEADER_BYTES);
  if (bytes.length < HEADER_BYTES) return `it ends inside a header at byte ${at}`;
  const header = decodeHeader(bytes);
  if (header === null) return `the header at byte ${at} is not as written`;
  if (!follows(before, bytes)) return `the record at byte ${at} does not follow the one before`;
  if (header.stored > PAYLOAD_BYTES_MAX || after(header, at) > size) return `it ends inside the record at byte ${at}`;
  return { header };
}

/** The trailer that ends at an end record, wherever that is; undefined: there is no such pair. */
async function trailerBefore(
  file: BackupFile,
  endAt: number,
): Promise<{ trailer: Trailer; end: RecordHeader } | undefined> {
  if (endAt < 0) return undefined;
  const endBytes = await bytesAt(file, endAt, HEADER_BYTES);
  const end = decodeHeader(endBytes);
  if (end?.kind !== 'end' || end.raw > endAt) return undefined;
  const at = endAt - end.raw;
  const header = decodeHeader(await bytesAt(file, at, HEADER_BYTES));
  if (header?.kind !== 'trailer' || header.stored + HEADER_BYTES !== end.raw) return undefined;
  if (!follows(header.chain, endBytes)) return undefined;
  const payload = await checkedPayload(file, header, at);
  return payload === undefined ? undefined : { trailer: JSON.parse(payload.toString('utf8')), end };
}

/**
 * A trailer is written only once all before it is on the disk. So a complete one behind a place that cannot be read
 * means damage; without one, the run was cut off.
 */
async function tailOf(file: BackupFile, from: number, size: number, frame: number, why: string): Promise<Tail> {
  const bytes = size - from;
  for (let at = from; at < size; at += SEARCH_BYTES) {
    const window = await bytesAt(file, at, SEARCH_BYTES + HEADER_BYTES);
    for (let i = findMagic(window, 0); i >= 0; i = findMagic(window, i + 1)) {
      if ((await trailerBefore(file, at + i)) !== undefined) return { kind: 'damaged', frame, bytes, why };
    }
  }
  return { kind: 'torn', frame, bytes, why };
}

async function headError(file: BackupFile, size: number): Promise<Error> {
  const tail = await tailOf(file, 0, size, 0, 'it is not as written');
  if (tail.kind === 'damaged') return damaged(file.path, 0, tail.why);
  return replicatorError('BACKUP_NOT_OURS', `${file.path} is no backup of Feedferry.`, { input: file.path });
}

function readHead(file: BackupFile, payload: Buffer): Head {
  const head = JSON.parse(payload.toString('utf8')) as Head;
  if (head.format <= FORMAT_VERSION) return head;
  const message = `${file.path} has format ${head.format}, this Feedferry reads up to ${FORMAT_VERSION}.`;
  throw replicatorError('BACKUP_NEWER', message, { input: file.path });
}

async function readPayload(file: BackupFile, header: RecordHeader, at: number): Promise<Buffer> {
  const payload = await checkedPayload(file, header, at);
  if (payload === undefined) throw damaged(file.path, header.frame, `the record at byte ${at} is not as written`);
  return payload;
}

async function checkedPayload(file: BackupFile, header: RecordHeader, at: number): Promise<Buffer | undefined> {
  if (header.stored > PAYLOAD_BYTES_MAX) return undefined;
  const payload = await bytesAt(file, at + HEADER_BYTES, header.stored);
  const isWhole = payload.length === header.stored && hash('sha256', payload, 'buffer').equals(header.payloadHash);
  return isWhole ? payload : undefined;
}

/** Fewer where the file ends before. */
async function bytesAt(file: BackupFile, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  try {
    while (filled < length) {
      const { bytesRead } = await file.handle.read(bytes, filled, length - filled, at + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
  } catch (cause) {
    throw unusable(file.path, cause);
  }
  return bytes.subarray(0, filled);
}
