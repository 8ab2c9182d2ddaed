import sanitizeHtml from 'sanitize-html';
import { decodeEntities, escapeHtml } from './parse/entities.ts';
import { cut } from './parse/text.ts';
import { absoluteUrl } from './parse/url.ts';

/** Elements inside elements that are kept; deeper ones lose their tags. */
const NESTING_MAX = 50;

/** Elements that may be open at once, kept or not: the HTML parser's time grows with the square of it. */
const DEPTH_MAX = 400;
const TOO_DEEP = Symbol('elements nested too deep');

const ALLOWED_TAGS =
  `a abbr acronym address article aside audio b bdi bdo big blockquote br caption center cite code col
  colgroup dd del details dfn div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark
  nav ol p picture pre q rp rt ruby s samp section small source span strike strong sub summary sup table tbody td tfoot
  th thead time tr tt u ul var video wbr`.split(/\s+/);

/** Their content goes with them. */
const DROPPED_WITH_CONTENT = `script style textarea option xmp title template svg math noembed noframes select datalist
  plaintext applet`.split(/\s+/);

type Attributes = Record<string, string>;
type Transform = (name: string, attributes: Attributes) => { tagName: string; attribs: Attributes; text?: string };

/** Hosts whose frames are videos: the frame becomes a link. */
const VIDEO_HOSTS =
  /^(?:www\.)?(?:youtube\.com|youtube-nocookie\.com|youtu\.be|player\.vimeo\.com|vimeo\.com|dailymotion\.com|geo\.dailymotion\.com|player\.twitch\.tv|clips\.twitch\.tv|ted\.com|embed\.ted\.com|bandcamp\.com|w\.soundcloud\.com|open\.spotify\.com|archive\.org|media\.ccc\.de|peertube\.[a-z.]+)$/;

/** What the page is about while one article is sanitized: sanitizing is synchronous. */
let base: string | null = null;
let hasNoscript = false;
let depth = 0;

const LINK_ATTRIBUTES = { rel: 'noopener noreferrer', target: '_blank' };

const transforms: Record<string, Transform> = {
  a(_name, { href, title, lang, dir }) {
    const url = linkUrl(href);
    const attribs: Attributes = url === null ? {} : { href: url, ...LINK_ATTRIBUTES };
    return { tagName: 'a', attribs: withGlobals(attribs, title, lang, dir) };
  },
  img(_name, attributes) {
    if (isPixel(attributes)) return { tagName: 'img', attribs: {} };
    const lazy = hasNoscript
      ? undefined
      : (attributes['data-src'] ?? attributes['data-lazy-src'] ?? attributes['data-original']);
    const src = mediaUrl(attributes.src) ?? mediaUrl(lazy);
    const srcset = sourceSet(attributes.srcset ?? (src === null ? attributes['data-srcset'] : undefined));
    if (src === null && srcset === null) return { tagName: 'img', attribs: {} };
    const attribs: Attributes = {};
    if (src !== null) attribs.src = src;
    if (srcset !== null) {
      attribs.srcset = srcset;
      if (attributes.sizes !== undefined) attribs.sizes = attributes.sizes;
    }
    attribs.alt = attributes.alt ?? '';
    copySize(attributes, attribs);
    attribs.loading = 'lazy';
    attribs.referrerpolicy = 'no-referrer';
    return { tagName: 'img', attribs: withGlobals(attribs, attributes.title, attributes.lang, attributes.dir) };
  },
  video: (_name, attributes) => player('video', attributes),
  audio: (_name, attributes) => player('audio', attributes),
  source(_name, { src, srcset, type, media, sizes }) {
    const attribs: Attributes = {};
    const url = mediaUrl(src);
    const set = sourceSet(srcset);
    if (url !== null) attribs.src = url;
    if (set !== null) attribs.srcset = set;
    if (url === null && set === null) return { tagName: 'source', attribs };
    if (type !== undefined) attribs.type = type;
    if (media !== undefined) attribs.media = media;
    if (sizes !== undefined) attribs.sizes = sizes;
    return { tagName: 'source', attribs };
  },
  iframe(_name, { src, title }) {
    const url = mediaUrl(src);
    const host = url === null ? '' : (URL.parse(url)?.hostname ?? '');
    if (url === null || !VIDEO_HOSTS.test(host)) return { tagName: 'iframe', attribs: {} };
    return { tagName: 'a', attribs: { href: url, ...LINK_ATTRIBUTES }, text: title?.trim() || `Video: ${host}` };
  },
  blockquote: (name, attributes) => quote(name, attributes),
  q: (name, attributes) => quote(name, attributes),
};

function quote(tagName: string, { cite, lang, dir, title }: Attributes): ReturnType<Transform> {
  const url = mediaUrl(cite);
  return { tagName, attribs: withGlobals(url === null ? {} : { cite: url }, title, lang, dir) };
}

function player(tagName: string, attributes: Attributes): ReturnType<Transform> {
  const attribs: Attributes = { controls: '', preload: 'none' };
  const src = mediaUrl(attributes.src);
  const poster = mediaUrl(attributes.poster);
  if (src !== null) attribs.src = src;
  if (poster !== null) attribs.poster = poster;
  copySize(attributes, attribs);
  return { tagName, attribs };
}

