/**
 * What every write goes through, whichever engine stores it: the batch is checked and serialized (`prepareEdits`,
 * `prepareReplicas`), and then, knowing what is there, each document gets its version, its integer id and its
 * fingerprints (`stampEdit`, `stampReplica`). No I/O.
 */
import type { Clock, Edit, Replica, SiteId, Version } from './contract.ts';
import { type DatabaseName, NUMBERED } from './documents.ts';
import { bucketOf, canonicalJson, type Fingerprints, fingerprints } from './envelope.ts';
import { storeError } from './errors.ts';
import { integerId } from './ids.ts';
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

/** What an engine stamps with: one for each open store. */
export interface Stamper {
  readonly site: SiteId;
  readonly versions: VersionClock;
  readonly clock: Clock;
}

/** Throws BATCH_INVALID, naming the id. */
export function prepareEdits(database: DatabaseName, edits: readonly Edit<unknown>[]): PreparedEdit[] {
  checkIds(edits);
  const numbered = NUMBERED.has(database);
  return edits.map(({ id, content, ifVer, above }) => {
    if (above !== undefined && !VERSION.test(above))
      throw invalid(id, `the version to be above is malformed: ${JSON.stringify(above)}`);
    if (content === null) return { id, ifVer, above, content, head: 'null', tail: null };
    checkContent(id, content);
    const wants = numbered && (content as { num?: unknown }).num === 0;
    let whole = content;
    let { head, tail } = serialize(id, content, wants);
    if (hasLoneSurrogate(head) || (tail !== null && hasLoneSurrogate(tail))) {
      whole = wellFormed(content) as object;
      ({ head, tail } = serialize(id, whole, wants));
    }
    return { id, ifVer, above, content: whole, head, tail };
  });
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
  if (there) stamper.versions.observe(there.ver);
  if (edit.above) stamper.versions.observe(edit.above);
  const ver = stamper.versions.next();
  const now = stamper.clock();
  const vv = there ? vectorAfter(there, stamper.site, ver) : null;
  const del = edit.content === null;
  let { content, head: body } = edit;
  if (edit.tail !== null) {
    const num = there && there.num > 0 ? there.num : numberOf(ver, stamper.site, slot);
    content = { ...content, num };
    body = edit.head + num + edit.tail;
  }
  const prints = fingerprints(edit.id, body, ver, del);
  return { id: edit.id, ver, org: stamper.site, vv, del, delAt: del ? now : null, content, body, ...prints };
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
