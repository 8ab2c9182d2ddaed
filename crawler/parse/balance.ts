import { parseError } from './errors.ts';
import { DEPTH_MAX, ENTRIES_MAX, TAG_CHARS_MAX } from './limits.ts';
import { harmless, LooseTexts } from './loose-text.ts';
import { CDATA, Markup, quotesBalanced, tagName } from './markup.ts';
import type { Warnings } from './warnings.ts';
import { TEXT_ELEMENTS } from './xml.ts';

/**
 * The slow way for documents whose markup is broken: reads them tag by tag and writes what an XML parser accepts, with
 * every element closed, stray `<` escaped, and an entry that the document's end cuts off left out.
 * Throws PARSE_TRUNCATED where the document ends before its first whole entry, and PARSE_TOO_DEEP.
 */
export function balance(xml: string, canonical: (raw: string) => string, warnings: Warnings): string {
  const balancer = new Balancer(xml, canonical);
  const mended = balancer.run();
  if (balancer.cut) warnings.add('PARSE_CUT', 'the document ends early; whole entries were kept');
  if (balancer.full)
    warnings.add('PARSE_ENTRIES_LEFT_OUT', `what follows the first ${ENTRIES_MAX} entries was left out`);
  if (balancer.mends > 0) warnings.add('PARSE_MENDED', `${balancer.mends} faults in the markup were mended`);
  return mended;
}

interface Open {
  /** As written in the document, and as we know it. */
  readonly raw: string;
  readonly name: string;
  /** How much of the output came before it. */
  readonly parts: number;
}

class Balancer {
  cut = false;
  /** It has as many entries as are kept, and the document goes on. */
  full = false;
  mends = 0;
  readonly #xml: string;
  readonly #markup: Markup;
  readonly #texts: LooseTexts;
  readonly #canonical: (raw: string) => string;
  readonly #parts: string[] = [];
  readonly #open: Open[] = [];
  #entries = 0;
  #at = 0;

  constructor(xml: string, canonical: (raw: string) => string) {
    this.#xml = xml;
    this.#markup = new Markup(xml);
    this.#texts = new LooseTexts(this.#markup, canonical);
    this.#canonical = canonical;
  }

  run(): string {
    const xml = this.#xml;
    while (this.#at < xml.length && this.#entries < ENTRIES_MAX) {
      const lt = xml.indexOf('<', this.#at);
      if (lt === -1) break;
      if (lt > this.#at) this.#parts.push(xml.slice(this.#at, lt));
      this.#at = lt;
      if (this.#step()) continue;
      this.cut = true;
      break;
    }
    this.full = this.#entries >= ENTRIES_MAX && xml.indexOf('<', this.#at) !== -1;
    if (!this.full) this.#end();
    while (this.#open.length > 0) this.#closeLast();
    return this.#parts.join('');
  }

  /** Takes what starts at the `<` at hand; false: the document ends in the middle of it. */
  #step(): boolean {
    const next = this.#xml[this.#at + 1];
    if (next === '!' || next === '?') return this.#aside();
    if (next === '/') return this.#close();
    if (tagName(this.#xml, this.#at + 1) !== '') return this.#openTag();
    this.#parts.push('&lt;');
    this.mends += 1;
    this.#at += 1;
    return true;
  }

  /** Comments, instructions and DOCTYPEs are left out, sections kept. */
  #aside(): boolean {
    const end = this.#markup.pieceEnd(this.#at);
    if (end === -1) return false;
    if (this.#xml.startsWith(CDATA, this.#at)) this.#parts.push(this.#xml.slice(this.#at, end));
    this.#at = end;
    return true;
  }

  #close(): boolean {
    const end = this.#markup.past(this.#at, '>');
    if (end === -1) return false;
    const name = this.#canonical(tagName(this.#xml, this.#at + 2));
    const depth = this.#open.findLastIndex((open) => open.name === name);
    this.#at = end;
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
    const raw = tagName(this.#xml, this.#at + 1);
    const name = this.#canonical(raw);
    const end = this.#markup.tagEnd(this.#at);
    if (end === -1) return false;
    if (isEntry(name)) this.#closeOpenEntry();
    const written = this.#xml.slice(this.#at, end);
    const tag = written.length <= TAG_CHARS_MAX && quotesBalanced(written) ? written : rebuilt(raw, written);
    if (tag !== written) this.mends += 1;
    const parts = this.#parts.length;
    this.#parts.push(tag);
    this.#at = end;
    if (tag.endsWith('/>')) return true;
    if (this.#open.length >= DEPTH_MAX) {
      throw parseError('PARSE_TOO_DEEP', `Elements are nested more than ${DEPTH_MAX} deep.`);
    }
    this.#open.push({ raw, name, parts });
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
    const found = this.#texts.end(this.#at, name);
    const text = this.#xml.slice(this.#at, found.end);
    this.#at = found.next;
    if (!found.closed && found.next >= this.#xml.length) return false;
    const safe = harmless(text, name, this.#canonical);
    if (safe !== text || !found.closed) this.mends += 1;
    this.#parts.push(safe);
    this.#closeLast();
    return true;
  }

  /** Drops an entry that is not whole and a text that is cut, and closes the rest. */
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

function isEntry(name: string): boolean {
  return name === 'item' || name === 'entry';
}

/** The tag with those of its attributes that can be told, while they fit. */
function rebuilt(raw: string, tag: string): string {
  const attributes = tag.slice(0, TAG_CHARS_MAX).match(/\s[^\s=<>"'/]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*')/g) ?? [];
  return `<${raw}${attributes.join('')}${tag.endsWith('/>') ? '/>' : '>'}`;
}
