import { baseOf, type Links, noLinks, readLink } from './atom-links.ts';
import { addAtomPerson } from './atom-person.ts';
import { constructHtml, readConstruct } from './atom-text.ts';
import { TITLE_CHARS_MAX } from './limits.ts';
import { type Media, noMedia, readMedia } from './media.ts';
import type { ParsedEntry } from './model.ts';
import {
  addEnclosure,
  addLabel,
  addPerson,
  body,
  type Enclosure,
  firstDate,
  firstUrl,
  guidOf,
  plain,
  type Reading,
} from './reading.ts';
import { characters, htmlOf, plainTitle, textAsHtml, withParagraphs } from './text.ts';
import { innerBase } from './url.ts';
import { attributesOf, nameOf, nodesOf, rawOf, textOf, type XmlNode } from './xml.ts';

/** One `item` of RSS 0.9x, 1.0 or 2.0, as it is being read. */
interface Item {
  title: string;
  otherTitle: string;
  link: string;
  origLink: string;
  guid: string;
  guidIsLink: boolean;
  about: string;
  encoded: string;
  content: string;
  description: string;
  otherBody: string;
  pubDate: string;
  date: string;
  updated: string;
  creators: string[];
  authors: string[];
  otherAuthors: string[];
  categories: string[];
  comments: string;
  enclosures: Enclosure[];
  links: Links;
  media: Media;
}

export function readItems(nodes: readonly XmlNode[], reading: Reading, base: string | null): ParsedEntry[] {
  return nodes.map((node) => readItem(node, reading, base));
}

function readItem(node: XmlNode, reading: Reading, channelBase: string | null): ParsedEntry {
  const attributes = attributesOf(node);
  const base = innerBase(attributes['xml:base'], channelBase);
  const item = emptyItem(attributes['rdf:about'] ?? '');
  for (const child of nodesOf(node, 'item')) {
    const name = nameOf(child);
    readElement(child, name, item, reading, base);
  }
  return finish(item, reading, base);
}

function emptyItem(about: string): Item {
  return {
    title: '',
    otherTitle: '',
    link: '',
    origLink: '',
    guid: '',
    guidIsLink: true,
    about,
    encoded: '',
    content: '',
    description: '',
    otherBody: '',
    pubDate: '',
    date: '',
    updated: '',
    creators: [],
    authors: [],
    otherAuthors: [],
    categories: [],
    comments: '',
    enclosures: [],
    links: noLinks(),
    media: noMedia(),
  };
}

function readElement(node: XmlNode, name: string, item: Item, reading: Reading, base: string | null): void {
  switch (name) {
    case 'title':
      item.title ||= plainTitle(characters(rawOf(node, name), reading.own), TITLE_CHARS_MAX);
      break;
    case 'link': {
      const text = plain(rawOf(node, name), reading);
      const attributes = attributesOf(node);
      if (attributes.href === undefined) item.link ||= text;
      else readLink(attributes, text, item.links, reading, base);
      break;
    }
    case 'guid': {
      if (item.guid !== '') break;
      item.guid = plain(rawOf(node, name), reading);
      item.guidIsLink = attributesOf(node).ispermalink?.trim().toLowerCase() !== 'false';
      break;
    }
    case 'content:encoded':
    case 'encoded':
      item.encoded ||= htmlOf(rawOf(node, name), reading.own);
      break;
    case 'description':
      item.description ||= htmlOf(rawOf(node, name), reading.own);
      break;
    case 'body':
    case 'xhtml:body':
    case 'content':
      item.content ||= htmlOf(rawOf(node, name), reading.own);
      break;
    case 'pubdate':
      item.pubDate ||= plain(rawOf(node, name), reading);
      break;
    case 'enclosure': {
      const { url, type, length } = attributesOf(node);
      addEnclosure(item.enclosures, reading, base, { url, type, length });
      break;
    }
    case 'comments':
      item.comments ||= plain(rawOf(node, name), reading);
      break;
    case 'author':
      addAuthor(item.authors, node, reading);
      break;
    case 'category':
      addLabel(item.categories, plain(rawOf(node, name), reading));
      break;
    default:
      if (name.indexOf(':') !== -1) readExtension(node, name, item, reading, base);
      else readForeign(node, name, item, reading);
  }
}

