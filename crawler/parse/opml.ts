import { Parser } from 'htmlparser2';
import { canonicalFeedUrl } from '../../store/ids.ts';
import { decodeBody } from './charset.ts';
import { parseError } from './errors.ts';
import {
  ELEMENTS_DEPTH_MAX,
  LABEL_CHARS_MAX,
  OPML_BYTES_MAX,
  OPML_DEPTH_MAX,
  OPML_OUTLINES_MAX,
  TITLE_CHARS_MAX,
} from './limits.ts';
import { mendCharacters } from './mend.ts';
import type { ParseWarning } from './model.ts';
import { line } from './text.ts';
import { absoluteUrl } from './url.ts';
import { excerpt, Warnings } from './warnings.ts';

/** One subscription of a list. */
export interface OpmlFeed {
  /** Absolute http(s), canonical (see `canonicalFeedUrl`). */
  url: string;
  /** May be empty. */
  title: string;
  siteUrl: string | null;
  /** Nested folders as a path: `News/Local`. Null: none. */
  folder: string | null;
}

/**
 * Reads a subscription list, OPML 1.0 or 2.0 (http://opml.org/spec2.opml), as other readers write it: any case of
 * attributes, HTML entities, unescaped `&`, missing end tags. Feeds come in the order of the file, none twice.
 * Throws OPML_EMPTY, OPML_NOT_OPML, OPML_TOO_LARGE.
 */
export function parseOpml(body: Uint8Array): { feeds: OpmlFeed[]; warnings: ParseWarning[] } {
  if (body.byteLength > OPML_BYTES_MAX) {
    throw parseError('OPML_TOO_LARGE', `The file has ${body.byteLength} bytes; the limit is ${OPML_BYTES_MAX}.`);
  }
  const warnings = new Warnings();
  const text = mendCharacters(decodeBody(body, undefined, warnings), warnings);
  if (text.trim() === '') throw parseError('OPML_EMPTY', 'The file is empty.');
  const outlines = new Outlines(warnings);
  scan(text, outlines);
  if (!outlines.isOpml) throw parseError('OPML_NOT_OPML', `This is no OPML: ${excerpt(text)}`);
  if (!/<\/opml\s*>\s*$/i.test(text.slice(-1_000).replace(/<!--.*?-->/gs, ''))) {
    warnings.add('OPML_MENDED', 'the file ends early; what is there was read');
  }
  return { feeds: [...outlines.feeds.values()], warnings: warnings.list() };
}

const TOO_DEEP = Symbol('elements nested too deep');

function scan(text: string, outlines: Outlines): void {
  let depth = 0;
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        depth += 1;
        if (depth > ELEMENTS_DEPTH_MAX) throw TOO_DEEP;
        outlines.open(name, attributes);
      },
      onclosetag(name) {
        depth -= 1;
        outlines.close(name);
      },
    },
    { lowerCaseTags: true, lowerCaseAttributeNames: true, recognizeSelfClosing: true },
  );
  try {
    parser.write(text);
    parser.end();
  } catch (error) {
    // What was read up to here counts; that outlines are nested too deep has been told.
    if (error !== TOO_DEEP) throw error;
  }
}

class Outlines {
  readonly feeds = new Map<string, OpmlFeed>();
  isOpml = false;
  readonly #warnings: Warnings;
  /** Of each open outline its folder name; null where it is a feed or has no name. */
  readonly #path: (string | null)[] = [];
  #seen = 0;
  #left = 0;

  constructor(warnings: Warnings) {
    this.#warnings = warnings;
  }

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    if (name === 'opml') this.isOpml = true;
    if (name !== 'outline') return;
    this.isOpml ||= attributes.xmlurl !== undefined;
    this.#seen += 1;
    const isFeed = attributes.xmlurl !== undefined || isFeedType(attributes.type);
    if (this.#seen > OPML_OUTLINES_MAX || this.#path.length >= OPML_DEPTH_MAX) this.#leaveOut();
    else if (isFeed) this.#feed(attributes);
    this.#path.push(isFeed ? null : line(attributes.text || attributes.title || '', LABEL_CHARS_MAX) || null);
  }

  close(name: string): void {
    if (name === 'outline') this.#path.pop();
  }

  #leaveOut(): void {
    this.#left += 1;
    if (this.#left > 1) return;
    const limits = `${OPML_OUTLINES_MAX} outlines, ${OPML_DEPTH_MAX} deep`;
    this.#warnings.add('OPML_LIMIT', `the limits are ${limits}; what lies beyond was left out`);
  }

  #feed(attributes: Readonly<Record<string, string>>): void {
    const address = attributes.xmlurl || attributes.url || '';
    const title = line(attributes.title || attributes.text || '', TITLE_CHARS_MAX);
    const url = canonicalFeedUrl(address);
    if (url === undefined || absoluteUrl(url, null) === null) {
      const what = address === '' ? 'no address' : `not an http(s) address: ${excerpt(address)}`;
      this.#warnings.add('OPML_URL', title === '' ? what : `${excerpt(title)}: ${what}`);
    } else if (this.feeds.has(url)) {
      this.#warnings.add('OPML_DUPLICATE', `listed more than once: ${url}`);
    } else {
      const folder = this.#path.filter((name) => name !== null).join('/');
      this.feeds.set(url, {
        url,
        title,
        siteUrl: absoluteUrl(attributes.htmlurl ?? '', null),
        folder: folder === '' ? null : line(folder, LABEL_CHARS_MAX),
      });
    }
  }
}

function isFeedType(type: string | undefined): boolean {
  return /^(?:rss|atom|rdf|feed)\d*$/i.test(type?.trim() ?? '');
}

/** A list in OPML 2.0 that `parseOpml` reads back to the same feeds. A folder becomes one outline, `A/B` as it stands. */
export function writeOpml(feeds: readonly OpmlFeed[], title: string, at: Date): string {
  const folders = new Map<string, OpmlFeed[]>();
  const loose: OpmlFeed[] = [];
  for (const feed of feeds) {
    if (feed.folder === null || feed.folder.trim() === '') loose.push(feed);
    else folders.set(feed.folder, [...(folders.get(feed.folder) ?? []), feed]);
  }
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<opml version="2.0">',
    '  <head>',
    `    <title>${escapeXml(title)}</title>`,
    `    <dateCreated>${at.toUTCString()}</dateCreated>`,
    '  </head>',
    '  <body>',
  ];
  for (const [folder, inside] of folders) {
    lines.push(`    <outline text="${escapeXml(folder)}" title="${escapeXml(folder)}">`);
    for (const feed of inside) lines.push(`      ${outline(feed)}`);
    lines.push('    </outline>');
  }
  for (const feed of loose) lines.push(`    ${outline(feed)}`);
  lines.push('  </body>', '</opml>', '');
  return lines.join('\n');
}

function outline(feed: OpmlFeed): string {
  // The specification wants a text; readers show it.
  const title = escapeXml(feed.title);
  const site = feed.siteUrl === null ? '' : ` htmlUrl="${escapeXml(feed.siteUrl)}"`;
  return `<outline type="rss" text="${title}" title="${title}" xmlUrl="${escapeXml(feed.url)}"${site}/>`;
}

/** For attributes and text; what XML forbids is dropped, white space kept from being normalised. */
function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(/[\t\n\r]/g, ' ');
}
