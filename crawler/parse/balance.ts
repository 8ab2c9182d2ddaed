import { parseError } from './errors.ts';
import { DEPTH_MAX } from './limits.ts';
import type { Warnings } from './warnings.ts';
import { TEXT_ELEMENTS } from './xml.ts';

/**
 * The slow way for documents whose markup is broken: reads them tag by tag and writes what an XML parser accepts, with
 * every element closed, stray `<` escaped, and an entry that the document's end cuts off left out.
 */

interface Open {
  /** As written in the document, and as we know it. */
  readonly raw: string;
  readonly name: string;
  /** How much of the output came before it. */
  readonly parts: number;
}

const CDATA = '<![CDATA[';
/** Where a text that is not closed must end at the latest. */
const BOUNDARIES: ReadonlySet<string> = new Set(['item', 'entry', 'channel', 'feed', 'rss', 'rdf:rdf']);
/** Where it ends rather than swallow another field; in a body only at elements that HTML does not have. */
const FIELDS: ReadonlySet<string> = new Set([...TEXT_ELEMENTS, 'enclosure', 'source', 'author']);
const HTML_FIELDS: ReadonlySet<string> = new Set(['title', 'body', 'summary', 'link']);
const BODIES = /^(?:description|content|summary|encoded|body|(?:content|xhtml|media|atom|dc):\w+|itunes:summary)$/;

/** Throws PARSE_TRUNCATED where the document ends before its first whole entry, and PARSE_TOO_DEEP. */
export function balance(xml: string, canonical: (raw: string) => string, warnings: Warnings): string {
  const balancer = new Balancer(xml, canonical);
  const mended = balancer.run();
  if (balancer.cut) warnings.add('PARSE_CUT', 'the document ends early; whole entries were kept');
  if (balancer.mends > 0) warnings.add('PARSE_MENDED', `${balancer.mends} faults in the markup were mended`);
  return mended;
}

class Balancer {
  cut = false;
  mends = 0;
  readonly #xml: string;
  readonly #canonical: (raw: string) => string;
  readonly #parts: string[] = [];
  readonly #open: Open[] = [];
  #entries = 0;
  #at = 0;

  constructor(xml: string, canonical: (raw: string) => string) {
    this.#xml = xml;
    this.#canonical = canonical;
  }

