/**
 * What every write goes through, whichever engine stores it: the batch is checked and serialized (`prepareEdits`,
 * `prepareReplicas`), and then, knowing what is there, each document gets its version, its integer id and its
 * fingerprints (`stampEdit`, `stampReplica`). No I/O.
 */
import type { AnyEdit, Clock, Replica, SiteId, Version } from './contract.ts';
import { type DatabaseName, NUMBERED } from './documents.ts';
import {
  beforeCanonical,
  bucketOf,
  canonicalJson,
  type Fingerprints,
  fingerprints,
  fingerprintsOfWhole,
} from './envelope.ts';
import { storeError } from './errors.ts';
import { integerId } from './ids.ts';
import { Serialized } from './serialized.ts';
import { isStoredDocument } from './stored-document.ts';
import { readVersion, type VersionClock } from './version.ts';

export const DOCUMENT_BYTES_MAX = 8 * 1024 * 1024;
export const ID_BYTES_MAX = 512;

/** Field names of the envelope, which content must not use. */
const RESERVED = ['_id', 'ver', 'org', 'vv', 'slot', 'n', 'del', 'delAt', 'b', 'h1', 'h2', 'h3', 'fill'] as const;

/** First digit below 8: the clock can't be driven past its 12 hex digits. */
const VERSION = /^[0-7][0-9a-f]{11}-[0-9a-f]{4}-[a-z0-9]{8}$/;

type Vector = Readonly<Record<string, string>> | null;

/** What an engine knows of the document that is there before a write. `num`: 0 where it has none. */
export interface There {
  readonly ver: Version;
  readonly org: SiteId;
  readonly vv: Vector;
  readonly del: boolean;
  readonly num: number;
}

/** An edit, checked and serialized but for its integer id. */
export interface PreparedEdit {
  readonly id: string;
  readonly ifVer: Version | null | undefined;
  readonly above: Version | undefined;
  readonly content: object | null;
  /** `head + num + tail` is the canonical content; `tail` is null where no number is wanting. */
  readonly head: string;
  readonly tail: string | null;
  /** Where it came so: the others are made of it when they are asked for. */
  readonly serialized?: Serialized<unknown>;
}

/** A replica, checked. `content` may be parsed out of `body` only when it is asked for. */
export interface PreparedReplica {
  readonly replica: Replica<unknown>;
  readonly content: object | null;
  readonly body: string;
}

/** All of a document but its place in the change feed. `body` is `canonicalJson(content)`, `null` in a tombstone. */
export interface Stamped extends Fingerprints {
  readonly id: string;
  readonly ver: Version;
  readonly org: SiteId;
  readonly vv: Vector;
  readonly del: boolean;
  readonly delAt: number | null;
  readonly content: object | null;
  readonly body: string;
}

export type Unparsed = Omit<Stamped, 'content'>;

/** Its body is in memory that is used again for the next one; of its content there is only what engines index. */
export type StampedBytes = Omit<Stamped, 'body'> & { readonly body: Uint8Array };

/** What an engine stamps with: one for each open store. */
export interface Stamper {
  readonly site: SiteId;
  readonly versions: VersionClock;
  readonly clock: Clock;
}

/** Throws BATCH_INVALID, naming the id. */
export function prepareEdits(database: DatabaseName, edits: readonly AnyEdit<unknown>[]): PreparedEdit[] {
  checkIds(edits);
  return edits.map(({ id, content, ifVer, above }) => {
    if (above !== undefined && !VERSION.test(above))
      throw invalid(id, `the version to be above is malformed: ${JSON.stringify(above)}`);
    if (content === null) return { id, ifVer, above, content, head: 'null', tail: null };
    if (content instanceof Serialized) return new PreparedBytes(id, ifVer, above, content);
    return { id, ifVer, above, ...serializeContent(database, id, content) };
  });
}

