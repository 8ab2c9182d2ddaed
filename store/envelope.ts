import { hash } from 'node:crypto';
import type { Version } from './contract.ts';

export const BUCKET_COUNT = 4096;

/** What verification sums up: the bucket of the id, and three words of the hash of content, version and deletion. */
export interface Fingerprints {
  readonly b: number;
  readonly h1: number;
  readonly h2: number;
  readonly h3: number;
}

/**
 * The text that stands for a document's content: JSON with the keys of every object sorted, so that both engines and
 * every site hash the same content to the same words. Content is JSON only (see `documents.ts`); throws a TypeError for
 * what is not, as that would come back as something else.
 */
export function canonicalJson(value: unknown): string {
  // One call for the whole of it takes half as long as one for each part.
  const sorted = inOrder(value);
  return sorted === undefined ? spelledOut(value) : JSON.stringify(sorted);
}

/** What the text is, part by part. */
function spelledOut(value: unknown): string {
  if (value === null || typeof value !== 'object') return scalar(value);
  if (Array.isArray(value)) return `[${value.map(spelledOut).join(',')}]`;
  const object = value as Record<string, unknown>;
  const keys = Object.keys(object).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${spelledOut(object[key])}`).join(',')}}`;
}

/**
 * The same with all keys in order, for `JSON.stringify`: the value itself where they are already. Undefined where that
 * would say something else: it puts names that are numbers first, and asks `toJSON` of what is no plain object.
 */
function inOrder(value: unknown): unknown {
  if (typeof value === 'string') return value;
  if (value === null || typeof value !== 'object') {
    checkScalar(value);
    return value;
  }
  return Array.isArray(value) ? arrayInOrder(value) : objectInOrder(value as Record<string, unknown>);
}

function arrayInOrder(array: readonly unknown[]): unknown {
  let sorted = array as unknown[];
  for (let i = 0; i < array.length; i += 1) {
    const item = inOrder(array[i]);
    if (item === undefined) return undefined;
    if (item === array[i]) continue;
    if (sorted === array) sorted = array.slice();
    sorted[i] = item;
  }
  return sorted;
}

function objectInOrder(object: Record<string, unknown>): unknown {
  if (Object.getPrototypeOf(object) !== Object.prototype) return undefined;
  const keys = Object.keys(object);
  // Of all names, those that are numbers come first.
  if (keys[0] !== undefined && isDigit(keys[0].charCodeAt(0))) return undefined;
  const isSorted = keys.every((key, i) => i === 0 || (keys[i - 1] ?? '') < key);
  if (!isSorted) keys.sort();
  let sorted = isSorted ? object : {};
  for (const key of keys) {
    // Setting it would change what the object inherits.
    if (key === '__proto__') return undefined;
    const item = inOrder(object[key]);
    if (item === undefined) return undefined;
    if (sorted === object && item === object[key]) continue;
    if (sorted === object) sorted = { ...object };
    sorted[key] = item;
  }
  return sorted;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** A string, a finite number, a boolean or null. */
function scalar(value: unknown): string {
  checkScalar(value);
  return JSON.stringify(value);
}

function checkScalar(value: unknown): void {
  const type = typeof value;
  if (type === 'string' || type === 'boolean' || value === null || Number.isFinite(value)) return;
  throw new TypeError(`${String(value)} is not JSON`);
}

/** `canonical`: `canonicalJson(content)`, or `null` for a tombstone. */
export function fingerprints(id: string, canonical: string, ver: Version, deleted: boolean): Fingerprints {
  return fingerprintsOfWhole(id, beforeCanonical(ver, deleted) + canonical);
}

/** What is hashed before the canonical content. */
export function beforeCanonical(ver: Version, deleted: boolean): string {
  return `${ver}\n${deleted ? 1 : 0}\n`;
}

/** The same of all that is hashed, as text or in UTF-8. */
export function fingerprintsOfWhole(id: string, whole: string | Uint8Array): Fingerprints {
  // A string of 32 characters: a buffer would take three times as long to make, and memory outside of the heap.
  const digest = hash('sha256', whole, 'binary');
  return { b: bucketOf(id), h1: wordAt(digest, 0), h2: wordAt(digest, 4), h3: wordAt(digest, 8) };
}

/** Big-endian. */
function wordAt(digest: string, at: number): number {
  const [a, b] = [digest.charCodeAt(at), digest.charCodeAt(at + 1)];
  return ((a << 24) | (b << 16) | (digest.charCodeAt(at + 2) << 8) | digest.charCodeAt(at + 3)) >>> 0;
}

/** FNV-1a over UTF-16 code units, folded to 12 bits. */
export function bucketOf(id: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < id.length; i += 1) {
    h = Math.imul(h ^ id.charCodeAt(i), 0x01000193);
  }
  return ((h >>> 12) ^ h) & (BUCKET_COUNT - 1);
}