  run(): string {
    const xml = this.#xml;
    while (this.#at < xml.length) {
      const lt = xml.indexOf('<', this.#at);
      if (lt === -1) break;
      if (lt > this.#at) this.#parts.push(xml.slice(this.#at, lt));
      this.#at = lt;
      if (this.#step()) continue;
      this.cut = true;
      break;
    }
    this.#end();
    return this.#parts.join('');
  }

  /** Takes what starts at the `<` at hand; false: the document ends in the middle of it. */
  #step(): boolean {
    const xml = this.#xml;
    if (xml.startsWith('<!--', this.#at)) return this.#skip('-->');
    if (xml.startsWith('<?', this.#at)) return this.#skip('?>');
    if (xml.startsWith(CDATA, this.#at)) return this.#cdata();
    if (xml.startsWith('<!', this.#at)) return this.#skip('>');
    if (xml.startsWith('</', this.#at)) return this.#close();
    if (tagName(xml, this.#at + 1) !== '') return this.#openTag();
    this.#parts.push('&lt;');
    this.mends += 1;
    this.#at += 1;
    return true;
  }

  #skip(end: string): boolean {
    const index = this.#xml.indexOf(end, this.#at);
    if (index === -1) return false;
    this.#at = index + end.length;
    return true;
  }

  #cdata(): boolean {
    const end = this.#xml.indexOf(']]>', this.#at);
    if (end === -1) return false;
    this.#parts.push(this.#xml.slice(this.#at, end + 3));
    this.#at = end + 3;
    return true;
  }

  #close(): boolean {
    const end = this.#xml.indexOf('>', this.#at);
    if (end === -1) return false;
    const name = this.#canonical(tagName(this.#xml, this.#at + 2));
    const depth = this.#open.findLastIndex((open) => open.name === name);
    this.#at = end + 1;
    if (depth === -1) {
      this.mends += 1;
      return true;
    }
    this.mends += this.#open.length - 1 - depth;
    while (this.#open.length > depth) this.#closeLast();
    return true;
  }

  #closeLast(): void {
    const last = this.#open.pop();
    if (last === undefined) return;
    this.#parts.push(`</${last.raw}>`);
    if (isEntry(last.name)) this.#entries += 1;
  }

  #openTag(): boolean {
    const xml = this.#xml;
    const raw = tagName(xml, this.#at + 1);
    const name = this.#canonical(raw);
    const end = tagEnd(xml, this.#at);
    if (end === -1) return false;
    if (isEntry(name)) this.#closeOpenEntry();
    const written = xml.slice(this.#at, end);
    const tag = quotesBalanced(written) ? written : rebuilt(raw, written);
    if (tag !== written) this.mends += 1;
    const start = this.#parts.length;
    this.#parts.push(tag);
    this.#at = end;
    if (tag.endsWith('/>')) return true;
    if (this.#open.length >= DEPTH_MAX) {
      throw parseError('PARSE_TOO_DEEP', `Elements are nested more than ${DEPTH_MAX} deep.`);
    }
    this.#open.push({ raw, name, parts: start });
    return TEXT_ELEMENTS.has(name) ? this.#text(name) : true;
  }

  /** An entry does not start inside another one: that one lacks its end. */
  #closeOpenEntry(): void {
    const depth = this.#open.findIndex((open) => isEntry(open.name));
    if (depth === -1) return;
    this.mends += this.#open.length - depth;
    while (this.#open.length > depth) this.#closeLast();
  }

  /** What is in a text element, to its end tag or to where that should have been. */
  #text(name: string): boolean {
    const found = textEnd(this.#xml, this.#at, name, this.#canonical);
    const text = this.#xml.slice(this.#at, found.end);
    if (!found.closed && found.next >= this.#xml.length) {
      this.#at = this.#xml.length;
      return false;
    }
    const safe = harmless(text, name, this.#canonical);
    if (safe !== text || !found.closed) this.mends += 1;
    this.#parts.push(safe);
    this.#closeLast();
    this.#at = found.next;
    return true;
  }

  #end(): void {
    if (this.#open.length === 0 && !this.cut) return;
    const entry = this.#open.find((open) => isEntry(open.name));
    if (this.#entries === 0 && (this.cut || entry !== undefined || this.#open.length > 1)) {
      throw parseError('PARSE_TRUNCATED', 'The document ends before its first whole entry.');
    }
    const last = this.#open.at(-1);
    const from = entry ?? (last !== undefined && TEXT_ELEMENTS.has(last.name) ? last : undefined);
    if (from !== undefined) {
      this.#parts.length = from.parts;
      this.#open.length = this.#open.indexOf(from);
    }
    this.cut = true;
    while (this.#open.length > 0) this.#closeLast();
  }
}

function quotesBalanced(tag: string): boolean {
  return /^[^"']*(?:"[^"]*"[^"']*|'[^']*'[^"']*)*$/.test(tag);
}

/** The tag with those of its attributes that can be told. */
function rebuilt(raw: string, tag: string): string {
  const attributes = tag.match(/\s[^\s=<>"'/]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*')/g) ?? [];
  return `<${raw}${attributes.join('')}${tag.endsWith('/>') ? '/>' : '>'}`;
}

function isEntry(name: string): boolean {
  return name === 'item' || name === 'entry';
}

const NAME = /[\p{L}_][^\s/<>"'=]{0,100}/uy;

function tagName(xml: string, at: number): string {
  NAME.lastIndex = at;
  return NAME.exec(xml)?.[0] ?? '';
}

/** Past the `>` of the tag at `at`, minding quotes where they are balanced; -1: there is none. */
function tagEnd(xml: string, at: number): number {
  const plain = xml.indexOf('>', at);
  if (plain === -1) return -1;
  for (let i = at; i < xml.length; i += 1) {
    const c = xml[i];
    if (c === '>') return i + 1;
    if (c === '"' || c === "'") {
      const close = xml.indexOf(c, i + 1);
      if (close === -1 || xml.slice(i + 1, close).includes('<')) return plain + 1;
      i = close;
    }
  }
  return plain + 1;
}

interface TextEnd {
  /** Where the text ends, and where reading goes on. */
  readonly end: number;
  readonly next: number;
  /** By its own end tag. */
  readonly closed: boolean;
}

function textEnd(xml: string, from: number, name: string, canonical: (raw: string) => string): TextEnd {
  let early: TextEnd | null = null;
  const isBody = BODIES.test(name);
  let at = xml.indexOf('<', from);
  while (at !== -1) {
    let next = at + 1;
    if (xml.startsWith('<!--', at)) next = past(xml, at, '-->');
    else if (xml.startsWith(CDATA, at)) {
      const end = past(xml, at, ']]>');
      // A section that is not closed ends with its element.
      const own = xml.indexOf(`</`, at);
      next = end !== -1 ? end : own === -1 ? -1 : own;
    } else {
      const closing = xml[at + 1] === '/';
      const found = canonical(tagName(xml, closing ? at + 2 : at + 1) || '?');
      const end = past(xml, at, '>');
      if (closing && found === name) return { end: at, next: end === -1 ? xml.length : end, closed: true };
      if (BOUNDARIES.has(found)) return early ?? { end: at, next: at, closed: false };
      if (closing && TEXT_ELEMENTS.has(found))
        early ??= { end: at, next: end === -1 ? xml.length : end, closed: false };
      else if (!closing && FIELDS.has(found) && !(isBody && HTML_FIELDS.has(found)))
        early ??= { end: at, next: at, closed: false };
    }
    if (next === -1) break;
    at = xml.indexOf('<', next);
  }
  return early ?? { end: xml.length, next: xml.length, closed: false };
}

function past(xml: string, at: number, end: string): number {
  const index = xml.indexOf(end, at);
  return index === -1 ? -1 : index + end.length;
}

/** Escapes what would mislead the XML parser inside a text: stray `<`, tags without end, the element's own start tag. */
function harmless(text: string, name: string, canonical: (raw: string) => string): string {
  let out = '';
  let from = 0;
  let at = text.indexOf('<');
  while (at !== -1) {
    const end = harmlessEnd(text, at, name, canonical);
    if (end === -1) {
      const cdata = text.startsWith(CDATA, at);
      out += text.slice(from, at);
      if (!cdata) out += '&lt;';
      from = at + (cdata ? CDATA.length : 1);
      if (cdata) return `${out}${CDATA}${text.slice(from).replaceAll(']]>', '')}]]>`;
    }
    at = text.indexOf('<', end === -1 ? from : end);
  }
  return from === 0 ? text : out + text.slice(from);
}

/** Past the markup at `at`; -1: it is none that the parser would take well. */
function harmlessEnd(text: string, at: number, name: string, canonical: (raw: string) => string): number {
  if (text.startsWith('<!--', at)) return past(text, at, '-->');
  if (text.startsWith(CDATA, at)) return past(text, at, ']]>');
  if (text.startsWith('<?', at)) return past(text, at, '?>');
  if (text.startsWith('</', at)) return past(text, at, '>');
  const raw = tagName(text, at + 1);
  if (raw === '' || canonical(raw) === name) return -1;
  return past(text, at, '>') === -1 ? -1 : tagEnd(text, at);
}