/**
 * Checks a content and makes the text that stands for it, as `edit` does; here for threads that prepare what another one
 * writes (`serialized.ts`). Throws BATCH_INVALID.
 */
export function serializeContent(
  database: DatabaseName,
  id: string,
  content: unknown,
): Pick<PreparedEdit, 'head' | 'tail'> & { readonly content: object } {
  checkContent(id, content);
  const wants = NUMBERED.has(database) && (content as { num?: unknown }).num === 0;
  const { head, tail } = serialize(id, content, wants);
  if (!hasLoneSurrogate(head) && (tail === null || !hasLoneSurrogate(tail))) return { content, head, tail };
  const whole = wellFormed(content) as object;
  return { content: whole, ...serialize(id, whole, wants) };
}

class PreparedBytes implements PreparedEdit {
  readonly id: string;
  readonly ifVer: Version | null | undefined;
  readonly above: Version | undefined;
  readonly serialized: Serialized<unknown>;

  constructor(id: string, ifVer: Version | null | undefined, above: Version | undefined, content: Serialized<unknown>) {
    this.id = id;
    this.ifVer = ifVer;
    this.above = above;
    this.serialized = content;
  }

  get content(): object {
    return this.serialized.content as object;
  }

  get head(): string {
    return this.serialized.head;
  }

  get tail(): string | null {
    return this.serialized.tail;
  }
}

/** Throws BATCH_INVALID, naming the id. */
export function prepareReplicas(replicas: readonly Replica<unknown>[]): PreparedReplica[] {
  checkIds(replicas);
  return replicas.map((replica) => {
    const { id, ver, body } = replica;
    if (!VERSION.test(ver)) throw invalid(id, `its version is malformed: ${JSON.stringify(ver)}`);
    if (body !== undefined && isStoredDocument(replica)) return prepareStored(replica, body);
    const { content } = replica;
    if (content === null) return { replica, content, body: 'null' };
    checkContent(id, content);
    let whole = content;
    let { head } = serialize(id, content, false);
    if (hasLoneSurrogate(head)) {
      whole = wellFormed(content) as object;
      head = serialize(id, whole, false).head;
    }
    return { replica, content: whole, body: head };
  });
}

/**
 * A document just as an engine read it: its body went through `prepareEdits` or `prepareReplicas` before it was stored,
 * and its content is parsed out of that body. The body of anything else is not trusted, as `{...doc, content}` would
 * carry another one's along; it is made of the content again.
 */
function prepareStored(replica: Replica<unknown>, body: string): PreparedReplica {
  checkSize(replica.id, body);
  return new PreparedStored(replica, body);
}

class PreparedStored implements PreparedReplica {
  readonly replica: Replica<unknown>;
  readonly body: string;

  constructor(replica: Replica<unknown>, body: string) {
    this.replica = replica;
    this.body = body;
  }

  get content(): object | null {
    return this.replica.content as object | null;
  }
}

/** Whether compare-and-set lets this edit pass. */
export function passes(edit: Pick<PreparedEdit, 'ifVer'>, there: There | undefined): boolean {
  if (edit.ifVer === undefined) return true;
  if (edit.ifVer === null) return there === undefined || there.del;
  return there?.ver === edit.ifVer;
}

/** Whether `ifVer` of a replica forbids it: another version is there than the one that was decided upon. */
export function conflicts({ ifVer }: Pick<Replica<unknown>, 'ifVer'>, there: Pick<There, 'ver'> | undefined): boolean {
  return ifVer !== undefined && (there?.ver ?? null) !== ifVer;
}

/** Whether what is there is as new as a replica, or newer. One that heals also replaces its own version: see `heals`. */
export function isStale(
  replica: Pick<Replica<unknown>, 'ver' | 'heal'>,
  there: Pick<There, 'ver'> | undefined,
): boolean {
  if (there === undefined) return false;
  return replica.heal === true ? there.ver > replica.ver : there.ver >= replica.ver;
}

