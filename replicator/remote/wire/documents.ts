/**
 * Documents as lines of text: one with the envelope, one with the content as canonical JSON, which holds no line ends.
 * The receiver makes the content from that text alone, and hashes it again: what does not give the digest words that
 * came along was damaged, wherever on the way.
 */
import type { Replica, Versioned } from '../../../store/contract.ts';
import { canonicalJson, fingerprints } from '../../../store/envelope.ts';
import { storeError } from '../../../store/errors.ts';
import {
  parseJson,
  readArray,
  readCount,
  readFlag,
  readId,
  readNumber,
  readObject,
  readOrNull,
  readSite,
  readVersion,
  readVersionVector,
  readWord,
} from './checked.ts';
import { damaged } from './damage.ts';
import { DOCUMENT_BYTES_MAX, NESTING_MAX } from './limits.ts';

type Envelope = Pick<Versioned<unknown>, 'id' | 'ver' | 'org' | 'vv' | 'delAt' | 'content' | 'body'>;

/** `[id, ver, org, vv, delAt, h1, h2, h3, more?]` */
const FIELDS = 8;

export function replicaLines(replica: Replica<unknown>): string {
  const { ifVer, heal } = replica;
  const more = { ...(ifVer !== undefined && { ifVer }), ...(heal !== undefined && { heal }) };
  return documentLines(replica, ifVer === undefined && heal === undefined ? undefined : more);
}

/** Throws WIRE_DAMAGED, WIRE_TOO_LARGE, and BATCH_INVALID for what no store takes. */
export function readReplica(envelope: string, body: string): Replica<unknown> {
  const { document, more } = readDocument(envelope, body);
  if (more === undefined) return document;
  const { ifVer, heal } = readObject(more, 'a condition');
  return {
    ...document,
    ...(ifVer !== undefined && { ifVer: readOrNull(ifVer, (value) => readVersion(value, 'ifVer')) }),
    ...(heal !== undefined && { heal: readFlag(heal, 'heal') }),
  };
}

export function versionedLines(document: Versioned<unknown>): string {
  return documentLines(document, { slot: document.slot, n: document.n });
}

/** Throws WIRE_DAMAGED, WIRE_TOO_LARGE, and BATCH_INVALID for what no store takes. */
export function readVersioned(envelope: string, body: string): Versioned<unknown> {
  const { document, more } = readDocument(envelope, body);
  const { slot, n } = readObject(more, 'the place of a document');
  return { ...document, slot: readCount(slot, 'a slot'), n: readCount(n, 'a number') };
}

function documentLines(document: Envelope, more: object | undefined): string {
  const { id, ver, org, vv, delAt, content } = document;
  const body = document.body ?? canonicalJson(content);
  const { h1, h2, h3 } = fingerprints(id, body, ver, content === null);
  const envelope = [id, ver, org, vv, delAt, h1, h2, h3];
  return `${JSON.stringify(more === undefined ? envelope : [...envelope, more])}\n${body}\n`;
}

function readDocument(line: string, body: string): { document: Envelope & { body: string }; more: unknown } {
  const fields = readArray(parseJson(line, 'an envelope'), 'an envelope', FIELDS + 1);
  const id = readId(fields[0]);
  const ver = readVersion(fields[1], 'the version of a document');
  const content = readContent(id, body);
  const words = fingerprints(id, body, ver, content === null);
  const isSound =
    words.h1 === readWord(fields[5], 'h1') &&
    words.h2 === readWord(fields[6], 'h2') &&
    words.h3 === readWord(fields[7], 'h3');
  if (!isSound) throw damaged(`document ${id} is not what was sent`);
  const org = readSite(fields[2], 'the origin of a document');
  const vv = readVersionVector(fields[3]);
  const delAt = readOrNull(fields[4], (value) => readNumber(value, 'the time of a deletion'));
  return { document: { id, ver, org, vv, delAt, content, body }, more: fields[FIELDS] };
}

function readContent(id: string, body: string): object | null {
  const isLong = body.length * 3 > DOCUMENT_BYTES_MAX && Buffer.byteLength(body) > DOCUMENT_BYTES_MAX;
  if (isLong) throw refused(id, `larger than ${DOCUMENT_BYTES_MAX} bytes`);
  const content = parseJson(body, `the content of document ${id}`);
  if (content === null) return null;
  if (isDeeper(content, NESTING_MAX)) throw refused(id, `nested deeper than ${NESTING_MAX}`);
  return readObject(content, `the content of document ${id}`);
}

/** By this code a sender learns that it is this document, and that the others would pass. */
function refused(id: string, what: string): Error {
  return storeError('BATCH_INVALID', `Document ${id} can't be taken: it is ${what}.`, { input: id });
}

/** `JSON.parse` reads any depth; what comes after it, with its recursion, does not. */
function isDeeper(value: unknown, levels: number): boolean {
  if (value === null || typeof value !== 'object') return false;
  if (levels === 0) return true;
  for (const key in value) {
    if (isDeeper((value as Record<string, unknown>)[key], levels - 1)) return true;
  }
  return false;
}
