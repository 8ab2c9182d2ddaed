import type { Reading } from './reading.ts';
import { characters, hasTags, htmlOf, line, markupOf, plainTitle, textAsHtml } from './text.ts';
import { innerBase } from './url.ts';
import { type Attributes, attributesOf, rawOf, type XmlNode } from './xml.ts';

/** An Atom text or content construct (RFC 4287 sections 3.1 and 4.1.3; Atom 0.3 section 3.1 with `mode`). */
export interface Construct {
  readonly kind: 'text' | 'html';
  readonly value: string;
  /** What is relative in it resolves against this. */
  readonly base: string | null;
}

export function readConstruct(node: XmlNode, name: string, reading: Reading, base: string | null): Construct {
  const attributes = attributesOf(node);
  const raw = rawOf(node, name);
  const inner = innerBase(attributes['xml:base'], base);
  const kind = kindOf(attributes, raw);
  switch (kind) {
    case 'none':
      return { kind: 'text', value: '', base: inner };
    case 'text':
      return { kind: 'text', value: characters(raw, reading.own).trim(), base: inner };
    case 'html':
      return { kind: 'html', value: htmlOf(raw, reading.own).trim(), base: inner };
    case 'base64': {
      const value = Buffer.from(characters(raw, null), 'base64')
        .toString('utf8')
        .toWellFormed()
        .replaceAll('\0', '')
        .trim();
      return { kind: isHtmlType(attributes.type) ? 'html' : 'text', value, base: inner };
    }
    case 'xhtml':
      return { kind: 'html', value: plainTags(markupOf(raw, reading.own)).trim(), base: divBase(raw, inner) };
  }
}

/** As one line of plain text. */
export function constructTitle(construct: Construct, charsMax: number): string {
  return construct.kind === 'text' ? line(construct.value, charsMax) : plainTitle(construct.value, charsMax);
}

export function constructHtml(construct: Construct): string {
  return construct.kind === 'text' ? textAsHtml(construct.value) : construct.value;
}

function kindOf(attributes: Attributes, raw: string): 'text' | 'html' | 'xhtml' | 'base64' | 'none' {
  const type = (attributes.type ?? '').trim().toLowerCase();
  const mode = (attributes.mode ?? '').trim().toLowerCase();
  if (mode === 'base64') return 'base64';
  if (type === 'xhtml' || type.startsWith('application/xhtml')) return mode === 'escaped' ? 'html' : 'xhtml';
  if (isHtmlType(type)) return 'html';
  if (type === '' || type === 'text' || type.startsWith('text/')) return hasTags(raw) ? 'xhtml' : 'text';
  if (/[+/]xml$/.test(type)) return 'none';
  return type.includes('/') ? 'none' : 'text';
}

function isHtmlType(type: string | undefined): boolean {
  return type === 'html' || (type ?? '').trim().toLowerCase().startsWith('text/html');
}

/** `<xhtml:p>` -> `<p>`. */
function plainTags(markup: string): string {
  if (!/<\/?[a-z][\w-]*:/i.test(markup)) return markup;
  return markup.replace(/<(\/?)[a-z][\w-]*:(?=[a-z])/gi, '<$1');
}

/** The `div` around an xhtml construct may have an `xml:base` of its own. */
function divBase(raw: string, base: string | null): string | null {
  const found = /^\s*<(?:[\w-]+:)?div\s[^>]*?\bxml:base\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(raw);
  return found === null ? base : innerBase(found[1] ?? found[2], base);
}