/** Elements of other formats that publishers put into RSS without a prefix. */
function readForeign(node: XmlNode, name: string, item: Item, reading: Reading): void {
  switch (name) {
    case 'summary':
      item.otherBody ||= htmlOf(rawOf(node, name), reading.own);
      break;
    case 'published':
    case 'created':
    case 'issued':
      item.date ||= plain(rawOf(node, name), reading);
      break;
    case 'updated':
    case 'modified':
      item.updated ||= plain(rawOf(node, name), reading);
  }
}

function readExtension(node: XmlNode, name: string, item: Item, reading: Reading, base: string | null): void {
  switch (name) {
    case 'dc:creator':
    case 'dc:author':
      addPerson(item.creators, plain(rawOf(node, name), reading));
      break;
    case 'dc:date':
    case 'dcterms:created':
    case 'dcterms:issued':
    case 'atom:published':
      item.date ||= plain(rawOf(node, name), reading);
      break;
    case 'dcterms:modified':
    case 'atom:updated':
      item.updated ||= plain(rawOf(node, name), reading);
      break;
    case 'dc:subject':
      addLabel(item.categories, plain(rawOf(node, name), reading));
      break;
    case 'itunes:keywords':
      for (const word of plain(rawOf(node, name), reading).split(',')) addLabel(item.categories, word);
      break;
    case 'atom:category': {
      const { label, term } = attributesOf(node);
      addLabel(item.categories, label || term || '');
      break;
    }
    case 'dc:title':
    case 'itunes:title':
    case 'atom:title':
      item.otherTitle ||= plainTitle(characters(rawOf(node, name), reading.own), TITLE_CHARS_MAX);
      break;
    case 'dc:identifier':
    case 'atom:id':
      item.about ||= plain(rawOf(node, name), reading);
      break;
    case 'dc:description':
    case 'itunes:summary':
      item.otherBody ||= htmlOf(rawOf(node, name), reading.own);
      break;
    case 'atom:summary':
      item.otherBody ||= constructHtml(readConstruct(node, name, reading, base));
      break;
    case 'atom:content':
      item.content ||= constructHtml(readConstruct(node, name, reading, base));
      break;
    case 'atom:link':
      readLink(attributesOf(node), '', item.links, reading, base);
      break;
    case 'atom:author':
      addAtomPerson(item.authors, nodesOf(node, name), reading);
      break;
    case 'itunes:author':
      addPerson(item.otherAuthors, plain(rawOf(node, name), reading));
      break;
    case 'feedburner:origlink':
      item.origLink ||= plain(rawOf(node, name), reading);
      break;
    default:
      if (name.startsWith('media:')) readMedia(node, name, item.media, reading, base);
  }
}

/** `author` holds `mail (name)` in RSS; some put Atom's `name` into it. */
export function addAuthor(authors: string[], node: XmlNode, reading: Reading): void {
  const nodes = nodesOf(node, 'author');
  if (nodes.some((child) => nameOf(child) !== '#text')) addAtomPerson(authors, nodes, reading);
  else addPerson(authors, textOf(nodes).trim());
}

function finish(item: Item, reading: Reading, base: string | null): ParsedEntry {
  const { links, media } = item;
  const guidLink = item.guidIsLink && /^https?:\/\//i.test(item.guid) ? item.guid : '';
  const url =
    firstUrl(reading, base, item.origLink, item.link) ??
    links.alternate ??
    firstUrl(reading, base, guidLink, /^https?:\/\//i.test(item.about) ? item.about : '');
  const described = media.descriptionIsHtml ? media.description : textAsHtml(media.description);
  const short = item.description || item.otherBody || described;
  const long = item.encoded || item.content;
  const html = long.trim() !== '' ? long : short;
  for (const found of [...links.enclosures, ...media.enclosures]) {
    if (!item.enclosures.some((known) => known.url === found.url)) item.enclosures.push(found);
  }
  return {
    guid: guidOf(item.guid) ?? guidOf(item.about),
    url,
    title: item.title || item.otherTitle || plainTitle(media.title, TITLE_CHARS_MAX),
    authors: [item.creators, item.authors, item.otherAuthors].find((list) => list.length > 0) ?? [],
    html: body(withParagraphs(html), reading),
    summaryHtml: html !== short ? body(withParagraphs(short), reading) : '',
    base: baseOf(base, url, reading),
    published: firstDate(reading, item.pubDate, item.date),
    updated: firstDate(reading, item.updated),
    categories: item.categories,
    enclosures: item.enclosures,
    commentsUrl: firstUrl(reading, base, item.comments) ?? links.replies,
  };
}
