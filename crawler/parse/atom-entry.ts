import { baseOf, type Links, noLinks, readLink } from './atom-links.ts';
import { addAtomPerson } from './atom-person.ts';
import { type Construct, constructHtml, constructTitle, readConstruct } from './atom-text.ts';
import { TITLE_CHARS_MAX } from './limits.ts';
import { type Media, noMedia, readMedia } from './media.ts';
import type { ParsedEntry } from './model.ts';
import { addLabel, addPerson, body, firstDate, firstUrl, guidOf, plain, type Reading } from './reading.ts';
import { textAsHtml } from './text.ts';
import { innerBase } from './url.ts';
import { attributesOf, type Nodes, nameOf, nodesOf, rawOf, type XmlNode } from './xml.ts';

export function readEntries(
  nodes: readonly XmlNode[],
  reading: Reading,
  base: string | null,
  authors: string[],
): ParsedEntry[] {
  return nodes.map((node) => readEntry(node, reading, base, authors));
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

function finish(entry: Entry, reading: Reading, base: string | null, feedAuthors: string[]): ParsedEntry {
  const { links, media } = entry;
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
    published: firstDate(reading, entry.published, entry.created),
    updated: firstDate(reading, entry.updated),
    categories: entry.categories,
    enclosures: links.enclosures,
    commentsUrl: links.replies,
  };
}

function httpId(id: string, reading: Reading): string | null {
  return /^https?:\/\//i.test(id) ? firstUrl(reading, null, id) : null;
}
