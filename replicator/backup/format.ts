/**
 * The bytes of a backup file. Pure.
 *
 *     head record, then frames; a frame: data records, one trailer record, one end record
 *     record: header of 96 bytes, payload
 *
 * A header says what follows and carries the SHA-256 of its payload, then the chain: the SHA-256 of the chain before and
 * of this header. So one walk over the headers proves their order and completeness, and any payload can be checked alone.
 * Integers are 32 bits, little-endian.
 */
import { hash } from 'node:crypto';
import type { Replica, SiteId, Version } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { canonicalJson } from '../../store/envelope.ts';
import { readVersion } from '../../store/version.ts';
import type { Vector } from '../vector.ts';

export const FORMAT_VERSION = 1;
export const HEADER_BYTES = 96;
/** A document has at most 8 MiB, and a block ends with the document that fills it. */
export const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;

const MAGIC = 0x4b424646; // 'FFBK'
const KINDS = ['head', 'data', 'trailer', 'end'] as const;
const PAYLOAD_HASH_AT = 28;
const CHAIN_AT = 60;
const CHECK_AT = 92;
const NO_CHAIN = Buffer.alloc(32);

export type RecordKind = (typeof KINDS)[number];

export interface RecordHeader {
  readonly kind: RecordKind;
  /** From 1; 0: the head. */
  readonly frame: number;
  /** Of data: its place in `Head.databases`. */
  readonly database: number;
  /** Of data: documents in it, tombstones included. */
  readonly docs: number;
  /** Bytes of the payload in the file, and once decompressed. An end record has the size of its trailer record here. */
  readonly stored: number;
  readonly raw: number;
  readonly payloadHash: Buffer;
  readonly chain: Buffer;
}

/** The first record: what the file is. JSON. */
export interface Head {
  readonly format: number;
  /** Drawn at random when the file is begun. */
  readonly id: string;
  readonly site: SiteId;
  readonly databases: readonly DatabaseName[];
  readonly madeAt: number;
}

/** What a run says at its end. JSON. The frame is complete once this and the end record are there. */
export interface Trailer {
  readonly frame: number;
  /** Of the run; the source keeps it too. */
  readonly session: string;
  /** `full`: all there was; what stands before it in the file is needed for older moments only. */
  readonly kind: 'full' | 'changes';
  /** Why it is full; empty for changes. */
  readonly why: string;
  readonly startedAt: number;
  /** The frame holds the state of about this moment, by the source's clock. */
  readonly at: number;
  /** True: nothing was written while it was read to its end, so it is the state of one moment. */
  readonly exact: boolean;
  /** How far the change feed of each database was read. */
  readonly vectors: Readonly<Partial<Record<DatabaseName, Vector>>>;
  readonly counts: Readonly<Partial<Record<DatabaseName, FrameCount>>>;
  /** Of canonical text, and as compressed. */
  readonly rawBytes: number;
  readonly storedBytes: number;
  /** Of the source's role (`role.ts`). */
  readonly epoch: number;
}

export interface FrameCount {
  /** Tombstones included. */
  readonly docs: number;
  readonly tombstones: number;
}

export function encodeRecord(
  before: Buffer | null,
  fields: Omit<RecordHeader, 'payloadHash' | 'chain' | 'stored'>,
  payload: Uint8Array,
): { header: Buffer; chain: Buffer } {
  const header = Buffer.alloc(HEADER_BYTES);
  const words = [MAGIC, KINDS.indexOf(fields.kind), fields.frame, fields.database, fields.docs];
  for (const [i, word] of [...words, payload.length, fields.raw].entries()) header.writeUInt32LE(word, i * 4);
  hash('sha256', payload, 'buffer').copy(header, PAYLOAD_HASH_AT);
  const chain = chainAfter(before ?? NO_CHAIN, header);
  chain.copy(header, CHAIN_AT);
  checkOf(header).copy(header, CHECK_AT);
  return { header, chain };
}

/** Null: this is no header, or not as it was written. */
export function decodeHeader(bytes: Buffer): RecordHeader | null {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC) return null;
  const kind = KINDS[bytes.readUInt32LE(4)];
  if (kind === undefined || !checkOf(bytes).equals(bytes.subarray(CHECK_AT, HEADER_BYTES))) return null;
  const word = (i: number) => bytes.readUInt32LE(i * 4);
  const payloadHash = Buffer.from(bytes.subarray(PAYLOAD_HASH_AT, CHAIN_AT));
  const chain = Buffer.from(bytes.subarray(CHAIN_AT, CHECK_AT));
  return { kind, frame: word(2), database: word(3), docs: word(4), stored: word(5), raw: word(6), payloadHash, chain };
}

/** Whether this header follows the one whose chain is `before`. Null: it is the first. */
export function follows(before: Buffer | null, bytes: Buffer): boolean {
  return chainAfter(before ?? NO_CHAIN, bytes).equals(bytes.subarray(CHAIN_AT, CHECK_AT));
}

/** Where a header may begin in these bytes, from `from` on; -1: nowhere. */
export function findMagic(bytes: Buffer, from: number): number {
  return bytes.indexOf('FFBK', from, 'latin1');
}

function chainAfter(before: Buffer, header: Buffer): Buffer {
  return hash('sha256', Buffer.concat([before, header.subarray(0, CHAIN_AT)]), 'buffer');
}

function checkOf(header: Buffer): Buffer {
  return hash('sha256', header.subarray(0, CHECK_AT), 'buffer').subarray(0, HEADER_BYTES - CHECK_AT);
}

/** A document as a line: its envelope as a JSON array, a tab, its canonical content; `null` in a tombstone. */
export function encodeLine(doc: Replica<unknown>): string {
  const body = doc.body ?? canonicalJson(doc.content);
  return `${JSON.stringify([doc.id, doc.ver, doc.org, doc.vv, doc.delAt])}\t${body}\n`;
}

export interface StoredDocument {
  readonly id: string;
  readonly ver: Version;
  readonly org: SiteId;
  readonly vv: Readonly<Record<string, string>> | null;
  readonly delAt: number | null;
  readonly deleted: boolean;
  /** Canonical JSON; `null` in a tombstone. */
  readonly body: string;
}

/** Without the line feed. Throws a SyntaxError for what no `encodeLine` wrote. */
export function decodeLine(line: string): StoredDocument {
  const tab = line.indexOf('\t');
  if (tab < 0) throw new SyntaxError('a line without a tab');
  const [id, ver, org, vv, delAt] = JSON.parse(line.slice(0, tab));
  const body = line.slice(tab + 1);
  return { id, ver, org, vv, delAt, deleted: body === 'null', body };
}

export function replicaOf(doc: StoredDocument): Replica<unknown> {
  const { id, ver, org, vv, delAt, body } = doc;
  return { id, ver, org, vv, delAt, content: JSON.parse(body), body };
}

/** The moment at which a version was made, by the clock of the site that made it. */
export function madeAt(ver: Version): number {
  return readVersion(ver).ms;
}
