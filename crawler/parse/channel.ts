import { type Links, noLinks, readLink } from './atom-links.ts';
import { DESCRIPTION_CHARS_MAX, LABEL_CHARS_MAX, TITLE_CHARS_MAX } from './limits.ts';
import type { ParsedFeed, ScheduleHints } from './model.ts';
import { firstDate, firstUrl, noHints, plain, type Reading } from './reading.ts';
import { readItems } from './rss.ts';
import { characters, line, plainTitle } from './text.ts';
import { innerBase } from './url.ts';
import { type Attributes, attributesOf, type Nodes, nameOf, nodesOf, rawOf, type XmlNode } from './xml.ts';

/** The `channel` of RSS 0.9x and 2.0, and of RSS 1.0 (RDF), as it is being read. */
interface Channel {
  title: string;
  description: string;
  otherDescription: string;
  link: string;
  language: string;
  buildDate: string;
  date: string;
  image: string;
  itunesImage: string;
  thumbnail: string;
  icon: string;
  period: string;
  frequency: string;
  hints: ScheduleHints;
  links: Links;
  items: XmlNode[];
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const TTL_MS_MAX = 365 * DAY_MS;
const FREQUENCY_MAX = 10_000;
const DAYS: readonly string[] = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const PERIODS_MS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    hourly: HOUR_MS,
    daily: DAY_MS,
    weekly: 7 * DAY_MS,
    monthly: 30 * DAY_MS,
    yearly: 365 * DAY_MS,
  }),
);

/** Reads `rss`, `rdf:RDF` or a lone `channel`; items are looked for in the channel and beside it. */
export function readRss(root: XmlNode, rootName: string, format: 'rss' | 'rdf', reading: Reading): ParsedFeed {
  const channel = emptyChannel();
  const attributes = attributesOf(root);
  let base = innerBase(attributes['xml:base'], reading.url);
  let nodes = nodesOf(root, rootName);
  if (rootName === 'channel') nodes = [root];
  for (const node of nodes) {
    const name = nameOf(node);
    if (name === 'channel') {
      base = innerBase(attributesOf(node)['xml:base'], base);
      for (const child of nodesOf(node, name)) readElement(child, nameOf(child), channel, reading, base);
    } else if (name === 'item' || name === 'image' || name === 'title' || name === 'link') {
      readElement(node, name, channel, reading, base);
    }
  }
  return finish(channel, format, versionOf(attributes, format), reading, base);
}

function emptyChannel(): Channel {
  return {
    title: '',
    description: '',
    otherDescription: '',
    link: '',
    language: '',
    buildDate: '',
    date: '',
    image: '',
    itunesImage: '',
    thumbnail: '',
    icon: '',
    period: '',
    frequency: '',
    hints: noHints(),
    links: noLinks(),
    items: [],
  };
}

function readElement(node: XmlNode, name: string, channel: Channel, reading: Reading, base: string | null): void {
  switch (name) {
    case 'item':
      channel.items.push(node);
      break;
    case 'title':
    case 'dc:title':
      channel.title ||= plainTitle(characters(rawOf(node, name), reading.own), TITLE_CHARS_MAX);
      break;
    case 'description':
      channel.description ||= characters(rawOf(node, name), reading.own);
      break;
    case 'itunes:summary':
    case 'itunes:subtitle':
    case 'dc:description':
      channel.otherDescription ||= characters(rawOf(node, name), reading.own);
      break;
    case 'link': {
      const attributes = attributesOf(node);
      const text = plain(rawOf(node, name), reading);
      if (attributes.href === undefined) channel.link ||= text;
      else readLink(attributes, text, channel.links, reading, base);
      break;
    }
    case 'atom:link':
      readLink(attributesOf(node), '', channel.links, reading, base);
      break;
    case 'language':
    case 'dc:language':
      channel.language ||= line(plain(rawOf(node, name), reading), LABEL_CHARS_MAX);
      break;
    case 'lastbuilddate':
      channel.buildDate ||= plain(rawOf(node, name), reading);
      break;
    case 'pubdate':
    case 'dc:date':
    case 'atom:updated':
      channel.date ||= plain(rawOf(node, name), reading);
      break;
    case 'image':
      channel.image ||= childText(nodesOf(node, name), 'url', reading) || (attributesOf(node).href ?? '');
      break;
    case 'itunes:image':
      channel.itunesImage ||= attributesOf(node).href ?? '';
      break;
    case 'media:thumbnail':
    case 'media:content':
      channel.thumbnail ||= imageOf(attributesOf(node));
      break;
    case 'webfeeds:icon':
      channel.icon ||= plain(rawOf(node, name), reading);
      break;
    default:
      readHint(node, name, channel, reading);
  }
}