/** Whether a stamped replica differs from what is stored under the very same version, which is damaged then. */
export function heals(stamped: Unparsed, stored: Fingerprints & Pick<Stamped, 'body'>): boolean {
  const words = ['b', 'h1', 'h2', 'h3'] as const;
  return stamped.body !== stored.body || words.some((word) => stamped[word] !== stored[word]);
}

/**
 * A local edit as it will be stored: newer than what is there, however far ahead that clock was. `num: 0` becomes the
 * number that the document has already, else one from its version: unlike a wall clock that never runs backwards, and
 * a later article must not look read because its number is below a read-up-to mark.
 */
export function stampEdit(stamper: Stamper, edit: PreparedEdit, there: There | undefined, slot: number): Stamped {
  const { ver, vv } = nextVersion(stamper, edit, there);
  const now = stamper.clock();
  const del = edit.content === null;
  let { content, head: body } = edit;
  if (edit.tail !== null) {
    const num = numberFor(stamper, there, ver, slot);
    content = { ...content, num };
    body = edit.head + num + edit.tail;
  }
  const prints = fingerprints(edit.id, body, ver, del);
  return { id: edit.id, ver, org: stamper.site, vv, del, delAt: del ? now : null, content, body, ...prints };
}

/** The same of content that came serialized, without making a text of it. */
export function stampSerialized(
  stamper: Stamper,
  edit: Pick<PreparedEdit, 'id' | 'above'>,
  serialized: Serialized<unknown>,
  there: There | undefined,
  slot: number,
): StampedBytes {
  const { id } = edit;
  const { ver, vv } = nextVersion(stamper, edit, there);
  const num = serialized.wantsNumber ? numberFor(stamper, there, ver, slot) : 0;
  const content = serialized.wantsNumber ? { ...serialized.indexed, num } : serialized.indexed;
  const { whole, body } = serialized.behind(beforeCanonical(ver, false), num);
  const prints = fingerprintsOfWhole(id, whole);
  return { id, ver, org: stamper.site, vv, del: false, delAt: null, content, body, ...prints };
}

function nextVersion(
  stamper: Stamper,
  { above }: Pick<PreparedEdit, 'above'>,
  there: There | undefined,
): { ver: Version; vv: Vector } {
  if (there) stamper.versions.observe(there.ver);
  if (above) stamper.versions.observe(above);
  const ver = stamper.versions.next();
  return { ver, vv: there ? vectorAfter(there, stamper.site, ver) : null };
}

function numberFor(stamper: Stamper, there: There | undefined, ver: Version, slot: number): number {
  return there && there.num > 0 ? there.num : numberOf(ver, stamper.site, slot);
}

/** A replica as it will be stored: version, origin and integer id stay. Call only where it is not stale. */
export function stampReplica(stamper: Stamper, prepared: PreparedReplica): Stamped {
  return { ...stampUnparsed(stamper, prepared), content: prepared.content };
}

/** The same without its content, which may not have been parsed. */
export function stampUnparsed(stamper: Stamper, prepared: PreparedReplica): Unparsed {
  const { id, ver, org, vv, delAt } = prepared.replica;
  const { body } = prepared;
  stamper.versions.observe(ver);
  const del = body === 'null';
  const { b, h1, h2, h3 } = fingerprints(id, body, ver, del);
  return { id, ver, org, vv, del, delAt: del ? (delAt ?? stamper.clock()) : null, body, b, h1, h2, h3 };
}

/**
 * The version vector of an edit. A document that only this site ever edited needs none, as `{[org]: clock of ver}` is
 * meant; over another site's version one begins that holds its ancestors, so that ancestry is never lost.
 */
function vectorAfter(there: There, site: SiteId, ver: Version): Vector {
  if (there.vv === null && there.org === site) return null;
  return { ...(there.vv ?? { [there.org]: clockOf(there.ver) }), [site]: clockOf(ver) };
}

