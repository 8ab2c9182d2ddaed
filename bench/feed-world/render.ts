import { renderAtom } from './atom.ts';
import { damage } from './damage.ts';
import { makeEntry, type WorldEntry } from './entry.ts';
import type { WorldFeed } from './feed.ts';
import { renderJsonFeed } from './json-feed.ts';
import type { FeedFormat } from './kinds.ts';
import type { WorldOptions } from './options.ts';
import { newest, renderRss } from './rss.ts';

/** A feed document at one step, as it goes over the wire before compression. */
export interface FeedDocument {
  readonly body: Buffer;
  readonly contentType: string;
  /** Of the newest change in it; whole seconds, as HTTP dates have no finer. */
  readonly modifiedMs: number;
}

const RENDER: Readonly<Record<FeedFormat, (feed: WorldFeed, entries: WorldEntry[], origin: string) => string>> = {
  rss: renderRss,
  atom: renderAtom,
  json: renderJsonFeed,
};

const CONTENT_TYPES: Readonly<Record<FeedFormat, string>> = {
  rss: 'application/rss+xml; charset=utf-8',
  atom: 'application/atom+xml; charset=utf-8',
  json: 'application/feed+json',
};

/** Pure: of the options, the feed, the step and the origin that its links lead to. */
export function renderFeed(options: WorldOptions, feed: WorldFeed, step: number, origin: string): FeedDocument {
  const entries = entriesAt(options, feed, step, origin);
  const clean = Buffer.from(RENDER[feed.format](feed, entries, origin));
  const modifiedMs = Math.floor(newest(entries) / 1000) * 1000;
  return { modifiedMs, ...damage(options, feed, clean, CONTENT_TYPES[feed.format]) };
}

/** Newest first: the last `entries` that the feed has published. */
export function entriesAt(options: WorldOptions, feed: WorldFeed, step: number, origin: string): WorldEntry[] {
  const count = Math.min(step, options.entries);
  return Array.from({ length: count }, (_, i) => makeEntry(options, feed, step - 1 - i, step, origin));
}
