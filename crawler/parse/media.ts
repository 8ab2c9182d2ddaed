import { addEnclosure, type Enclosure, plain, type Reading } from './reading.ts';
import { attributesOf, type Nodes, nameOf, nodesOf, rawOf, type XmlNode } from './xml.ts';

/** What Media RSS says of an entry (https://www.rssboard.org/media-rss). */
export interface Media {
  title: string;
  /** Plain text or HTML, as its `type` says; plain by default. */
  description: string;
  descriptionIsHtml: boolean;
  enclosures: Enclosure[];
}

const GROUPS_DEPTH_MAX = 3;

export function noMedia(): Media {
  return { title: '', description: '', descriptionIsHtml: false, enclosures: [] };
}

/** Reads one `media:*` element of an entry into `media`. */
export function readMedia(node: XmlNode, name: string, media: Media, reading: Reading, base: string | null): void {
  readElement(node, name, media, reading, base, 0);
}

function readElement(
  node: XmlNode,
  name: string,
  media: Media,
  reading: Reading,
  base: string | null,
  depth: number,
): void {
  switch (name) {
    case 'media:title':
      media.title ||= plain(rawOf(node, name), reading);
      break;
    case 'media:description':
      if (media.description === '') {
        media.description = plain(rawOf(node, name), reading);
        media.descriptionIsHtml = attributesOf(node).type === 'html';
      }
      break;
    case 'media:content': {
      const found = attributesOf(node);
      addEnclosure(media.enclosures, reading, base, { url: found.url, type: found.type, length: found.filesize });
      readGroup(nodesOf(node, name), media, reading, base, depth);
      break;
    }
    case 'media:group':
      readGroup(nodesOf(node, name), media, reading, base, depth);
  }
}

function readGroup(nodes: Nodes, media: Media, reading: Reading, base: string | null, depth: number): void {
  if (depth >= GROUPS_DEPTH_MAX) return;
  for (const node of nodes) readElement(node, nameOf(node), media, reading, base, depth + 1);
}
