/**
 * Elements are known by one name each, whatever prefix a document gives them: `content:encoded`, `dc:creator`,
 * `atom:link`; without a prefix those of the feed's own vocabulary. All in lower case.
 */

/** URI, in lower case, without scheme, `www.` and a final `/` or `#`, to the prefix that we use. */
const PREFIX_OF_URI: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'w3.org/2005/atom': 'atom',
    'purl.org/atom/ns': 'atom',
    'purl.org/atom': 'atom',
    'purl.org/rss/1.0': '',
    'my.netscape.com/rdf/simple/0.9': '',
    'channel.netscape.com/rdf/simple/0.9': '',
    'backend.userland.com/rss': '',
    'backend.userland.com/rss2': '',
    'backend.userland.com/rss091': '',
    'backend.userland.com/rss092': '',
    'blogs.law.harvard.edu/tech/rss': '',
    'purl.org/rss/2.0': '',
    'w3.org/1999/02/22-rdf-syntax-ns': 'rdf',
    'purl.org/rss/1.0/modules/content': 'content',
    'purl.org/dc/elements/1.1': 'dc',
    'purl.org/dc/elements/1.0': 'dc',
    'purl.org/dc/terms': 'dcterms',
    'search.yahoo.com/mrss': 'media',
    'search.yahoo.com/mrss/1.0': 'media',
    'itunes.com/dtds/podcast-1.0.dtd': 'itunes',
    'example.com/dtds/podcast-1.0.dtd': 'itunes',
    'purl.org/rss/1.0/modules/syndication': 'sy',
    'purl.org/rss/1.0/modules/slash': 'slash',
    'wellformedweb.org/commentapi': 'wfw',
    'rssnamespace.org/feedburner/ext/1.0': 'feedburner',
    'w3.org/1999/xhtml': 'xhtml',
    'webfeeds.org/rss/1.0': 'webfeeds',
  }),
);

const DECLARATION = /xmlns:([\w.-]{1,40})\s*=\s*(?:"([^"]{0,300})"|'([^']{0,300})')/y;
const DECLARATIONS_MAX = 200;

/**
 * The prefixes of a document that mean something else than they say: `a10` -> `atom`. The declarations of the root win
 * over later ones; undeclared prefixes and unknown URIs keep the prefix, as it is the usual one nearly always.
 */
export function renamedPrefixes(xml: string, rootIsAtom: boolean): Map<string, string> {
  const renamed = new Map<string, string>();
  const seen = new Set<string>();
  if (rootIsAtom) renamed.set('atom', '');
  let at = xml.indexOf('xmlns:');
  for (let i = 0; i < DECLARATIONS_MAX && at !== -1; i += 1) {
    DECLARATION.lastIndex = at;
    const found = DECLARATION.exec(xml);
    at = xml.indexOf('xmlns:', at + 6);
    if (found === null) continue;
    const prefix = (found[1] ?? '').toLowerCase();
    if (seen.has(prefix)) continue;
    seen.add(prefix);
    const known = PREFIX_OF_URI.get(plainUri(found[2] ?? found[3] ?? ''));
    if (known === undefined) continue;
    const ours = rootIsAtom && known === 'atom' ? '' : known;
    if (ours !== prefix) renamed.set(prefix, ours);
  }
  return renamed;
}

function plainUri(uri: string): string {
  return uri
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\/(?:www\.)?/, '')
    .replace(/[/#]+$/, '');
}

const SAFE_NAME = /^[\p{L}_][\p{L}\p{N}\p{M}_.-]*$/u;
/** Names that an object has by birth: fast-xml-parser refuses them, and a feed with one is no worse for it. */
const BORN_NAMES: ReadonlySet<string> = new Set(['constructor', 'prototype', '__proto__']);
const UNKNOWN_NAME = 'unknown';

/** One name for an element, whatever its prefix and case. */
export function canonicalName(raw: string, renamed: ReadonlyMap<string, string>): string {
  const name = raw.toLowerCase();
  const colon = name.indexOf(':');
  const local = name.slice(colon + 1);
  if (BORN_NAMES.has(local) || !SAFE_NAME.test(local)) return UNKNOWN_NAME;
  if (colon <= 0) return local;
  const prefix = name.slice(0, colon);
  const ours = renamed.get(prefix) ?? prefix;
  return ours === '' ? local : `${ours}:${local}`;
}
