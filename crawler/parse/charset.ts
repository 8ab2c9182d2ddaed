import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';
import { parseError } from './errors.ts';
import type { Warnings } from './warnings.ts';

/** The XML declaration is looked for in so many bytes. */
const DECLARATION_BYTES_MAX = 1024;
/** Encodings that use ASCII bytes for other letters: only a declaration can tell them. */
const SEVEN_BIT = /^(?:iso-2022-|hz|utf-?7|csiso2022)/i;
/** What servers say who know nothing about the document. */
const SERVER_DEFAULT = /^(?:iso-?8859-?1|latin-?1|us-ascii|ascii)$/i;

/**
 * Bytes to text. In this order: byte order mark; UTF-16 by its zero bytes; UTF-8 wherever the bytes are valid UTF-8,
 * whatever is declared; the charset of `Content-Type` (RFC 7303 section 3.2), unless it is a mere server default that
 * the document contradicts; the XML declaration; windows-1252. Throws PARSE_ENCODING.
 */
export function decodeBody(body: Uint8Array, contentType: string | undefined, warnings: Warnings): string {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const mark = byteOrderMark(bytes);
  if (mark !== null) return decode(bytes.subarray(mark.length), mark.label);
  const declared = declaredCharset(bytes);
  const header = headerCharset(contentType);
  const label = header !== null && !(declared !== null && SERVER_DEFAULT.test(header)) ? header : (declared ?? header);
  if (label !== null && SEVEN_BIT.test(label)) return decodeAs(bytes, label, warnings);
  if (isAscii(bytes)) return bytes.toString('latin1');
  if (isUtf8(bytes)) {
    if (label !== null && !isUtf8Label(label)) {
      warnings.add('PARSE_CHARSET', `${label} is declared, but the bytes are UTF-8`);
    }
    return bytes.toString('utf8');
  }
  if (label === null || isUtf8Label(label)) return brokenUtf8(bytes, label, warnings);
  return decodeAs(bytes, label, warnings);
}

/** JSON is UTF-8 (RFC 8259 section 8.1); a byte order mark is tolerated. */
export function decodeJson(body: Uint8Array, warnings: Warnings): string {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const mark = byteOrderMark(bytes);
  if (mark !== null) return decode(bytes.subarray(mark.length), mark.label);
  if (!isUtf8(bytes)) return brokenUtf8(bytes, null, warnings);
  return bytes.toString('utf8');
}

function byteOrderMark(bytes: Buffer): { label: string; length: number } | null {
  const [a, b, c, d] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return { label: 'utf-8', length: 3 };
  if (a === 0xff && b === 0xfe) {
    return c === 0 && d === 0 ? { label: 'utf-32le', length: 4 } : { label: 'utf-16le', length: 2 };
  }
  if (a === 0xfe && b === 0xff) return { label: 'utf-16be', length: 2 };
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return { label: 'utf-32be', length: 4 };
  if (a === 0x3c && b === 0 && c !== 0) return { label: 'utf-16le', length: 0 };
  if (a === 0 && b === 0x3c && c === 0) return { label: 'utf-16be', length: 0 };
  return null;
}

function declaredCharset(bytes: Buffer): string | null {
  const head = bytes.toString('latin1', 0, Math.min(bytes.length, DECLARATION_BYTES_MAX));
  const found = /<\?xml[^>]{0,200}?\sencoding\s*=\s*["']\s*([\w.:-]{1,40})/i.exec(head);
  const label = found?.[1] ?? null;
  // A document whose declaration can be read as ASCII is no UTF-16, whatever it says.
  return label !== null && /^(?:utf-?16|utf-?32|ucs-?[24])/i.test(label) ? 'utf-8' : label;
}

function headerCharset(contentType: string | undefined): string | null {
  if (contentType === undefined) return null;
  return /;\s*charset\s*=\s*["']?\s*([\w.:-]{1,40})/i.exec(contentType)?.[1] ?? null;
}

function isUtf8Label(label: string): boolean {
  return /^(?:utf-?8|unicode-1-1-utf-8|us-ascii|ascii)$/i.test(label);
}

function decodeAs(bytes: Buffer, label: string, warnings: Warnings): string {
  const name = label.toLowerCase();
  if (!knows(name)) {
    warnings.add('PARSE_CHARSET', `the encoding ${label} is unknown; read as windows-1252`);
    return decode(bytes, 'windows-1252');
  }
  return decode(bytes, name);
}

/**
 * What claims to be UTF-8 and is not: mostly valid with a slip here and there, or windows-1252 altogether. The rarer of
 * the two kinds of trouble wins.
 */
function brokenUtf8(bytes: Buffer, label: string | null, warnings: Warnings): string {
  const text = decode(bytes, 'utf-8');
  let broken = 0;
  let good = 0;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c === 0xfffd) broken += 1;
    else if (c > 0x7f) good += 1;
  }
  if (good > broken) {
    warnings.add('PARSE_CHARACTERS', `${broken} byte sequences are not UTF-8 and were replaced`);
    return text;
  }
  warnings.add(
    'PARSE_CHARSET',
    `${label ?? 'UTF-8'} is ${label === null ? 'assumed' : 'declared'}, but the bytes are not; read as windows-1252`,
  );
  return decode(bytes, 'windows-1252');
}

function knows(name: string): boolean {
  return textDecoder(name) !== null || iconv.encodingExists(name);
}

function decode(bytes: Buffer, name: string): string {
  try {
    const decoder = textDecoder(name);
    return decoder === null ? iconv.decode(bytes, name) : decoder.decode(bytes);
  } catch (cause) {
    throw parseError('PARSE_ENCODING', `The document could not be decoded as ${name}.`, { input: name, cause });
  }
}

/** Null where the platform has no decoder; the Encoding standard maps some labels to one that refuses all input. */
function textDecoder(name: string): InstanceType<typeof TextDecoder> | null {
  try {
    const decoder = new TextDecoder(name, { ignoreBOM: true });
    return decoder.encoding === 'replacement' || decoder.encoding === 'x-user-defined' ? null : decoder;
  } catch {
    return null;
  }
}
