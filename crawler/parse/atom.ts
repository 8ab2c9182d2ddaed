import { readEntries } from './atom-entry.ts';
import { noLinks, readLink } from './atom-links.ts';
import { addAtomPerson } from './atom-person.ts';
import { constructTitle, readConstruct } from './atom-text.ts';
import { DESCRIPTION_CHARS_MAX, TITLE_CHARS_MAX } from './limits.ts';
import type { ParsedFeed } from './model.ts';
import { firstDate, firstUrl, noHints, plain, type Reading } from './reading.ts';
import { innerBase } from './url.ts';
import { type Attributes, attributesOf, type Nodes, nameOf, nodesOf, rawOf, type XmlNode } from './xml.ts';

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
