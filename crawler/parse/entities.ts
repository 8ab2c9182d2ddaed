import { decodeHTMLStrict, replaceCodePoint } from 'entities/decode';
import { OWN_EXPANSION_CHARS_MAX } from './limits.ts';

/** Entities that a document's own DOCTYPE declares. Their values are never expanded further: no bomb can be built. */
export class OwnEntities {
  readonly #values: ReadonlyMap<string, string>;
  #budget = OWN_EXPANSION_CHARS_MAX;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** The value, or undefined where there is none or the document has used its share up. */
  expand(name: string): string | undefined {
    const value = this.#values.get(name);
    if (value === undefined || value.length > this.#budget) return undefined;
    this.#budget -= value.length;
    return value;
  }
}

const NAME_CHARS_MAX = 32;

/**
 * Replaces XML's and HTML's character references, which must end in `;`, and those of the document itself. What is no
 * reference stays as it is: an unescaped `&` is an ampersand.
 */
export function decodeEntities(text: string, own: OwnEntities | null = null): string {
  let at = text.indexOf('&');
  if (at === -1) return text;
  let out = '';
  let from = 0;
  while (at !== -1) {
    const end = referenceEnd(text, at + 1);
    let next = at + 1;
    if (end !== -1) {
      const value = resolve(text, at + 1, end, own);
      if (value !== undefined) {
        out += text.slice(from, at) + value;
        next = end + 1;
        from = next;
      }
    }
    at = text.indexOf('&', next);
  }
  return from === 0 ? text : out + text.slice(from);
}

/** Where the `;` of a reference stands whose name begins at `start`; -1: this is none. */
function referenceEnd(text: string, start: number): number {
  const last = Math.min(text.length, start + NAME_CHARS_MAX);
  for (let i = start; i < last; i += 1) {
    const c = text.charCodeAt(i);
    if (c === 59) return i === start ? -1 : i;
    const isName = (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c === 35;
    if (!isName && c !== 95 && c !== 45 && c !== 46) return -1;
  }
  return -1;
}

function resolve(text: string, start: number, end: number, own: OwnEntities | null): string | undefined {
  if (text.charCodeAt(start) === 35) return numeric(text.slice(start + 1, end));
  const name = text.slice(start, end);
  switch (name) {
    case 'lt':
      return '<';
    case 'gt':
      return '>';
    case 'amp':
      return '&';
    case 'quot':
      return '"';
    case 'apos':
      return "'";
    case 'nbsp':
      return '\u00a0';
  }
  const value = own?.expand(name);
  if (value !== undefined) return value;
  const whole = `&${name};`;
  const decoded = decodeHTMLStrict(whole);
  return decoded === whole ? undefined : decoded;
}

/** HTML's rules: 0x80-0x9f mean windows-1252, surrogates and what lies beyond Unicode become U+FFFD. */
function numeric(digits: string): string | undefined {
  const hex = /^[xX]([0-9a-fA-F]{1,8})$/.exec(digits);
  const code = hex !== null ? Number.parseInt(hex[1] ?? '', 16) : /^\d{1,10}$/.test(digits) ? Number(digits) : -1;
  if (code < 0) return undefined;
  if (code < 32 && code !== 9 && code !== 10 && code !== 13) return code === 0 ? '\ufffd' : '';
  if (code === 0xfffe || code === 0xffff) return '';
  return String.fromCodePoint(replaceCodePoint(code));
}

/** For text that becomes HTML. */
export function escapeHtml(text: string): string {
  if (!/[&<>"]/.test(text)) return text;
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
