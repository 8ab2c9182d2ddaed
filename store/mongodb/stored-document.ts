/** Documents as the server holds them: content at the top level, beside the envelope. The way there and back. */
import { BSON, type Document } from 'mongodb';
import type { Live, SiteId, Version, Versioned } from '../contract.ts';
import { canonicalJson, type Fingerprints } from '../envelope.ts';
import { storeError } from '../errors.ts';
import type { Stamped, There } from '../stamp.ts';

/** Of a filler, only `_id slot n fill` are there. */
export interface StoredDocument extends Document {
  _id: string;
  ver: Version;
  org: SiteId;
  vv?: Record<string, string>;
  slot: number;
  n: number;
  del: boolean;
  delAt: number | null;
  b: number;
  h1: number;
  h2: number;
  h3: number;
  /** A number that was given up, so that no write can land on it. */
  fill?: 1;
}

/** All but fillers. */
export const REAL = { fill: { $exists: false } } as const;

/** Ids of fillers start so; content never has such an id. */
const FILLER_ID = /^!\d+:\d+$/;

/** mongod takes 100 levels; two are ours. */
const DEPTH_MAX = 98;
/** mongod takes 16 MiB with the envelope and the command around it. */
const BSON_BYTES_MAX = 16 * 1024 * 1024 - 64 * 1024;
/** An array of short numbers takes 7 times as much as in JSON, at the most. */
const BSON_PER_CHAR_MAX = 7;

export function toStored(stamped: Stamped, slot: number, n: number): StoredDocument {
  const { id, ver, org, vv, del, delAt, b, h1, h2, h3, content } = stamped;
  return { _id: id, ...content, ver, org, ...(vv && { vv }), slot, n, del, delAt, b, h1, h2, h3 };
}

/** Fields of the envelope; all others are content. */
const ENVELOPE: ReadonlySet<string> = new Set([
  ...['_id', 'ver', 'org', 'vv', 'slot', 'n', 'del', 'delAt', 'b', 'h1', 'h2', 'h3'],
]);

export function fromStored<C>(doc: StoredDocument): Versioned<C> {
  const { _id, ver, org, vv, slot, n, del, delAt } = doc;
  return { id: _id, ver, org, vv: vv ?? null, slot, n, delAt, content: del ? null : (contentOf(doc) as C) };
}

/** Field by field: that takes a third as long as `...content`. */
function contentOf(doc: StoredDocument): Record<string, unknown> {
  const content: Record<string, unknown> = {};
  for (const name of Object.keys(doc)) {
    if (ENVELOPE.has(name)) continue;
    // Setting it would change what the object inherits.
    if (name === '__proto__') return Object.fromEntries(Object.entries(doc).filter(([name]) => !ENVELOPE.has(name)));
    content[name] = doc[name];
  }
  return content;
}

export function wordsOf({ b, h1, h2, h3 }: StoredDocument): Fingerprints {
  return { b, h1, h2, h3 };
}

/** The canonical text of what is stored; empty where it is not even JSON. */
export function bodyOf(doc: StoredDocument): string {
  try {
    return canonicalJson(fromStored<unknown>(doc).content);
  } catch {
    return '';
  }
}

export function isLive<C>(doc: Versioned<C>): doc is Live<C> {
  return doc.content !== null;
}

/** What a write must know of the document that is there. */
export const THERE = { ver: 1, org: 1, vv: 1, del: 1, num: 1, slot: 1, n: 1 } as const;

export function thereOf(doc: Document): There {
  return { ver: doc.ver, org: doc.org, vv: doc.vv ?? null, del: doc.del === true, num: Number(doc.num ?? 0) };
}

/** The range of ids in which the fillers of a slot are. */
export function fillersOf(slot: number): { $gte: string; $lt: string } {
  return { $gte: `!${slot}:`, $lt: `!${slot};` };
}

export function filler(slot: number, n: number): Document & { _id: string } {
  return { _id: `!${slot}:${n}`, slot, n, fill: 1 };
}

/**
 * JSON that a MongoDB document can't hold: `.` and `$` in names (the server takes some of them for operators, some
 * drivers for references), nesting and size beyond the server's limits. Throws BATCH_INVALID, naming the id.
 */
export function checkStorable(id: string, content: object | null, jsonChars: number): void {
  if (FILLER_ID.test(id)) throw invalid(id, 'its id looks like those of fillers');
  if (content === null) return;
  checkNames(id, content, 1);
  if (jsonChars * BSON_PER_CHAR_MAX > BSON_BYTES_MAX && BSON.calculateObjectSize(content) > BSON_BYTES_MAX)
    throw invalid(id, `as BSON it is larger than ${BSON_BYTES_MAX} bytes`);
}

function checkNames(id: string, value: object, depth: number): void {
  if (depth > DEPTH_MAX) throw invalid(id, `it is nested deeper than ${DEPTH_MAX} levels`);
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object' && item !== null) checkNames(id, item, depth + 1);
    return;
  }
  for (const name of Object.keys(value)) {
    const item: unknown = value[name as keyof typeof value];
    const isRaw = READ_RAW.has(name) && Array.isArray(item);
    if (isRaw || (!storable.has(name) && !isStorableName(name)))
      throw invalid(id, `MongoDB can't keep a field named ${JSON.stringify(name)}`);
    if (storable.size < STORABLE_MAX) storable.add(name);
    if (typeof item === 'object' && item !== null) checkNames(id, item, depth + 1);
  }
}

/** Names that were looked at already: nearly all documents have the same ones. */
const storable = new Set<string>();
const STORABLE_MAX = 1000;

/**
 * Names that every object has, such as `toString`: of these the driver reads arrays as raw bytes (bson 7.3, `fieldsAsRaw`).
 * `__proto__` it reads well.
 */
const READ_RAW: ReadonlySet<string> = new Set(
  Object.getOwnPropertyNames(Object.prototype).filter((name) => name !== '__proto__'),
);

/** `_bsontype` would make the driver take the object for a BSON type. */
function isStorableName(name: string): boolean {
  return !name.startsWith('$') && !name.includes('.') && !name.includes('\0') && name !== '_bsontype';
}

function invalid(id: string, why: string): Error {
  return storeError('BATCH_INVALID', `Document ${id} can't be written: ${why}.`, { input: id });
}