/** The writers of one site differ by their slot; those of two sites, nearly always, by the site's own bits. */
function numberOf(ver: Version, site: SiteId, slot: number): number {
  const { ms, counter } = readVersion(ver);
  return integerId(ms, bucketOf(site) + slot, counter);
}

/** The clock of a version without its site, as version vectors hold it. */
function clockOf(ver: Version): string {
  return ver.slice(0, 17);
}

function checkIds(batch: readonly { id: string }[]): void {
  const seen = new Set<string>();
  for (const { id } of batch) {
    if (typeof id !== 'string' || id === '') throw invalid(String(id), 'its id is empty');
    if (id.includes('\0') || !id.isWellFormed()) throw invalid(id, 'its id holds NUL or half a character');
    if (id.length * 3 > ID_BYTES_MAX && Buffer.byteLength(id) > ID_BYTES_MAX)
      throw invalid(id, `its id is longer than ${ID_BYTES_MAX} bytes`);
    if (seen.has(id)) throw invalid(id, 'its id is twice in the batch');
    seen.add(id);
  }
}

function checkContent(id: string, content: unknown): asserts content is object {
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw invalid(id, 'its content is no object');
  for (const name of RESERVED) {
    if (Object.hasOwn(content, name)) throw invalid(id, `its content has a field ${name}, which the store keeps`);
  }
}

/** Canonical JSON, split around the value of the top-level `num` where one is to be filled in. */
function serialize(id: string, content: object, split: boolean): { head: string; tail: string | null } {
  const parts = split ? aroundNum(id, content) : { head: canonical(id, content), tail: null };
  checkSize(id, parts.head + (parts.tail ?? ''));
  return parts;
}

function checkSize(id: string, text: string): void {
  if (text.length * 3 > DOCUMENT_BYTES_MAX && Buffer.byteLength(text) > DOCUMENT_BYTES_MAX)
    throw invalid(id, `it is larger than ${DOCUMENT_BYTES_MAX} bytes`);
}

function aroundNum(id: string, content: object): { head: string; tail: string } {
  const before: Record<string, unknown> = {};
  const after: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(content)) {
    // Setting it would change what the object inherits.
    if (key === '__proto__') return aroundNumField(id, content);
    if (key !== 'num') (key < 'num' ? before : after)[key] = value;
  }
  const [first, last] = [canonical(id, before), canonical(id, after)];
  return {
    head: first === '{}' ? '{"num":' : `${first.slice(0, -1)},"num":`,
    tail: last === '{}' ? '}' : `,${last.slice(1)}`,
  };
}

/** The same, field by field. */
function aroundNumField(id: string, content: object): { head: string; tail: string } {
  const keys = Object.keys(content).sort();
  const at = keys.indexOf('num');
  const field = (key: string) => `${JSON.stringify(key)}:${canonical(id, (content as Record<string, unknown>)[key])}`;
  return {
    head: `{${[...keys.slice(0, at).map(field), '"num":'].join(',')}`,
    tail: `${['', ...keys.slice(at + 1).map(field)].join(',')}}`,
  };
}

function canonical(id: string, value: unknown): string {
  try {
    return canonicalJson(value);
  } catch (error) {
    throw storeError('BATCH_INVALID', `Document ${id} can't be stored: ${(error as Error).message}`, { input: id });
  }
}

/** `JSON.stringify` escapes half a surrogate pair; a literal backslash before `ud` only costs a needless look. */
function hasLoneSurrogate(json: string): boolean {
  return json.includes('\\ud');
}

/** Half surrogate pairs become U+FFFD, as in all of the web platform: not every engine can keep them. */
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(wellFormed);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toWellFormed(), wellFormed(item)]));
}

function invalid(id: string, why: string): Error {
  return storeError('BATCH_INVALID', `Document ${id} can't be written: ${why}.`, { input: id });
}
