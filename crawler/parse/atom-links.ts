import { addEnclosure, addHub, type Enclosure, firstUrl, type Reading } from './reading.ts';
import { innerBase } from './url.ts';
import type { Attributes } from './xml.ts';

/** The links of a feed or an entry, by what they are for (RFC 4287 section 4.2.7). */
export interface Links {
  alternate: string | null;
  /** How well the alternate suits a browser: 2 text/html, 1 no type, 0 another. */
  fit: number;
  self: string | null;
  replies: string | null;
  hubs: string[];
  enclosures: Enclosure[];
}

export function noLinks(): Links {
  return { alternate: null, fit: -1, self: null, replies: null, hubs: [], enclosures: [] };
}

export function readLink(
  attributes: Attributes,
  text: string,
  links: Links,
  reading: Reading,
  base: string | null,
): void {
  const href = (attributes.href ?? text).trim();
  if (href === '') return;
  const inner = innerBase(attributes['xml:base'], base);
  const rel = (attributes.rel ?? 'alternate')
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\/www\.iana\.org\/assignments\/relation\//, '');
  const type = (attributes.type ?? '').toLowerCase();
  switch (rel) {
    case '':
    case 'alternate': {
      const fit = type === '' ? 1 : /html/.test(type) ? 2 : 0;
      if (fit <= links.fit) break;
      const url = firstUrl(reading, inner, href);
      if (url === null) break;
      links.alternate = url;
      links.fit = fit;
      break;
    }
    case 'self':
      links.self ??= firstUrl(reading, inner, href);
      break;
    case 'hub':
      addHub(links.hubs, firstUrl(reading, inner, href));
      break;
    case 'replies':
      if (type === '' || /html/.test(type)) links.replies ??= firstUrl(reading, inner, href);
      break;
    case 'enclosure':
      addEnclosure(links.enclosures, reading, inner, { url: href, type: attributes.type, length: attributes.length });
  }
}

/** An `xml:base` counts as it stands; without one, the page of the entry is what publishers mean. */
export function baseOf(base: string | null, url: string | null, reading: Reading): string | null {
  return base !== null && base !== reading.url ? base : (url ?? base);
}
