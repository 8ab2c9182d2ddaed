import { parseError } from './errors.ts';
import { PROLOG_CHARS_MAX } from './limits.ts';
import { excerpt, type Warnings } from './warnings.ts';

/** What a document is, and where its root element starts. */
export type Detected =
  | { readonly kind: 'json' }
  | { readonly kind: 'xml'; readonly format: 'rss' | 'atom' | 'rdf'; readonly root: string; readonly start: number };

const FORMATS: ReadonlyMap<string, 'rss' | 'atom' | 'rdf'> = new Map(
  Object.entries({
    rss: 'rss',
    channel: 'rss',
    rdf: 'rdf',
    feed: 'atom',
    entry: 'atom',
  }),
);

const HTML_NAMES =
  /^(?:html|head|body|title|meta|link|script|style|div|p|h[1-6]|table|center|a|b|br|pre|font|noscript)$/i;
const HTML_START = /<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]/i;
/** A feed that stands behind something else, such as a warning that the publisher's program printed. */
const LATE_ROOT = /<(?:[a-z][\w-]{0,20}:)?(rss|rdf|feed)(?=[\s>])[^<>]{0,1000}?(?:xmlns|version)/i;
const ROOT_NAME = /<([\p{L}_][\p{L}\p{N}_.:-]{0,100})/uy;

/** Throws PARSE_EMPTY, PARSE_HTML and PARSE_NOT_A_FEED. */
export function detect(text: string, warnings: Warnings): Detected {
  const first = text.search(/[^\s\0\ufeff]/);
  if (first === -1) throw parseError('PARSE_EMPTY', 'The document is empty.');
  if (text[first] === '{') return { kind: 'json' };
  const start = rootStart(text, first);
  const root = rootName(text, start);
  const format = FORMATS.get(localName(root));
  if (start !== -1 && format !== undefined) {
    if (/\S/.test(text.slice(first, start)) && text[first] !== '<') {
      warnings.add('PARSE_LEADING_JUNK', `skipped before the feed: ${excerpt(text.slice(first, start))}`);
    }
    return { kind: 'xml', format, root, start };
  }
  return lateRoot(text, first, root, warnings);
}

function lateRoot(text: string, first: number, root: string, warnings: Warnings): Detected {
  const head = text.slice(first, first + PROLOG_CHARS_MAX);
  const isPage = (root === '' || HTML_NAMES.test(root)) && HTML_START.test(head.slice(0, 4_096));
  const found = isPage ? null : LATE_ROOT.exec(head);
  const format = found === null ? undefined : FORMATS.get((found[1] ?? '').toLowerCase());
  if (found === null || format === undefined) {
    if (isPage || HTML_NAMES.test(root) || (root === '' && HTML_START.test(head))) {
      throw parseError('PARSE_HTML', `This is a web page, not a feed: ${excerpt(head)}`);
    }
    throw parseError('PARSE_NOT_A_FEED', `This is neither RSS, Atom nor JSON Feed: ${excerpt(head)}`);
  }
  warnings.add('PARSE_LEADING_JUNK', `skipped before the feed: ${excerpt(head.slice(0, found.index))}`);
  const start = first + found.index;
  return { kind: 'xml', format, root: rootName(text, start), start };
}

/** Where the first element starts, past declarations, comments and the DOCTYPE; -1: none. */
function rootStart(text: string, first: number): number {
  const last = Math.min(text.length, first + PROLOG_CHARS_MAX);
  let at = text.indexOf('<', first);
  while (at !== -1 && at < last) {
    if (text.startsWith('<!--', at)) at = after(text, at, '-->');
    else if (text.startsWith('<?', at)) at = after(text, at, '?>');
    else if (text.startsWith('<!', at)) at = doctypeEnd(text, at);
    else if (/[\p{L}_]/u.test(text[at + 1] ?? '')) return at;
    else at += 1;
    if (at !== -1) at = text.indexOf('<', at);
  }
  return -1;
}

function after(text: string, at: number, end: string): number {
  const index = text.indexOf(end, at + 2);
  return index === -1 ? -1 : index + end.length;
}

/** Past a DOCTYPE and its internal subset; -1: it does not end. */
export function doctypeEnd(text: string, at: number): number {
  let bracket = false;
  for (let i = at + 2; i < text.length; i += 1) {
    const c = text[i];
    if (c === '"' || c === "'") {
      const close = text.indexOf(c, i + 1);
      if (close === -1) return -1;
      i = close;
    } else if (bracket && text.startsWith('<!--', i)) {
      const close = text.indexOf('-->', i);
      if (close === -1) return -1;
      i = close + 2;
    } else if (c === '[') bracket = true;
    else if (c === ']') bracket = false;
    else if (c === '>' && !bracket) return i + 1;
  }
  return -1;
}

function rootName(text: string, start: number): string {
  if (start === -1) return '';
  ROOT_NAME.lastIndex = start;
  return ROOT_NAME.exec(text)?.[1] ?? '';
}

function localName(name: string): string {
  return name.slice(name.lastIndexOf(':') + 1).toLowerCase();
}
