import { URL_CHARS_MAX } from './limits.ts';

/** Addresses that the URL parser would give back unchanged; nearly all are of this kind. */
const PLAIN =
  /^https?:\/\/[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\.[a-z][a-z0-9-]*\/[\w\-.~!$&()*+,;=:@/?%]*$/;

/** An absolute http(s) URL, or null. `&amp;` counts as `&`: addresses are often escaped twice. */
export function absoluteUrl(raw: string, base: string | null): string | null {
  let text = raw.trim();
  if (text === '' || text.length > URL_CHARS_MAX) return null;
  if (text.indexOf('&amp;') !== -1) text = text.replaceAll('&amp;', '&');
  if (PLAIN.test(text) && text.indexOf('/.') === -1 && text.indexOf('%2') === -1) return text;
  const url = parseUrl(text, base);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return null;
  return url.href.length > URL_CHARS_MAX ? null : url.href;
}

/** The base for what is inside an element with this `xml:base` (XML Base, section 4.2). */
export function innerBase(xmlBase: string | undefined, base: string | null): string | null {
  if (xmlBase === undefined || xmlBase.trim() === '') return base;
  return absoluteUrl(xmlBase, base) ?? base;
}

function parseUrl(text: string, base: string | null): URL | null {
  return URL.parse(text, base ?? undefined);
}
