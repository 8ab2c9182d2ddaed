import { decodeHTML, decodeHTMLAttribute } from 'entities/decode';
import { ALLOWED_ATTRIBUTES, type Attributes, CHANGES, type Context, VOID_TAGS } from './rules.ts';

/**
 * The quick way for articles that are tidy: known elements, no odd tags, comments or references. It writes its
 * output anew out of what it understood, by the same rules as the library, and gives up on anything it does not know for
 * certain. Most articles are tidy, and this is several times as fast.
 */

/** Elements that need nothing but being kept. What is not here (frames, players, forms, scripts) is the library's. */
const TIDY_TAGS: ReadonlySet<string> = new Set(
  `a abbr address article aside b big blockquote br caption center cite code col colgroup dd del details dfn div dl dt em figcaption
  figure footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p picture pre q s samp section small source span strike
  strong sub summary sup table tbody td tfoot th thead time tr tt u ul var`.split(/\s+/),
);

/** These lose their tags and keep what is in them. */
const DROPPED_TAGS: ReadonlySet<string> = new Set(['font', 'nobr', 'hgroup', 'blink']);

/** Elements that end an open one of these where it is the innermost: as htmlparser2 has it, which the library uses. */
const ENDS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  [
    [
      'address article aside blockquote details div dl figcaption figure footer header hr main nav ol p pre section table ul',
      'p',
    ],
    ['h1 h2 h3 h4 h5 h6', 'h1 h2 h3 h4 h5 h6 p'],
    ['a', 'a'],
    ['li', 'li'],
    ['dd dt', 'dd dt'],
    ['tr', 'tr th td'],
    ['th', 'th'],
    ['td', 'thead th td'],
    ['tbody tfoot', 'thead tbody'],
  ].flatMap(([tags = '', ended = '']) =>
    tags.split(' ').map((tag): [string, ReadonlySet<string>] => [tag, new Set(ended.split(' '))]),
  ),
);

/** What stands in these is no markup, and goes with them. */
const RAW_TAGS: ReadonlySet<string> = new Set(['script', 'style']);
/** In a script: comments, which may hide its end, and what would make a difference to the rest of the article. */
const ODD_IN_RAW = /<(?:!--|noscript|iframe|script|style)/i;

const VOID: ReadonlySet<string> = new Set(VOID_TAGS);
/** Those of them that show nothing without attributes. */
const MEDIA: ReadonlySet<string> = new Set(['img', 'source']);
const NESTING_MAX = 45;
const TAG_CHARS_MAX = 8_000;

