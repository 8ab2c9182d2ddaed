import type { WorldEntry } from './entry.ts';
import type { WorldFeed } from './feed.ts';
import { cdata, escapeMarkup } from './markup.ts';

/** RSS 2.0, with the modules that real feeds use: content, dc, atom. */
export function renderRss(feed: WorldFeed, entries: readonly WorldEntry[], origin: string): string {
  const site = `${origin}/${feed.slug}/`;
  const head = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">',
    '<channel>',
    `<title>${escapeMarkup(feed.title)}</title>`,
    `<link>${site}</link>`,
    `<description>${escapeMarkup(feed.description)}</description>`,
    `<language>${feed.prose.language}</language>`,
    `<lastBuildDate>${new Date(newest(entries)).toUTCString()}</lastBuildDate>`,
    `<atom:link href="${origin}${feed.path}" rel="self" type="application/rss+xml"/>`,
    '<generator>Feed world</generator>',
    `<image><url>${site}icon.svg</url><title>${escapeMarkup(feed.title)}</title><link>${site}</link></image>`,
  ];
  return `${head.join('\n')}\n${entries.map((entry) => item(feed, entry, origin)).join('\n')}\n</channel>\n</rss>\n`;
}

function item(feed: WorldFeed, entry: WorldEntry, origin: string): string {
  const parts = [
    '<item>',
    `<title>${escapeMarkup(entry.title)}</title>`,
    `<link>${origin}${entry.path}</link>`,
    `<guid isPermaLink="false">${entry.guid}</guid>`,
    `<pubDate>${new Date(entry.publishedMs).toUTCString()}</pubDate>`,
    `<dc:creator>${escapeMarkup(entry.author)}</dc:creator>`,
    ...entry.categories.map((name) => `<category>${escapeMarkup(name)}</category>`),
    bodyOf(feed, entry),
  ];
  if (entry.enclosure) {
    const { path, bytes, type } = entry.enclosure;
    parts.push(`<enclosure url="${origin}${path}" length="${bytes}" type="${type}"/>`);
  }
  return `${parts.join('\n')}\n</item>`;
}

function bodyOf(feed: WorldFeed, entry: WorldEntry): string {
  if (feed.style === 'escaped') return `<description>${escapeMarkup(entry.html)}</description>`;
  if (feed.style === 'cdata') return `<description>${cdata(entry.html)}</description>`;
  return `<description>${escapeMarkup(entry.summary)}</description>\n<content:encoded>${cdata(entry.html)}</content:encoded>`;
}

/** When the newest or last edited entry changed. */
export function newest(entries: readonly WorldEntry[]): number {
  return Math.max(0, ...entries.map((entry) => entry.updatedMs));
}
