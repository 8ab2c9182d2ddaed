import { decodeEntities } from '../parse/entities.ts';
import { cut } from '../parse/text.ts';

const SILENT = /^(?:script|style|textarea|select|template|svg|math|title|noscript|iframe|head|xmp)$/i;
const INLINE =
  /^(?:a|abbr|acronym|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|img|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub|sup|time|tt|u|var|wbr)$/i;

/**
 * The text of HTML in one line, at most `limit` characters, an ellipsis where it was cut. Reads no further than it
 * needs; not a sanitizer: the result is text and must be escaped where it is shown.
 */
export function plainText(html: string, limit: number): string {
  const parts: string[] = [];
  let length = 0;
  let space = true;
  let at = 0;
  const add = (text: string): void => {
    const piece = space && text.startsWith(' ') ? text.slice(1) : text;
    if (piece === '') return;
    parts.push(piece);
    length += piece.length;
    space = piece.endsWith(' ');
  };
  while (at < html.length && length <= limit) {
    const lt = html.indexOf('<', at);
    // A reference is longer than what it stands for; how much longer, nobody writes.
    const end = Math.min(lt === -1 ? html.length : lt, at + limit * 16 + 1_000);
    add(collapse(decodeEntities(html.slice(at, end))));
    if (lt === -1) break;
    const tag = readTag(html, lt);
    add(tag.space ? ' ' : tag.text);
    at = tag.end;
  }
  return shorten(parts.join('').trim().toWellFormed(), limit);
}

function collapse(text: string): string {
  return /[\s\0]{2}|[^\S ]|\0/.test(text) ? text.replace(/[\s\0]+/g, ' ') : text;
}

function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const head = cut(text, limit - 1);
  const space = head.lastIndexOf(' ');
  return `${(space > limit * 0.8 ? head.slice(0, space) : head).trimEnd()}…`;
}

/** What is at a `<`: where it ends, whether it parts words, and text where it is no tag. */
function readTag(html: string, lt: number): { end: number; space: boolean; text: string } {
  if (html.startsWith('<!--', lt)) return { end: endOf(html, '-->', lt + 4), space: false, text: '' };
  const match = TAG_START.exec(html.slice(lt, lt + 40));
  if (match === null) {
    return html[lt + 1] === '!' || html[lt + 1] === '?'
      ? { end: endOf(html, '>', lt), space: false, text: '' }
      : { end: lt + 1, space: false, text: '<' };
  }
  const name = match[2] ?? '';
  const end = tagEnd(html, lt + match[0].length);
  if (match[1] === '' && SILENT.test(name) && html[end - 2] !== '/') {
    return { end: closeOf(html, name, end), space: true, text: '' };
  }
  return { end, space: !INLINE.test(name), text: '' };
}

const TAG_START = /^<(\/?)([a-z][a-z0-9]{0,30})/i;

function endOf(html: string, end: string, from: number): number {
  const index = html.indexOf(end, from);
  return index === -1 ? html.length : index + end.length;
}

/** Past the `>` of a tag; quotes may hide one. */
function tagEnd(html: string, from: number): number {
  for (let i = from; i < html.length; i += 1) {
    const c = html.charCodeAt(i);
    if (c === 62) return i + 1;
    if (c === 34 || c === 39) {
      const close = html.indexOf(c === 34 ? '"' : "'", i + 1);
      if (close === -1) return endOf(html, '>', i);
      i = close;
    }
  }
  return html.length;
}

function closeOf(html: string, name: string, from: number): number {
  const lower = name.toLowerCase();
  for (let at = html.indexOf('</', from); at !== -1; at = html.indexOf('</', at + 2)) {
    if (html.slice(at + 2, at + 2 + lower.length).toLowerCase() === lower) return endOf(html, '>', at);
  }
  return html.length;
}
