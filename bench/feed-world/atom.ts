import type { WorldEntry } from './entry.ts';
import type { WorldFeed } from './feed.ts';
import { cdata, escapeMarkup } from './markup.ts';
import { newest } from './rss.ts';

/** Atom 1.0 (RFC 4287). */
export function renderAtom(feed: WorldFeed, entries: readonly WorldEntry[], origin: string): string {
  const site = `${origin}/${feed.slug}/`;
  const head = [
    '<?xml version="1.0" encoding="utf-8"?>',
    `<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="${feed.prose.language}">`,
    `<id>${feed.idPrefix}feed</id>`,
    `<title>${escapeMarkup(feed.title)}</title>`,
    `<subtitle>${escapeMarkup(feed.description)}</subtitle>`,
    `<link rel="alternate" type="text/html" href="${site}"/>`,
    `<link rel="self" type="application/atom+xml" href="${origin}${feed.path}"/>`,
    `<icon>${site}icon.svg</icon>`,
    `<updated>${new Date(newest(entries)).toISOString()}</updated>`,
    '<generator>Feed world</generator>',
  ];
  return `${head.join('\n')}\n${entries.map((entry) => entryOf(feed, entry, origin)).join('\n')}\n</feed>\n`;
}

function entryOf(feed: WorldFeed, entry: WorldEntry, origin: string): string {
  const parts = [
    '<entry>',
    `<id>${entry.guid}</id>`,
    `<title>${escapeMarkup(entry.title)}</title>`,
    `<link rel="alternate" href="${origin}${entry.path}"/>`,
    `<published>${new Date(entry.publishedMs).toISOString()}</published>`,
    `<updated>${new Date(entry.updatedMs).toISOString()}</updated>`,
    `<author><name>${escapeMarkup(entry.author)}</name></author>`,
    ...entry.categories.map((name) => `<category term="${escapeMarkup(name)}"/>`),
    bodyOf(feed, entry, origin),
  ];
  if (entry.enclosure) {
    const { path, bytes, type } = entry.enclosure;
    parts.push(`<link rel="enclosure" href="${origin}${path}" length="${bytes}" type="${type}"/>`);
  }
  return `${parts.join('\n')}\n</entry>`;
}

function bodyOf(feed: WorldFeed, entry: WorldEntry, origin: string): string {
  const base = ` xml:base="${origin}${entry.path}"`;
  if (feed.style === 'cdata') return `<content type="html"${base}>${cdata(entry.html)}</content>`;
  if (feed.style === 'xhtml') {
    return `<content type="xhtml"${base}><div xmlns="http://www.w3.org/1999/xhtml">${entry.html}</div></content>`;
  }
  const content = `<content type="html"${base}>${escapeMarkup(entry.html)}</content>`;
  return feed.style === 'escaped' ? content : `<summary>${escapeMarkup(entry.summary)}</summary>\n${content}`;
}
