import { type Construct, constructHtml, constructTitle, readConstruct } from './atom-text.ts';
import { DESCRIPTION_CHARS_MAX, ENTRIES_MAX, TITLE_CHARS_MAX } from './limits.ts';
import { type Media, noMedia, readMedia } from './media.ts';
import type { ParsedEntry, ParsedFeed } from './model.ts';
import {
  addEnclosure,
  addHub,
  addLabel,
  addPerson,
  body,
  type Enclosure,
  firstDate,
  firstUrl,
  guidOf,
  noHints,
  plain,
  type Reading,
} from './reading.ts';
import { textAsHtml } from './text.ts';
import { innerBase } from './url.ts';
import { type Attributes, attributesOf, type Nodes, nameOf, nodesOf, rawOf, textOf, type XmlNode } from './xml.ts';

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

/** Reads `feed` (or a lone `entry`), Atom 1.0 and 0.3. */
export function readAtom(root: XmlNode, rootName: string, reading: Reading): ParsedFeed {
  const attributes = attributesOf(root);
  const base = innerBase(attributes['xml:base'], reading.url);
  const lone = rootName === 'entry';
  const nodes: Nodes = lone ? [root] : nodesOf(root, rootName);
  const feed = emptyFeed(attributes);
  const links = noLinks();
  const authors: string[] = [];
  const entries: XmlNode[] = [];
  let icon: string | null = null;
  let logo: string | null = null;
  for (const node of nodes) {
    const name = nameOf(node);
    switch (name) {
      case 'entry':
        entries.push(node);
        break;
      case 'title':
        feed.title ||= constructTitle(readConstruct(node, name, reading, base), TITLE_CHARS_MAX);
        break;
      case 'subtitle':
      case 'tagline':
      case 'info':
        feed.description ||= constructTitle(readConstruct(node, name, reading, base), DESCRIPTION_CHARS_MAX);
        break;
      case 'link':
        readLink(attributesOf(node), plain(rawOf(node, name), reading), links, reading, base);
        break;
      case 'updated':
      case 'modified':
        feed.updated ??= firstDate(reading, plain(rawOf(node, name), reading));
        break;
      case 'author':
        addAtomPerson(authors, nodesOf(node, name), reading);
        break;
      case 'icon':
        icon ??= firstUrl(reading, innerBase(attributesOf(node)['xml:base'], base), plain(rawOf(node, name), reading));
        break;
      case 'logo':
        logo ??= firstUrl(reading, innerBase(attributesOf(node)['xml:base'], base), plain(rawOf(node, name), reading));
    }
  }
  feed.siteUrl = links.alternate;
  feed.selfUrl = links.self;
  feed.hubs = links.hubs;
  feed.iconUrl = icon ?? logo;
  feed.entries = readEntries(entries, reading, base, authors);
  return feed;
}

function emptyFeed(attributes: Attributes): ParsedFeed {
  const old = (attributes.version ?? '') === '0.3' || (attributes.xmlns ?? '').includes('purl.org/atom');
  return {
    format: 'atom',
    version: old ? (attributes.version ?? '0.3') : '1.0',
    title: '',
    description: '',
    siteUrl: null,
    selfUrl: null,
    iconUrl: null,
    language: attributes['xml:lang']?.trim() || null,
    updated: null,
    hints: noHints(),
    hubs: [],
    entries: [],
    warnings: [],
  };
}

function readEntries(
  nodes: readonly XmlNode[],
  reading: Reading,
  base: string | null,
  authors: string[],
): ParsedEntry[] {
  if (nodes.length > ENTRIES_MAX) {
    reading.warnings.add('PARSE_ENTRIES_LEFT_OUT', `${nodes.length - ENTRIES_MAX} entries were left out`);
  }
  return nodes.slice(0, ENTRIES_MAX).map((node) => readEntry(node, reading, base, authors));
}

interface Entry {
  id: string;
  title: string;
  published: string;
  updated: string;
  created: string;
  authors: string[];
  sourceAuthors: string[];
  categories: string[];
  content: Construct | null;
  contentSrc: string;
  summary: Construct | null;
  links: Links;
  media: Media;
}

function readEntry(node: XmlNode, reading: Reading, feedBase: string | null, feedAuthors: string[]): ParsedEntry {
  const xmlBase = attributesOf(node)['xml:base'];
  const base = innerBase(xmlBase, feedBase);
  const entry: Entry = {
    id: '',
    title: '',
    published: '',
    updated: '',
    created: '',
    authors: [],
    sourceAuthors: [],
    categories: [],
    content: null,
    contentSrc: '',
    summary: null,
    links: noLinks(),
    media: noMedia(),
  };
  for (const child of nodesOf(node, 'entry')) readEntryElement(child, nameOf(child), entry, reading, base);
  return finish(entry, reading, base, feedAuthors);
}

