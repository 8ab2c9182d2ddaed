import { absoluteUrl } from '../parse/url.ts';

/** What is kept of an article, and how it is changed. Both ways of sanitizing go by these rules. */

export type Attributes = Record<string, string>;

/** The article at hand. */
export interface Context {
  /** Relative references resolve against this; null: they are dropped. */
  readonly base: string | null;
  /** Pictures for browsers without scripts stand beside those that a script would load. */
  readonly hasNoscript: boolean;
}

export const ALLOWED_TAGS: readonly string[] = `a abbr acronym address article aside audio b bdi bdo big blockquote br
  caption center cite code col colgroup dd del details dfn div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header
  hr i img ins kbd li main mark nav ol p picture pre q rp rt ruby s samp section small source span strike strong sub summary
  sup table tbody td tfoot th thead time tr tt u ul var video wbr`.split(/\s+/);

/** Their content goes with them. */
export const DROPPED_WITH_CONTENT: readonly string[] = `script style textarea option xmp title template svg math noembed
  noframes select datalist plaintext applet`.split(/\s+/);

export const ALLOWED_ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
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
};

/** Elements that have no end tag. */
export const VOID_TAGS: readonly string[] = ['img', 'br', 'hr', 'source', 'wbr', 'col'];

/** Elements whose attributes are made anew. An image or a source that ends up with none has nothing to show. */
export const CHANGES: Readonly<Record<string, (attributes: Attributes, context: Context) => Attributes>> = {
  a: link,
  img: image,
  source,
  video: player,
  audio: player,
  blockquote: quote,
  q: quote,
};

const LINK = { rel: 'noopener noreferrer', target: '_blank' };

function link({ href, title, lang, dir }: Attributes, context: Context): Attributes {
  const url = linkUrl(href, context);
  return withGlobals(url === null ? {} : { href: url, ...LINK }, title, lang, dir);
}

function image(from: Attributes, context: Context): Attributes {
  if (isPixel(from)) return {};
  const lazy = context.hasNoscript ? undefined : (from['data-src'] ?? from['data-lazy-src'] ?? from['data-original']);
  const src = mediaUrl(from.src, context) ?? mediaUrl(lazy, context);
  const srcset = sourceSet(from.srcset ?? (src === null ? from['data-srcset'] : undefined), context);
  if (src === null && srcset === null) return {};
  const to: Attributes = {};
  if (src !== null) to.src = src;
  if (srcset !== null) to.srcset = srcset;
  if (srcset !== null && from.sizes !== undefined) to.sizes = from.sizes;
  to.alt = from.alt ?? '';
  copySize(from, to);
  to.loading = 'lazy';
  to.referrerpolicy = 'no-referrer';
  return withGlobals(to, from.title, from.lang, from.dir);
}

function source(from: Attributes, context: Context): Attributes {
  const to: Attributes = {};
  const url = mediaUrl(from.src, context);
  const set = sourceSet(from.srcset, context);
  if (url !== null) to.src = url;
  if (set !== null) to.srcset = set;
  if (url === null && set === null) return to;
  if (from.type !== undefined) to.type = from.type;
  if (from.media !== undefined) to.media = from.media;
  if (from.sizes !== undefined) to.sizes = from.sizes;
  return to;
}

function player(from: Attributes, context: Context): Attributes {
  const to: Attributes = { controls: '', preload: 'none' };
  const src = mediaUrl(from.src, context);
  const poster = mediaUrl(from.poster, context);
  if (src !== null) to.src = src;
  if (poster !== null) to.poster = poster;
  copySize(from, to);
  return to;
}

function quote({ cite, title, lang, dir }: Attributes, context: Context): Attributes {
  const url = mediaUrl(cite, context);
  return withGlobals(url === null ? {} : { cite: url }, title, lang, dir);
}

/** Hosts whose frames are videos or music: the frame becomes a link. */
const VIDEO_HOSTS =
  /^(?:(?:www\.)?(?:youtube\.com|youtube-nocookie\.com|youtu\.be|vimeo\.com|dailymotion\.com|ted\.com|bandcamp\.com)|player\.vimeo\.com|geo\.dailymotion\.com|player\.twitch\.tv|clips\.twitch\.tv|embed\.ted\.com|w\.soundcloud\.com|open\.spotify\.com|archive\.org|media\.ccc\.de)$/;

/** A frame as a link, or null where it is dropped. */
export function frameLink(
  { src, title }: Attributes,
  context: Context,
): { attributes: Attributes; text: string } | null {
  const url = mediaUrl(src, context);
  const host = url === null ? '' : (URL.parse(url)?.hostname ?? '');
  if (url === null || !VIDEO_HOSTS.test(host)) return null;
  return { attributes: { href: url, ...LINK }, text: title?.trim() || `Video: ${host}` };
}

function linkUrl(href: string | undefined, context: Context): string | null {
  if (href === undefined) return null;
  const text = href.trim();
  if (/^mailto:[^\s<>"'`]+$/i.test(text)) return text;
  return absoluteUrl(text, context.base);
}

function mediaUrl(src: string | undefined, context: Context): string | null {
  return src === undefined ? null : absoluteUrl(src, context.base);
}

const SOURCES_MAX = 20;
const SRCSET_CHARS_MAX = 20_000;

/** `url 2x, url 640w`: candidates with absolute URLs, which may hold commas (HTML, srcset attributes). */
function sourceSet(srcset: string | undefined, context: Context): string | null {
  if (srcset === undefined || srcset.length > SRCSET_CHARS_MAX) return null;
  const kept: string[] = [];
  let url = '';
  const keep = (descriptor: string): void => {
    const absolute = mediaUrl(url, context)?.replaceAll(',', '%2C');
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

function withGlobals(attributes: Attributes, title?: string, lang?: string, dir?: string): Attributes {
  if (title !== undefined) attributes.title = title;
  if (lang !== undefined) attributes.lang = lang;
  if (dir !== undefined) attributes.dir = dir;
  return attributes;
}

function copySize(from: Attributes, to: Attributes): void {
  if (from.width !== undefined && /^\d{1,5}%?$/.test(from.width)) to.width = from.width;
  if (from.height !== undefined && /^\d{1,5}%?$/.test(from.height)) to.height = from.height;
}

const HIDDEN = /display\s*:\s*none|visibility\s*:\s*hidden|(?:^|[;\s])(?:width|height)\s*:\s*[01](?:px)?\s*(?:;|$)/i;

/** Pictures that nobody can see are there to count readers. */
function isPixel({ width, height, style }: Attributes): boolean {
  return tiny(width) || tiny(height) || (style !== undefined && HIDDEN.test(style));
}

function tiny(size: string | undefined): boolean {
  return size !== undefined && /^\s*[01](?:px)?\s*$/.test(size);
}
