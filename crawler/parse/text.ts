import { decodeEntities, escapeHtml, type OwnEntities } from './entities.ts';

/**
 * The four ways in which feeds carry text. `raw` is what stands between the tags of an element, undecoded:
 * characters (RSS), HTML in characters (RSS bodies, Atom `html`), markup (Atom `xhtml`, careless RSS), plain text.
 */

const CDATA = '<![CDATA[';

interface Pieces {
  /** Character data: CDATA sections verbatim, references replaced, comments and tags dropped. */
  text: string;
  /** The same with its tags, as HTML. */
  markup: string;
  hasTags: boolean;
}

/** Character data of an element: what XML calls its text. */
export function characters(raw: string, own: OwnEntities | null): string {
  if (raw.indexOf('<') === -1) return decodeEntities(raw, own);
  return onlyCdata(raw) ?? pieces(raw, own).text;
}

/** A body as HTML: escaped or in CDATA, or written straight into the feed. */
export function htmlOf(raw: string, own: OwnEntities | null): string {
  if (raw.indexOf('<') === -1) return decodeEntities(raw, own);
  const cdata = onlyCdata(raw);
  if (cdata !== null) return cdata;
  const found = pieces(raw, own);
  return found.hasTags ? found.markup : found.text;
}

/** Markup that is meant as such: an Atom `xhtml` construct. */
export function markupOf(raw: string, own: OwnEntities | null): string {
  return pieces(raw, own).markup;
}

export function hasTags(raw: string): boolean {
  return raw.indexOf('<') !== -1 && onlyCdata(raw) === null && pieces(raw, null).hasTags;
}

/** The common case: one CDATA section and nothing else. */
function onlyCdata(raw: string): string | null {
  const start = raw.indexOf(CDATA);
  if (start === -1) return null;
  const end = raw.indexOf(']]>', start + CDATA.length);
  if (end === -1) return null;
  if (start > 0 && raw.slice(0, start).trim() !== '') return null;
  if (end + 3 < raw.length && raw.slice(end + 3).trim() !== '') return null;
  return raw.slice(start + CDATA.length, end);
}

function pieces(raw: string, own: OwnEntities | null): Pieces {
  const found: Pieces = { text: '', markup: '', hasTags: false };
  let from = 0;
  while (from < raw.length) {
    const at = raw.indexOf('<', from);
    const plain = raw.slice(from, at === -1 ? raw.length : at);
    found.text += decodeEntities(plain, own);
    found.markup += own === null ? plain : escapeOwn(plain, own);
    if (at === -1) break;
    from = at + piece(raw, at, found);
  }
  return found;
}

/** Takes the CDATA section, comment or tag that starts at `at`; returns how long it is. */
function piece(raw: string, at: number, found: Pieces): number {
  if (raw.startsWith(CDATA, at)) {
    const end = raw.indexOf(']]>', at);
    const text = raw.slice(at + CDATA.length, end === -1 ? raw.length : end);
    found.text += text;
    found.markup += escapeHtml(text);
    return end === -1 ? raw.length - at : end + 3 - at;
  }
  if (raw.startsWith('<!--', at)) return lengthTo(raw, at, '-->');
  if (raw.startsWith('<?', at)) return lengthTo(raw, at, '?>');
  if (!/[a-z/]/i.test(raw[at + 1] ?? '')) {
    found.text += '<';
    found.markup += '&lt;';
    return 1;
  }
  const length = lengthTo(raw, at, '>');
  found.hasTags = true;
  found.markup += asHtmlTag(raw.slice(at, at + length));
  return length;
}

const VOID = /^<(?:[\w-]+:)?(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)\b/i;

/** `<a name="x"/>` leaves the link open in HTML: XML's empty elements get an end tag, unless HTML has none for them. */
function asHtmlTag(tag: string): string {
  if (!tag.endsWith('/>') || VOID.test(tag)) return tag;
  const name = /^<([^\s/>]+)/.exec(tag)?.[1] ?? '';
  return `${tag.slice(0, -2).trimEnd()}></${name}>`;
}

