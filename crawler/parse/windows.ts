/**
 * A large document in pieces: each a small document of its own, with the head of the large one, a stretch of its entries, and what
 * closes it. Read one after the other they need the memory of one. Nothing is parsed here: only the places are found where one
 * entry ends and the next begins.
 */
import type { ByteSource } from './byte-source.ts';
import { jsonLayout } from './json-layout.ts';
import { ENTRIES_MAX, ENTRY_BYTES_MAX, HEAD_BYTES_MAX, WINDOW_BYTES } from './limits.ts';

/** From, to: bytes of the large document. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

export interface Layout {
  readonly head: Buffer;
  /** What closes a piece; the last one of a document in XML closes itself. */
  readonly tail: Buffer;
  /** Without entries past ENTRIES_MAX, and those longer than ENTRY_BYTES_MAX. */
  readonly stretches: readonly Stretch[];
}

/**
 * Null: no entry begins where one should, or they can't be told by its bytes (UTF-16 and the like). Throws PARSE_TOO_DEEP, PARSE_TOO_LARGE and
 * PARSE_MALFORMED for JSON.
 */
export function layoutOf(body: ByteSource, contentType: string | null, windowBytes = WINDOW_BYTES): Layout | null {
  const head = body.slice(0, HEAD_BYTES_MAX);
  if (isWide(head, contentType)) return null;
  const at = firstCharacter(head);
  return head[at] === OPEN_BRACE ? jsonLayout(body, at, windowBytes) : xmlLayout(body, windowBytes);
}

/** Makes the small documents, all in one piece of memory: each is there until the next. */
export class PieceMaker {
  readonly #body: ByteSource;
  readonly #layout: Layout;
  #memory = Buffer.alloc(0);

  constructor(body: ByteSource, layout: Layout) {
    this.#body = body;
    this.#layout = layout;
  }

