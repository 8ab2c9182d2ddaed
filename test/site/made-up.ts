import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Edit, Store, Writer } from '../../store/contract.ts';
import type { Article, Contents, FeedRecord } from '../../store/documents.ts';
import { articleId, feedId } from '../../store/ids.ts';
import { openStore } from '../../store/open.ts';
import type { Engine } from '../contract/engine.ts';

/** 2025-11-21T12:00:00Z. */
export const NOON = 1_763_726_400_000;
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Held open, as a crawler holds its own: numbers grow with arrival then, also within one second. */
const writers = new WeakMap<Store, Map<string, Promise<Writer<never>>>>();

async function write<N extends 'feeds' | 'articles'>(store: Store, name: N, edits: Edit<Contents[N]>[]): Promise<void> {
  const open = writers.get(store) ?? new Map<string, Promise<Writer<never>>>();
  writers.set(store, open);
  const opened = open.get(name) as Promise<Writer<Contents[N]>> | undefined;
  const writer = opened ?? store.database(name).openWriter({ owner: 'test', durability: 'lazy' });
  open.set(name, writer as Promise<Writer<never>>);
  await (await writer).edit(edits);
  await (await writer).settle();
}

/** An empty store of its own, removed after the test. */
export async function emptyStore(t: Test, clock: () => number = Date.now, engine?: Engine): Promise<Store> {
  const { url, cleanup } = await (engine?.fresh() ?? freshFile());
  const store = await (engine?.open(url, { clock }) ?? openStore(url, { clock }));
  t.teardown(async () => {
    for (const writer of writers.get(store)?.values() ?? []) await (await writer).close();
    await store.close();
    await cleanup();
  });
  return store;
}

async function freshFile(): Promise<{ url: string; cleanup(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-site-'));
  return { url: `sqlite:${join(folder, 'a.db')}`, cleanup: () => rm(folder, { recursive: true, force: true }) };
}

export function feedUrl(name: string): string {
  return `https://${name}.example.org/feed`;
}

/** `_id` of the made-up feed of this name. */
export function feedOf(name: string): string {
  return feedId(feedUrl(name));
}

/** `_id` of an article that `addArticles` made. */
export function articleOf(name: string, identity: string): string {
  return articleId(feedOf(name), identity);
}

export function madeUpFeed(name: string, over: Partial<FeedRecord> = {}): FeedRecord {
  return {
    num: 0,
    url: feedUrl(name),
    title: `${name[0]?.toUpperCase()}${name.slice(1)}`,
    siteUrl: `https://${name}.example.org/`,
    description: '',
    iconUrl: null,
    format: 'atom',
    language: 'en',
    etag: null,
    lastModified: null,
    bodyHash: null,
    addedAt: NOON - DAY,
    nextAt: NOON + HOUR,
    nextWhy: 'max-age of 1 h',
    intervalMs: HOUR,
    triedAt: NOON - MINUTE,
    succeededAt: NOON - MINUTE,
    changedAt: NOON - MINUTE,
    errors: 0,
    state: 'active',
    lastError: null,
    history: [],
    ...over,
  };
}

export function madeUpArticle(name: string, identity: string, over: Partial<Article> = {}): Article {
  return {
    feed: feedOf(name),
    num: 0,
    guid: identity,
    url: `https://${name}.example.org/${identity}`,
    title: `${identity} of ${name}`,
    authors: [],
    html: `<p>The body of ${identity}.</p>`,
    summary: `What ${identity} is about.`,
    published: NOON - HOUR,
    updated: null,
    arrived: NOON,
    at: NOON - HOUR,
    categories: [],
    enclosures: [],
    fingerprint: identity,
    ...over,
  };
}

/** Stores feeds as a crawler would. */
export async function addFeeds(
  store: Store,
  feeds: readonly (readonly [string, Partial<FeedRecord>?])[],
): Promise<void> {
  const edits = feeds.map(([name, over]) => ({ id: feedOf(name), content: madeUpFeed(name, over) }));
  await write(store, 'feeds', edits);
}

/** Stores articles of a feed, oldest first: the first one is as old as the number of them in hours. */
export async function addArticles(
  store: Store,
  name: string,
  articles: readonly (readonly [string, Partial<Article>?])[],
): Promise<string[]> {
  const edits = articles.map(([identity, over], i) => {
    const at = NOON - (articles.length - i) * HOUR;
    const content = madeUpArticle(name, identity, { at, published: at, ...over });
    return { id: articleOf(name, identity), content, ifVer: null };
  });
  await write(store, 'articles', edits);
  return edits.map((edit) => edit.id);
}

/** Takes articles away, as a removal of their feed does. */
export async function removeArticles(store: Store, ids: readonly string[]): Promise<void> {
  await write(
    store,
    'articles',
    ids.map((id) => ({ id, content: null })),
  );
}