const TAG =
  /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z][a-zA-Z0-9:_.-]*(?:\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=`]+))?)*)\s*(\/?)>/y;
const ATTRIBUTE = /([a-zA-Z][a-zA-Z0-9:_.-]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>=`]+)))?/g;
/** An ampersand that may start a reference, but no whole one: what it means depends on what follows. */
const LOOSE_AMPERSAND = /&(?=[a-zA-Z#])(?!(?:[a-zA-Z][a-zA-Z0-9]{1,30}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});)/;

/** The article as the library would give it, or null where it is not tidy. */
export function sanitizeTidy(html: string, context: Context): string | null {
  const open: string[] = [];
  let out = '';
  let at = 0;
  while (at < html.length) {
    const lt = html.indexOf('<', at);
    const text = tidyText(html, at, lt === -1 ? html.length : lt);
    if (text === null) return null;
    out += text;
    if (lt === -1) break;
    if (html.startsWith('<!--', lt)) {
      at = commentEnd(html, lt);
      if (at === -1) return null;
      continue;
    }
    const tag = tidyTag(html, lt, open, context);
    if (tag === null) return null;
    out += tag;
    at = TAG.lastIndex;
  }
  return (out + closeTo(0, open)).trim();
}

function tidyText(html: string, from: number, to: number): string | null {
  if (from === to) return '';
  const text = html.slice(from, to);
  if (text.indexOf('&') === -1) return text.indexOf('>') === -1 ? text : text.replaceAll('>', '&gt;');
  return LOOSE_AMPERSAND.test(text) ? null : escapeText(decodeHTML(text));
}

/** Past a plain comment; -1: an odd or endless one. */
function commentEnd(html: string, at: number): number {
  const end = html.indexOf('-->', at + 4);
  if (end === -1) return -1;
  const comment = html.slice(at + 4, end);
  return comment.startsWith('>') || comment.startsWith('-') || comment.includes('--!') ? -1 : end + 3;
}

/** The tag at `at`, rewritten; TAG.lastIndex is past it then. Null: not tidy. */
function tidyTag(html: string, at: number, open: string[], context: Context): string | null {
  const gt = html.indexOf('>', at);
  if (gt === -1 || gt - at > TAG_CHARS_MAX) return null;
  TAG.lastIndex = at;
  const found = TAG.exec(html);
  if (found === null) return null;
  const name = (found[2] ?? '').toLowerCase();
  const attributes = found[3] ?? '';
  const slash = found[4] !== '';
  if (RAW_TAGS.has(name)) return found[1] === '' && !slash && skipRaw(html, name) ? '' : null;
  const dropped = DROPPED_TAGS.has(name);
  if (!dropped && !TIDY_TAGS.has(name)) return null;
  if (found[1] !== '') {
    if (attributes !== '' || slash || name === 'br') return null;
    return endTag(name, open);
  }
  const ended = endImplied(name, open);
  if (slash && !VOID.has(name)) return null;
  if (open.length >= NESTING_MAX) return null;
  if (dropped) {
    open.push(name);
    return ended;
  }
  const written = attributes === '' && CHANGES[name] === undefined ? '' : tidyAttributes(name, attributes, context);
  if (written === null) return null;
  if (VOID.has(name)) return written === '' && MEDIA.has(name) ? ended : `${ended}<${name}${written} />`;
  open.push(name);
  return `${ended}<${name}${written}>`;
}

/** From behind the start tag of a raw element to behind its end tag. False: not tidy. */
function skipRaw(html: string, name: string): boolean {
  const from = TAG.lastIndex;
  let end = html.indexOf('</', from);
  while (end !== -1 && html.slice(end + 2, end + 2 + name.length).toLowerCase() !== name)
    end = html.indexOf('</', end + 2);
  if (end === -1 || ODD_IN_RAW.test(html.slice(from, end))) return false;
  TAG.lastIndex = end;
  const found = TAG.exec(html);
  return found !== null && found[3] === '' && found[4] === '' && found[2]?.toLowerCase() === name;
}

/** An end tag ends what is open inside its element; one without an element counts for nothing, but for `p` (HTML). */
function endTag(name: string, open: string[]): string {
  if (VOID.has(name)) return '';
  const depth = open.lastIndexOf(name);
  if (depth === -1) return name === 'p' ? '<p></p>' : '';
  return closeTo(depth, open);
}

function endImplied(name: string, open: string[]): string {
  const ends = ENDS.get(name);
  let depth = open.length;
  while (depth > 0 && (ends?.has(open[depth - 1] ?? '') ?? false)) depth -= 1;
  return closeTo(depth, open);
}

function closeTo(depth: number, open: string[]): string {
  let out = '';
  while (open.length > depth) {
    const name = open.pop() ?? '';
    if (!DROPPED_TAGS.has(name)) out += `</${name}>`;
  }
  return out;
}

const GLOBAL: ReadonlySet<string> = new Set(ALLOWED_ATTRIBUTES['*']);
const OWN: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(ALLOWED_ATTRIBUTES).map(([tag, names]) => [tag, new Set(names)]),
);

function tidyAttributes(name: string, written: string, context: Context): string | null {
  const given: Attributes = {};
  for (const found of written.matchAll(ATTRIBUTE)) {
    const key = (found[1] ?? '').toLowerCase();
    // What is named as something that every object has by birth, or comes twice, is the library's.
    if (key in given) return null;
    const value = found[2] ?? found[3] ?? found[4] ?? '';
    given[key] = value.indexOf('&') === -1 ? value : decodeHTMLAttribute(value);
  }
  const kept = CHANGES[name]?.(given, context) ?? given;
  let out = '';
  for (const key in kept) {
    if (!GLOBAL.has(key) && !(OWN.get(name)?.has(key) ?? false)) continue;
    const value = kept[key] ?? '';
    if (value === '' && key !== 'alt') return null;
    if (key === 'srcset' && !value.split(', ').every((part) => /^\S+ [1-9]\d{0,5}(?:w|x|\.[1-9]x)$/.test(part)))
      return null;
    out += ` ${key}="${escapeAttribute(value)}"`;
  }
  return out;
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function escapeAttribute(value: string): string {
  return /[&<>"]/.test(value) ? escapeText(value).replaceAll('"', '&quot;') : value;
}