  /** One at least: what stands around the entries says something too. */
  get count(): number {
    return Math.max(1, this.#layout.stretches.length);
  }

  make(index: number): Buffer {
    const { head, tail, stretches } = this.#layout;
    const { from, to } = stretches[index] ?? { from: 0, to: 0 };
    const parts = [head, this.#body.slice(from, to), to === this.#body.length ? NOTHING : tail];
    const bytes = parts.reduce((sum, { length }) => sum + length, 0);
    if (bytes > this.#memory.length) this.#memory = Buffer.alloc(bytes + SPARE_BYTES);
    let at = 0;
    for (const part of parts) at += part.copy(this.#memory, at);
    return this.#memory.subarray(0, bytes);
  }
}

const SPARE_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);
const OPEN_BRACE = 0x7b;
const BLANKS: ReadonlySet<number | undefined> = new Set([0xef, 0xbb, 0xbf, 0x20, 0x09, 0x0a, 0x0d]);

/** More than a byte for `<`, or bytes of ASCII that mean something else. */
function isWide(bytes: Buffer, contentType: string | null): boolean {
  const start = bytes.subarray(0, 1_024);
  const isShifting = SHIFTING.test(`${contentType} ${start.toString('latin1')}`);
  return isShifting || start.includes(0) || start[0] === 0xff || start[0] === 0xfe;
}

const SHIFTING = /iso-?2022|hz-gb|utf-?7/i;

function firstCharacter(bytes: Buffer): number {
  let at = 0;
  while (at < bytes.length && BLANKS.has(bytes[at])) at += 1;
  return at;
}

/** An aside, or the tag of an element that counts: its slash, its name as written, and that without prefix. */
const TAG = /<!--|<!\[CDATA\[|<\?|<(\/?)((?:[\w.-]{1,40}:)?(item|entry|rss|rdf|feed|channel))(?=[\s/>])/gi;
const ASIDE_ENDS: ReadonlyMap<string, string> = new Map([
  ['<![CDATA[', ']]>'],
  ['<!--', '-->'],
  ['<?', '?>'],
]);

function xmlLayout(bytes: ByteSource, windowBytes: number): Layout | null {
  const start = firstEntry(bytes);
  if (start === null) return null;
  const { at, raw, open } = start;
  const stretches: Stretch[] = [];
  const starts = new EntryStarts(bytes, `<${raw}`);
  let entries = 0;
  for (let from = at, entry = at; ; ) {
    const next = starts.after(entry);
    entries += 1;
    const end = next === -1 ? bytes.length : next;
    const isOverlong = end - entry > ENTRY_BYTES_MAX;
    if (isOverlong || end - from >= windowBytes || next === -1 || entries >= ENTRIES_MAX) {
      const to = isOverlong ? entry : end;
      if (to > from) stretches.push({ from, to });
      from = end;
    }
    if (next === -1 || entries >= ENTRIES_MAX) return { ...layout(bytes, at, open), stretches };
    entry = next;
  }
}

function layout(bytes: ByteSource, at: number, open: readonly string[]): Pick<Layout, 'head' | 'tail'> {
  const tail = open.toReversed().map((name) => `</${name}>`);
  return { head: Buffer.from(bytes.slice(0, at)), tail: Buffer.from(tail.join(''), 'latin1') };
}

/** Where the first entry begins, its name as it is written, and what is open there. */
function firstEntry(bytes: ByteSource): { at: number; raw: string; open: string[] } | null {
  const head = bytes.slice(0, HEAD_BYTES_MAX).toString('latin1');
  const open: string[] = [];
  const tag = new RegExp(TAG);
  for (let found = tag.exec(head); found !== null; found = tag.exec(head)) {
    const { 0: mark, 1: slash, 2: raw = '', 3: local = '' } = found;
    const asideEnd = ASIDE_ENDS.get(mark.toUpperCase());
    if (asideEnd !== undefined) {
      const end = head.indexOf(asideEnd, tag.lastIndex);
      if (end === -1) return null;
      tag.lastIndex = end + asideEnd.length;
    } else if (slash === '/') {
      const depth = open.lastIndexOf(raw);
      if (depth !== -1) open.length = depth;
    } else if (/item|entry/i.test(local)) return open.length === 0 ? null : { at: found.index, raw, open };
    else if (open.length < OPEN_MAX) open.push(raw);
    else return null;
  }
  return null;
}

/** `rdf:RDF` or `rss`, and `channel`. */
const OPEN_MAX = 4;

/** The start tags of entries, those in comments and sections not counted. Nothing is looked for twice. */
class EntryStarts {
  readonly #bytes: ByteSource;
  readonly #tag: string;
  readonly #found = new Map<string, number>();

  constructor(bytes: ByteSource, tag: string) {
    this.#bytes = bytes;
    this.#tag = tag;
  }

  /** The next one that begins after `at`; -1: there is none. */
  after(at: number): number {
    for (let from = at + 1; ; ) {
      const tag = this.#next(this.#tag, from);
      if (tag === -1) return -1;
      const aside = ASIDES.map(([start, end]) => ({ start: this.#next(start, from), end }))
        .filter(({ start }) => start !== -1 && start < tag)
        .sort((a, b) => a.start - b.start)[0];
      if (aside !== undefined) {
        const end = this.#next(aside.end, aside.start);
        if (end === -1) return -1;
        from = end + aside.end.length;
      } else {
        const end = tag + this.#tag.length;
        if (ENDS_NAME.has(this.#bytes.slice(end, end + 1)[0])) return tag;
        from = tag + 1;
      }
    }
  }

  #next(mark: string, from: number): number {
    const known = this.#found.get(mark);
    if (known !== undefined && (known === -1 || known >= from)) return known;
    const at = this.#bytes.indexOf(mark, from);
    this.#found.set(mark, at);
    return at;
  }
}

/** As above; what looks like an instruction in a text is none. */
const ASIDES = [...ASIDE_ENDS].slice(0, 2);
const ENDS_NAME: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d, 0x2f, 0x3e]);