/** When a crawler should come back: RSS 2.0 `ttl skipHours skipDays`, RSS 1.0 syndication module. */
function readHint(node: XmlNode, name: string, channel: Channel, reading: Reading): void {
  const { hints } = channel;
  switch (name) {
    case 'ttl': {
      const minutes = Number(plain(rawOf(node, name), reading));
      if (minutes > 0) hints.ttlMs ??= Math.min(Math.round(minutes * MINUTE_MS), TTL_MS_MAX);
      break;
    }
    case 'skiphours':
      for (const text of childTexts(nodesOf(node, name), 'hour', reading)) {
        const hour = Number(text) % 24;
        if (/^\d{1,2}$/.test(text) && Number(text) <= 24 && !hints.skipHours.includes(hour)) hints.skipHours.push(hour);
      }
      break;
    case 'skipdays':
      for (const text of childTexts(nodesOf(node, name), 'day', reading)) {
        const day = DAYS.indexOf(text.toLowerCase());
        if (day !== -1 && !hints.skipDays.includes(day)) hints.skipDays.push(day);
      }
      break;
    case 'sy:updateperiod':
      channel.period ||= plain(rawOf(node, name), reading).toLowerCase();
      break;
    case 'sy:updatefrequency':
      channel.frequency ||= plain(rawOf(node, name), reading);
  }
}

function imageOf(attributes: Attributes): string {
  const { url, medium, type } = attributes;
  return url !== undefined && (medium ?? 'image') === 'image' && (type ?? 'image/').startsWith('image/') ? url : '';
}

function childTexts(nodes: Nodes, wanted: string, reading: Reading): string[] {
  return nodes.filter((node) => nameOf(node) === wanted).map((node) => plain(rawOf(node, wanted), reading));
}

function childText(nodes: Nodes, wanted: string, reading: Reading): string {
  return childTexts(nodes, wanted, reading)[0] ?? '';
}

/** The period divided by how often in it; the module's defaults are daily and once. */
function updatePeriodMs(channel: Channel): number | null {
  if (channel.period === '' && channel.frequency === '') return null;
  const period = PERIODS_MS.get(channel.period === '' ? 'daily' : channel.period);
  if (period === undefined) return null;
  const often = /^\d{1,5}$/.test(channel.frequency) ? Number(channel.frequency) : 1;
  return Math.round(period / Math.min(Math.max(often, 1), FREQUENCY_MAX));
}

function versionOf(attributes: Attributes, format: 'rss' | 'rdf'): string {
  if (format === 'rss') return line(attributes.version ?? '', LABEL_CHARS_MAX);
  return Object.values(attributes).some((value) => value?.includes('rdf/simple/0.9')) ? '0.90' : '1.0';
}

function finish(
  channel: Channel,
  format: 'rss' | 'rdf',
  version: string,
  reading: Reading,
  base: string | null,
): ParsedFeed {
  const { hints, links } = channel;
  hints.updatePeriodMs = updatePeriodMs(channel);
  const siteUrl = firstUrl(reading, base, channel.link) ?? links.alternate;
  return {
    format,
    version,
    title: channel.title,
    description: plainTitle(channel.description.trim() || channel.otherDescription, DESCRIPTION_CHARS_MAX),
    siteUrl,
    selfUrl: links.self,
    iconUrl: firstUrl(reading, base, channel.icon, channel.image, channel.itunesImage, channel.thumbnail),
    language: channel.language || null,
    updated: firstDate(reading, channel.buildDate, channel.date),
    hints,
    hubs: links.hubs,
    entries: readItems(channel.items, reading, base ?? siteUrl),
    warnings: [],
  };
}
