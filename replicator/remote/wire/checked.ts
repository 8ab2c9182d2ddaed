/** Reading JSON that came from elsewhere: every value is looked at once, here, and has a type from then on. */
import type { SiteId, Version } from '../../../store/contract.ts';
import { DATABASE_NAMES, type DatabaseName } from '../../../store/documents.ts';
import type { Vector } from '../../vector.ts';
import { damaged, tooLarge } from './damage.ts';
import { ID_BYTES_MAX, VECTOR_ENTRIES_MAX, WORD_CHARS_MAX } from './limits.ts';

const SITE = /^[a-z0-9]{8}$/;
const VERSION = /^[0-7][0-9a-f]{11}-[0-9a-f]{4}-[a-z0-9]{8}$/;
const CLOCK = /^[0-7][0-9a-f]{11}-[0-9a-f]{4}$/;

export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw damaged(`${what} is no JSON`, cause);
  }
}

export function readObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw damaged(`${what} is no object`);
  return value as Readonly<Record<string, unknown>>;
}

export function readArray(value: unknown, what: string, lengthMax: number): readonly unknown[] {
  if (!Array.isArray(value)) throw damaged(`${what} is no list`);
  if (value.length > lengthMax) throw tooLarge(`${what} has ${value.length} entries, more than ${lengthMax}`);
  return value;
}

export function readText(value: unknown, what: string, charsMax = WORD_CHARS_MAX): string {
  if (typeof value !== 'string') throw damaged(`${what} is no text`);
  if (value.length > charsMax) throw tooLarge(`${what} has more than ${charsMax} characters`);
  return value;
}

export function readFlag(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') throw damaged(`${what} is neither true nor false`);
  return value;
}

/** A whole number from 0 to 2^53 - 1. */
export function readCount(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw damaged(`${what} is no whole number`);
  return value as number;
}

/** A finite number; times may be negative, and durations have fractions. */
export function readNumber(value: unknown, what: string): number {
  if (!Number.isFinite(value)) throw damaged(`${what} is no number`);
  return value as number;
}

/** One word of a digest: 0 to 2^32 - 1. */
export function readWord(value: unknown, what: string): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 0xffff_ffff) {
    throw damaged(`${what} is no word of a digest`);
  }
  return value as number;
}

export function readChoice<const T extends string>(value: unknown, what: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw damaged(`${what} is none of ${choices.join(', ')}`);
  return found;
}

export function readDatabase(value: unknown): DatabaseName {
  return readChoice(value, 'the database', DATABASE_NAMES);
}

export function readId(value: unknown): string {
  const id = readText(value, 'an id', ID_BYTES_MAX);
  if (id === '') throw damaged('an id is empty');
  return id;
}

export function readSite(value: unknown, what: string): SiteId {
  if (typeof value !== 'string' || !SITE.test(value)) throw damaged(`${what} is no site`);
  return value as SiteId;
}

export function readVersion(value: unknown, what: string): Version {
  if (typeof value !== 'string' || !VERSION.test(value)) throw damaged(`${what} is no version`);
  return value as Version;
}

export function readVersionVector(value: unknown): Readonly<Record<string, string>> | null {
  if (value === null) return null;
  const entries = entriesOf(value, 'a version vector');
  for (const [site, clock] of entries) {
    if (!SITE.test(site) || typeof clock !== 'string' || !CLOCK.test(clock))
      throw damaged('a version vector is malformed');
  }
  return value as Readonly<Record<string, string>>;
}

export function readVector(value: unknown, what: string): Vector {
  for (const [slot, n] of entriesOf(value, what)) {
    if (!/^\d{1,16}$/.test(slot)) throw damaged(`${what} has a slot that is no number`);
    readCount(n, what);
  }
  return value as Vector;
}

/** Null stays null. */
export function readOrNull<T>(value: unknown, read: (value: unknown) => T): T | null {
  return value === null ? null : read(value);
}

function entriesOf(value: unknown, what: string): [string, unknown][] {
  const entries = Object.entries(readObject(value, what));
  if (entries.length > VECTOR_ENTRIES_MAX) throw tooLarge(`${what} has more than ${VECTOR_ENTRIES_MAX} entries`);
  return entries;
}