const OPTIONS: sanitizeHtml.IOptions = {
  allowedTags: ALLOWED_TAGS,
  nonTextTags: DROPPED_WITH_CONTENT,
  selfClosing: ['img', 'br', 'hr', 'source', 'wbr', 'col'],
  allowedAttributes: {
    '*': ['dir', 'lang', 'title'],
    a: ['href', 'rel', 'target'],
    img: ['src', 'srcset', 'sizes', 'alt', 'width', 'height', 'loading', 'referrerpolicy'],
    video: ['src', 'poster', 'controls', 'preload', 'width', 'height'],
    audio: ['src', 'controls', 'preload'],
    source: ['src', 'srcset', 'type', 'media', 'sizes'],
    blockquote: ['cite'],
    q: ['cite'],
    del: ['datetime'],
    ins: ['datetime'],
    time: ['datetime'],
    td: ['colspan', 'rowspan'],
    th: ['colspan', 'rowspan', 'scope'],
    col: ['span'],
    colgroup: ['span'],
    ol: ['start', 'reversed', 'type'],
    li: ['value'],
    details: ['open'],
  },
  allowedSchemes: ['http', 'https', 'mailto'],
  allowedSchemesAppliedToAttributes: ['href', 'src', 'cite', 'poster'],
  allowProtocolRelative: false,
  parseStyleAttributes: false,
  nestingLimit: NESTING_MAX,
  transformTags: transforms,
  onOpenTag() {
    depth += 1;
    if (depth > DEPTH_MAX) throw TOO_DEEP;
  },
  onCloseTag() {
    depth -= 1;
  },
};

/**
 * What a reader may be shown of an article: an allow-list of elements and attributes, no scripts, styles, classes, ids,
 * frames, forms or tracking pixels; links and images absolute (`base` resolves relative ones; null: they lose theirs),
 * http(s) and mailto only, and telling nobody who reads. Frames of well-known video hosts become links. Of a document
 * that nests elements beyond all reason only the text is left.
 */
export function sanitizeArticle(html: string, baseUrl: string | null): string {
  if (html.indexOf('<') === -1) return escapeHtml(decodeEntities(html));
  base = baseUrl;
  hasNoscript = /<noscript/i.test(html);
  depth = 0;
  try {
    const safe = sanitizeHtml(/<iframe/i.test(html) ? withoutFallback(html) : html, OPTIONS);
    // Images and sources with nothing to show; in texts and attributes a `<` is escaped.
    return safe.replaceAll('<img />', '').replaceAll('<source />', '').trim();
  } catch (error) {
    if (error !== TOO_DEEP) throw error;
    return escapeHtml(plainText(html, html.length));
  } finally {
    base = null;
  }
}

/** What stands inside a frame is for browsers without frames. */
function withoutFallback(html: string): string {
  return html.replace(/(<iframe\b[^<>]*>)(?:(?!<\/?iframe).)*(<\/iframe\s*>)/gis, '$1$2');
}

function linkUrl(href: string | undefined): string | null {
  if (href === undefined) return null;
  const text = href.trim();
  if (/^mailto:[^\s<>"'`]+$/i.test(text)) return text;
  return absoluteUrl(text, base);
}

function mediaUrl(src: string | undefined): string | null {
  return src === undefined ? null : absoluteUrl(src, base);
}

const SOURCES_MAX = 20;
const SRCSET_CHARS_MAX = 20_000;

/** `url 2x, url 640w`: candidates with absolute URLs, which may hold commas (HTML, srcset attributes). */
function sourceSet(srcset: string | undefined): string | null {
  if (srcset === undefined || srcset.length > SRCSET_CHARS_MAX) return null;
  const kept: string[] = [];
  let url = '';
  const keep = (descriptor: string): void => {
    const absolute = mediaUrl(url)?.replaceAll(',', '%2C');
    url = '';
    if (absolute === undefined || kept.length >= SOURCES_MAX) return;
    kept.push(/^[\d.]{1,10}[wxh]$/.test(descriptor) ? `${absolute} ${descriptor}` : absolute);
  };
  for (const word of srcset.split(/\s+/)) {
    let rest = word;
    if (url !== '') {
      const comma = word.indexOf(',');
      keep(comma === -1 ? word : word.slice(0, comma));
      rest = comma === -1 ? '' : word.slice(comma + 1);
    }
    url = rest.replace(/^,+/, '');
    if (!url.endsWith(',')) continue;
    url = url.slice(0, -1);
    keep('');
  }
  if (url !== '') keep('');
  return kept.length === 0 ? null : kept.join(', ');
}

function withGlobals(attribs: Attributes, title?: string, lang?: string, dir?: string): Attributes {
  if (title !== undefined) attribs.title = title;
  if (lang !== undefined) attribs.lang = lang;
  if (dir !== undefined) attribs.dir = dir;
  return attribs;
}

function copySize(from: Attributes, to: Attributes): void {
  if (from.width !== undefined && /^\d{1,5}%?$/.test(from.width)) to.width = from.width;
  if (from.height !== undefined && /^\d{1,5}%?$/.test(from.height)) to.height = from.height;
}

/** Pictures that nobody can see are there to count readers. */
function isPixel({ width, height, style }: Attributes): boolean {
  return tiny(width) || tiny(height) || (style !== undefined && HIDDEN.test(style));
}

const HIDDEN = /display\s*:\s*none|visibility\s*:\s*hidden|(?:^|[;\s])(?:width|height)\s*:\s*[01](?:px)?\s*(?:;|$)/i;

function tiny(size: string | undefined): boolean {
  return size !== undefined && /^\s*[01](?:px)?\s*$/.test(size);
}

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
