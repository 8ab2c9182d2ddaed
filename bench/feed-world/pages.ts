import { drawing, icon } from './drawing.ts';
import { makeEntry } from './entry.ts';
import type { WorldFeed } from './feed.ts';
import type { FeedFormat } from './kinds.ts';
import { escapeMarkup } from './markup.ts';
import type { World } from './world.ts';

/** What is not a feed document. */
export interface Page {
  readonly body: string | Buffer;
  readonly contentType: string;
}

const HTML = 'text/html; charset=utf-8';
const SVG = 'image/svg+xml';
const PIXEL = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>';
const LATEST_SHOWN = 30;

const TYPES: Readonly<Record<FeedFormat, string>> = {
  rss: 'application/rss+xml',
  atom: 'application/atom+xml',
  json: 'application/feed+json',
};

/** A page of one feed's site by its path below `/SLUG/`; undefined: there is none. */
export function sitePage(world: World, feed: WorldFeed, below: string, origin: string): Page | undefined {
  if (below === '') return { body: frontPage(world, feed, origin), contentType: HTML };
  if (below === 'icon.svg') return { body: icon(feed.title, feed.colour), contentType: SVG };
  if (below === 'pixel.svg') return { body: PIXEL, contentType: SVG };
  const picture = /^images\/(\d+-\d+)\.svg$/.exec(below)?.[1];
  if (picture !== undefined) return { body: drawing(picture, feed.colour, 720, 360), contentType: SVG };
  const [, folder, digits] = /^(articles|sounds)\/(\d{1,9})(?:\.mp3)?$/.exec(below) ?? [];
  const number = Number(digits);
  if (folder === undefined || number >= world.step(feed)) return undefined;
  if (folder === 'sounds') return { body: silence(), contentType: 'audio/mpeg' };
  return { body: articlePage(world, feed, number, origin), contentType: HTML };
}

/** Where a host has several sites. */
export function hostPage(feeds: readonly WorldFeed[], origin: string): Page {
  const links = feeds.map((feed) => `<li><a href="/${feed.slug}/">${escapeMarkup(feed.title)}</a></li>`);
  const body = shell(
    'Sites of this host',
    feeds.map((feed) => alternate(feed, origin)).join(''),
    `<ul>${links.join('')}</ul>`,
  );
  return { body, contentType: HTML };
}

function frontPage(world: World, feed: WorldFeed, origin: string): string {
  const step = world.step(feed);
  const latest = Array.from({ length: Math.min(step, LATEST_SHOWN) }, (_, i) => {
    const entry = makeEntry(world.options, feed, step - 1 - i, step, origin);
    return `<li><a href="${entry.path}">${escapeMarkup(entry.title)}</a> <small>${day(entry.publishedMs)}</small></li>`;
  });
  const body = `<p>${escapeMarkup(feed.description)}</p><ul>${latest.join('')}</ul>`;
  return shell(feed.title, alternate(feed, origin), body);
}

function articlePage(world: World, feed: WorldFeed, number: number, origin: string): string {
  const entry = makeEntry(world.options, feed, number, world.step(feed), origin);
  const by = `<p><small>${escapeMarkup(entry.author)}, ${day(entry.publishedMs)} · <a href="../">${escapeMarkup(feed.title)}</a></small></p>`;
  return shell(entry.title, alternate(feed, origin), by + entry.html);
}

function alternate(feed: WorldFeed, origin: string): string {
  return `<link rel="alternate" type="${TYPES[feed.format]}" title="${escapeMarkup(feed.title)}" href="${origin}${feed.listedPath}">`;
}

function shell(title: string, head: string, body: string): string {
  return `<!DOCTYPE html>
<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${head}<title>${escapeMarkup(title)}</title>
<style>body{max-width:40rem;margin:3rem auto;padding:0 1rem;font:1.1rem/1.6 Georgia,serif;color:#222}img{max-width:100%;height:auto}h1{line-height:1.2}</style>
</head><body><h1>${escapeMarkup(title)}</h1>${body}</body></html>
`;
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** One second of silence: 38 empty frames of MPEG-1 layer III, 128 kbit/s at 44.1 kHz (417 bytes each). */
function silence(): Buffer {
  const frame = Buffer.alloc(417);
  frame.set([0xff, 0xfb, 0x90, 0x00]);
  return Buffer.concat(Array.from({ length: 38 }, () => frame));
}
