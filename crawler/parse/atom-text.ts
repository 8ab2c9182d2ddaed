import { isUtf8 } from 'node:buffer';
import type { Reading } from './reading.ts';
import { characters, hasTags, htmlOf, line, markupOf, markupTitle, plainTitle, textAsHtml } from './text.ts';
import { innerBase } from './url.ts';
import { type Attributes, attributesOf, rawOf, type XmlNode } from './xml.ts';

/** An Atom text or content construct (RFC 4287 sections 3.1 and 4.1.3; Atom 0.3 section 3.1 with `mode`). */
export interface Construct {
  readonly kind: 'text' | 'html' | 'xhtml';
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
      const value = decoded(characters(raw, reading.own));
      return { kind: isHtmlType(attributes.type) || hasTags(value) ? 'html' : 'text', value, base: inner };
    }
    case 'xhtml':
      return {
        kind: 'xhtml',
        value: withoutDiv(plainTags(markupOf(raw, reading.own)).trim()),
        base: divBase(raw, inner),
      };
  }
}

/** Base64 (RFC 4287 section 4.1.3.3) where it is that, else the text as it stands. */
function decoded(text: string): string {
  const packed = text.replace(/\s+/g, '');
  const bytes = packed.length % 4 === 0 && /^[\w+/-]+={0,2}$/.test(packed) ? Buffer.from(packed, 'base64') : null;
  if (bytes === null || !isUtf8(bytes)) return text.trim();
  return bytes.toString('utf8').replaceAll('\0', '').trim();
}

/** As one line of plain text. */
export function constructTitle(construct: Construct, charsMax: number): string {
  if (construct.kind === 'text') return line(construct.value, charsMax);
  return construct.kind === 'html' ? plainTitle(construct.value, charsMax) : markupTitle(construct.value, charsMax);
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
  if (!type.includes('/') || /json|xml/.test(type)) return 'text';
  return /^(?:image|audio|video)\//.test(type) ? 'none' : 'base64';
}

function isHtmlType(type: string | undefined): boolean {
  return type === 'html' || (type ?? '').trim().toLowerCase().startsWith('text/html');
}

/** `<xhtml:p>` -> `<p>`. */
function plainTags(markup: string): string {
  if (!/<\/?[a-z][\w-]*:/i.test(markup)) return markup;
  return markup.replace(/<(\/?)[a-z][\w-]*:(?=[a-z])/gi, '<$1');
}

/** The `div` around an xhtml construct is not part of it (RFC 4287 section 3.1.1.3). */
function withoutDiv(markup: string): string {
  const start = /^<div(?:\s[^<>]*)?>/.exec(markup);
  if (start === null || !markup.endsWith('</div>')) return markup;
  let depth = 0;
  for (const tag of markup.matchAll(/<(\/?)div(?=[\s/>])/g)) {
    depth += tag[1] === '/' ? -1 : 1;
    if (depth === 0 && tag.index < markup.length - 6) return markup;
  }
  return depth === 0 ? markup.slice(start[0].length, -6).trim() : markup;
}

/** The `div` around an xhtml construct may have an `xml:base` of its own. */
function divBase(raw: string, base: string | null): string | null {
  const found = /^\s*<(?:[\w-]+:)?div\s[^>]*?\bxml:base\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(raw);
  return found === null ? base : innerBase(found[1] ?? found[2], base);
}
