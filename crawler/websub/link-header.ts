/** The `Link` header (RFC 8288 section 3), as far as a subscriber needs it: where the links of a relation lead. Pure. */
import type { ResponseHeaders } from '../http-exchange.ts';

/** Of all `Link` headers of an answer together; what lies beyond is not read. */
const HEADER_CHARS_MAX = 16 * 1024;
const LINKS_MAX = 100;

export interface HeaderLinks {
  /** Absolute http(s) URLs, in the order of the header, each once. */
  readonly hubs: readonly string[];
  readonly self: string | null;
}

/** `url`: where the answer came from; relative links count from there. */
export function headerLinks(headers: ResponseHeaders, url: string): HeaderLinks {
  const hubs: string[] = [];
  let self: string | null = null;
  for (const { target, rels } of linksIn(headers.link)) {
    const to = absolute(target, url);
    if (to === null) continue;
    if (rels.includes('hub') && !hubs.includes(to)) hubs.push(to);
    if (rels.includes('self')) self ??= to;
  }
  return { hubs, self };
}

/** `<target>; name=value; name="quoted \" value"`, separated by commas. Anchored links are about something else. */
function linksIn(header: string | string[] | undefined): { target: string; rels: string[] }[] {
  const text = (Array.isArray(header) ? header.join(', ') : (header ?? '')).slice(0, HEADER_CHARS_MAX);
  const found: { target: string; rels: string[] }[] = [];
  const link = /<([^<>]*)>((?:\s*;\s*[\w!#$%&'*+.^`|~-]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s";,]*))?)*)/gy;
  while (link.lastIndex < text.length && found.length < LINKS_MAX) {
    const from = link.lastIndex;
    const match = link.exec(text);
    if (match === null) {
      const next = text.indexOf('<', from + 1);
      if (next < 0) break;
      link.lastIndex = next;
      continue;
    }
    const params = paramsOf(match[2] ?? '');
    const rels = (params.get('rel') ?? '').toLowerCase().split(/\s+/);
    if (!params.has('anchor')) found.push({ target: match[1] ?? '', rels });
  }
  return found;
}

/** Of several with the same name the first counts (RFC 8288 section 3.3). */
function paramsOf(text: string): Map<string, string> {
  const params = new Map<string, string>();
  const param = /;\s*([\w!#$%&'*+.^`|~-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";,]*)))?/g;
  for (const [, name = '', quoted, plain = ''] of text.matchAll(param)) {
    const key = name.toLowerCase();
    if (!params.has(key)) params.set(key, quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1'));
  }
  return params;
}

function absolute(target: string, base: string): string | null {
  if (target.trim() === '' || !URL.canParse(target.trim(), base)) return null;
  const url = new URL(target.trim(), base);
  url.hash = '';
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null;
}