function readEntryElement(node: XmlNode, name: string, entry: Entry, reading: Reading, base: string | null): void {
  switch (name) {
    case 'id':
      entry.id ||= plain(rawOf(node, name), reading);
      break;
    case 'title':
      entry.title ||= constructTitle(readConstruct(node, name, reading, base), TITLE_CHARS_MAX);
      break;
    case 'link':
      readLink(attributesOf(node), plain(rawOf(node, name), reading), entry.links, reading, base);
      break;
    case 'content':
      if (entry.content === null || entry.content.value === '')
        entry.content = readConstruct(node, name, reading, base);
      entry.contentSrc ||= attributesOf(node).src ?? '';
      break;
    case 'summary':
      entry.summary ??= readConstruct(node, name, reading, base);
      break;
    case 'updated':
    case 'modified':
    case 'dcterms:modified':
      entry.updated ||= plain(rawOf(node, name), reading);
      break;
    case 'published':
    case 'issued':
      entry.published ||= plain(rawOf(node, name), reading);
      break;
    case 'created':
    case 'pubdate':
    case 'dc:date':
      entry.created ||= plain(rawOf(node, name), reading);
      break;
    case 'author':
      addAtomPerson(entry.authors, nodesOf(node, name), reading);
      break;
    case 'dc:creator':
      addPerson(entry.authors, plain(rawOf(node, name), reading));
      break;
    case 'source':
      readSource(nodesOf(node, name), entry, reading);
      break;
    case 'category': {
      const { label, term } = attributesOf(node);
      addLabel(entry.categories, label || term || plain(rawOf(node, name), reading));
      break;
    }
    case 'dc:subject':
      addLabel(entry.categories, plain(rawOf(node, name), reading));
      break;
    default:
      if (name.startsWith('media:')) readMedia(node, name, entry.media, reading, base);
  }
}

/** An entry that was copied from elsewhere carries its feed's authors along (RFC 4287 section 4.2.11). */
function readSource(nodes: Nodes, entry: Entry, reading: Reading): void {
  for (const node of nodes) {
    if (nameOf(node) === 'author') addAtomPerson(entry.sourceAuthors, nodesOf(node, 'author'), reading);
  }
}

/** A person's `name`, else `email`, else `uri`, else what text there is (RFC 4287 section 3.2). */
export function addAtomPerson(authors: string[], nodes: Nodes, reading: Reading): void {
  let name = '';
  let email = '';
  let uri = '';
  for (const node of nodes) {
    const child = nameOf(node);
    if (child === 'name' || child === 'atom:name') name ||= plain(rawOf(node, child), reading);
    else if (child === 'email' || child === 'atom:email') email ||= plain(rawOf(node, child), reading);
    else if (child === 'uri' || child === 'url' || child === 'homepage') uri ||= plain(rawOf(node, child), reading);
  }
  const text = name || email || uri;
  addPerson(authors, text !== '' ? text : nodes.some((node) => nameOf(node) !== '#text') ? '' : textOf(nodes));
}

function finish(entry: Entry, reading: Reading, base: string | null, feedAuthors: string[]): ParsedEntry {
  const { links, media } = entry;
  const updated = firstDate(reading, entry.updated);
  const url = links.alternate ?? firstUrl(reading, base, entry.contentSrc) ?? httpId(entry.id, reading);
  const content = entry.content === null ? '' : constructHtml(entry.content);
  const summary = entry.summary === null ? '' : constructHtml(entry.summary);
  const described = media.descriptionIsHtml ? media.description : textAsHtml(media.description);
  const html = content || summary || described;
  const richest = content !== '' ? entry.content : entry.summary;
  const inherited = entry.authors.length > 0 ? entry.authors : entry.sourceAuthors;
  for (const found of media.enclosures) {
    if (!links.enclosures.some((known) => known.url === found.url)) links.enclosures.push(found);
  }
  return {
    guid: guidOf(entry.id),
    url,
    title: entry.title || constructTitle({ kind: 'text', value: media.title, base }, TITLE_CHARS_MAX),
    authors: inherited.length > 0 ? inherited : feedAuthors,
    html: body(html, reading),
    summaryHtml: summary !== '' && summary !== html ? body(summary, reading) : '',
    base: baseOf(richest?.base ?? base, url, reading),
    published: firstDate(reading, entry.published, entry.created) ?? updated,
    updated,
    categories: entry.categories,
    enclosures: links.enclosures,
    commentsUrl: links.replies,
  };
}

/** An `xml:base` counts as it stands; without one, the page of the entry is what publishers mean. */
export function baseOf(base: string | null, url: string | null, reading: Reading): string | null {
  return base !== null && base !== reading.url ? base : (url ?? base);
}

function httpId(id: string, reading: Reading): string | null {
  return /^https?:\/\//i.test(id) ? firstUrl(reading, null, id) : null;
}
