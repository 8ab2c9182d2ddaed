import { parseError } from './errors.ts';
import {
  AUTHORS_MAX,
  DESCRIPTION_CHARS_MAX,
  ENTRIES_MAX,
  JSON_DEPTH_MAX,
  JSON_VALUES_MAX,
  LABEL_CHARS_MAX,
  TITLE_CHARS_MAX,
} from './limits.ts';
import type { ParsedEntry, ParsedFeed } from './model.ts';
import {
  addEnclosure,
  addHub,
  addLabel,
  body,
  type Enclosure,
  firstDate,
  firstUrl,
  guidOf,
  noHints,
  type Reading,
} from './reading.ts';
import { line, textAsHtml } from './text.ts';
import { excerpt } from './warnings.ts';

type Json = Readonly<Record<string, unknown>>;

/** JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/). Throws PARSE_MALFORMED and PARSE_NOT_A_FEED. */
export function readJsonFeed(text: string, reading: Reading): ParsedFeed {
  const feed = parseObject(text);
  const version = asText(feed, 'version', reading);
  const items = feed.items;
  if (!Array.isArray(items) || (version === '' && typeof feed.title !== 'string')) {
    throw parseError('PARSE_NOT_A_FEED', `This JSON is no JSON Feed: ${excerpt(text)}`);
  }
  const authors = asAuthors(feed, reading);
  if (items.length > ENTRIES_MAX) {
    reading.warnings.add('PARSE_ENTRIES_LEFT_OUT', `${items.length - ENTRIES_MAX} entries were left out`);
  }
  const hubs: string[] = [];
  // Hubs of other protocols (rssCloud) speak of their own.
  const webSub = asList(feed, 'hubs').filter(({ type }) => typeof type !== 'string' || /^websub$/i.test(type.trim()));
  for (const hub of webSub) addHub(hubs, asUrl(hub, 'url', reading, reading.url));
  return {
    format: 'json',
    version: line(version, LABEL_CHARS_MAX),
    title: line(asText(feed, 'title', reading), TITLE_CHARS_MAX),
    description: line(asText(feed, 'description', reading), DESCRIPTION_CHARS_MAX),
    siteUrl: asUrl(feed, 'home_page_url', reading, reading.url),
    selfUrl: asUrl(feed, 'feed_url', reading, reading.url),
    iconUrl: asUrl(feed, 'icon', reading, reading.url) ?? asUrl(feed, 'favicon', reading, reading.url),
    language: line(asText(feed, 'language', reading), LABEL_CHARS_MAX) || null,
    updated: null,
    hints: noHints(),
    hubs,
    entries: items.slice(0, ENTRIES_MAX).flatMap((item: unknown) => {
      if (isObject(item)) return [readItem(item, reading, authors)];
      reading.warnings.add('PARSE_FIELD', `an item is no object: ${excerpt(String(item))}`);
      return [];
    }),
    warnings: [],
  };
}

function parseObject(text: string): Json {
  measure(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw parseError('PARSE_MALFORMED', `The JSON is broken: ${excerpt(String(cause), 120)}`, { cause });
  }
  if (!isObject(value)) throw parseError('PARSE_NOT_A_FEED', 'This JSON is no object.');
  return value;
}

/** `JSON.parse` builds whatever there is: brackets cost it sixty times their size. Throws PARSE_TOO_DEEP and PARSE_TOO_LARGE. */
function measure(text: string): void {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = stringEnd(text, at);
    else if (char === COMMA) values += 1;
    else if (char === OPEN_BRACKET || char === OPEN_BRACE) {
      depth += 1;
      values += 1;
    } else if (char === CLOSE_BRACKET || char === CLOSE_BRACE) depth -= 1;
    if (depth > JSON_DEPTH_MAX) {
      throw parseError('PARSE_TOO_DEEP', `The values of this JSON are nested more than ${JSON_DEPTH_MAX} deep.`);
    }
    if (values > JSON_VALUES_MAX) {
      throw parseError('PARSE_TOO_LARGE', `This JSON has more than ${JSON_VALUES_MAX} values.`);
    }
  }
}

const [QUOTE, BACKSLASH, COMMA] = [34, 92, 44];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [91, 93, 123, 125];

/** Where the string ends that begins here. */
function stringEnd(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return at;
  }
  return text.length;
}

function readItem(item: Json, reading: Reading, feedAuthors: string[]): ParsedEntry {
  const id = asText(item, 'id', reading);
  const url =
    asUrl(item, 'url', reading, reading.url) ??
    asUrl(item, 'external_url', reading, reading.url) ??
    (/^https?:\/\//i.test(id) ? firstUrl(reading, null, id) : null);
  const html = asText(item, 'content_html', reading).trim() || textAsHtml(asText(item, 'content_text', reading));
  const summary = textAsHtml(asText(item, 'summary', reading));
  const authors = asAuthors(item, reading);
  const categories: string[] = [];
  for (const tag of Array.isArray(item.tags) ? item.tags : []) if (typeof tag === 'string') addLabel(categories, tag);
  const enclosures: Enclosure[] = [];
  for (const file of asList(item, 'attachments')) {
    addEnclosure(enclosures, reading, reading.url, {
      url: typeof file.url === 'string' ? file.url.toWellFormed() : undefined,
      type: asText(file, 'mime_type', reading) || undefined,
      length: typeof file.size_in_bytes === 'number' ? String(Math.trunc(file.size_in_bytes)) : undefined,
    });
  }
  return {
    guid: guidOf(id),
    url,
    title: line(asText(item, 'title', reading), TITLE_CHARS_MAX),
    authors: authors.length > 0 ? authors : feedAuthors,
    html: body(html || summary, reading),
    summaryHtml: html !== '' ? body(summary, reading) : '',
    base: url ?? reading.url,
    published: firstDate(reading, asText(item, 'date_published', reading)),
    updated: firstDate(reading, asText(item, 'date_modified', reading)),
    categories,
    enclosures,
    commentsUrl: null,
  };
}

/** 1.1 has `authors`, 1.0 one `author`. */
function asAuthors(from: Json, reading: Reading): string[] {
  const authors: string[] = [];
  const list = asList(from, 'authors');
  for (const author of list.length > 0 ? list : isObject(from.author) ? [from.author] : []) {
    addLabel(authors, asText(author, 'name', reading) || asText(author, 'url', reading), AUTHORS_MAX);
  }
  return authors;
}

function asList(from: Json, key: string): Json[] {
  const value = from[key];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** Numbers count as text: ids are written so by many. */
function asText(from: Json, key: string, reading: Reading): string {
  const value = from[key];
  if (typeof value === 'string') return value.toWellFormed().replaceAll('\0', '');
  if (typeof value === 'number') return String(value);
  if (value !== undefined && value !== null) reading.warnings.add('PARSE_FIELD', `${key} is no text`);
  return '';
}

function asUrl(from: Json, key: string, reading: Reading, base: string | null): string | null {
  return firstUrl(reading, base, typeof from[key] === 'number' ? '' : asText(from, key, reading));
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