function lengthTo(raw: string, at: number, end: string): number {
  const index = raw.indexOf(end, at);
  return (index === -1 ? raw.length : index + end.length) - at;
}

/** HTML knows its own entities; only those that the document declares need replacing. */
function escapeOwn(text: string, own: OwnEntities): string {
  return text.replace(/&([A-Za-z][\w.-]{0,31});/g, (whole, name: string) => {
    if (decodeEntities(whole) !== whole) return whole;
    const value = own.expand(name);
    return value === undefined ? whole : escapeHtml(value);
  });
}

const TITLE_TAGS =
  /<\/?(?:a|abbr|acronym|b|bdi|bdo|big|cite|code|del|dfn|em|font|h[1-6]|i|img|ins|kbd|mark|nobr|q|ruby|rt|rp|s|samp|script|small|span|strike|strong|style|sub|sup|time|tt|u|var|wbr)(?:\s[^<>]*)?\/?>/gi;
const TITLE_BREAKS = /<\/?(?:br|div|hr|li|ol|p|td|tr|ul)(?:\s[^<>]*)?\/?>/gi;

/**
 * A title that may hold HTML, as plain text. Only tags that HTML knows are taken out, so that `Vec<T>` stays, and
 * references are replaced once more, as many publishers escape titles twice.
 */
export function plainTitle(html: string, charsMax: number): string {
  let text = html.length > charsMax * 20 ? html.slice(0, charsMax * 20) : html;
  if (text.indexOf('<') !== -1) {
    text = withoutComments(text).replace(TITLE_TAGS, '').replace(TITLE_BREAKS, ' ');
  }
  return line(decodeEntities(text), charsMax);
}

function withoutComments(text: string): string {
  const parts: string[] = [];
  let from = 0;
  for (let at = text.indexOf('<!--'); at !== -1; at = text.indexOf('<!--', from)) {
    const end = text.indexOf('-->', at);
    if (end === -1) break;
    parts.push(text.slice(from, at));
    from = end + 3;
  }
  return from === 0 ? text : parts.join('') + text.slice(from);
}

/** The same of markup, in which every tag is one. */
export function markupTitle(markup: string, charsMax: number): string {
  const short = markup.length > charsMax * 20 ? markup.slice(0, charsMax * 20) : markup;
  return line(decodeEntities(short.replace(TITLE_BREAKS, ' ').replace(/<[^<>]*>/g, '')), charsMax);
}

/** One line of text: white space collapsed, cut to so many characters. */
export function line(text: string, charsMax: number): string {
  let short = text.length > charsMax * 20 ? text.slice(0, charsMax * 20) : text;
  if (/[\t\n\r\f\v\u00a0\u2028\u2029\0]| {2}/.test(short)) short = short.replace(/[\s\0]+/g, ' ');
  return cut(short.trim(), charsMax);
}

/** At most so many UTF-16 units, never half a character. */
export function cut(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  const last = text.charCodeAt(charsMax - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? charsMax - 1 : charsMax);
}

/** Plain text as HTML: paragraphs at empty lines, breaks at the others. */
export function textAsHtml(text: string): string {
  const escaped = escapeHtml(text.trim());
  return escaped.indexOf('\n') === -1 ? escaped : paragraphs(escaped);
}

/** HTML without any tag, in which empty lines tell the paragraphs: what many podcasts write. */
export function withParagraphs(html: string): string {
  if (html.indexOf('<') !== -1 || !/\n[ \t\r]*\n/.test(html)) return html;
  return paragraphs(html.trim());
}

function paragraphs(html: string): string {
  return html
    .split(/\n[ \t]*\n\s*/)
    .map((paragraph) => `<p>${paragraph.replaceAll('\n', '<br>')}</p>`)
    .join('\n');
}
