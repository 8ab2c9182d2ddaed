/** Crawls of a test: a fresh store of either engine, a fetcher that may ask loopback, a clock that a test can move. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { importFeeds } from '../../crawler/add-feed.ts';
import { type CrawlOptions, type CrawlSummary, crawl } from '../../crawler/crawler.ts';
import { type Fetcher, openFetcher } from '../../crawler/fetch.ts';
import type { Database, Live, Store } from '../../store/contract.ts';
import type { Article, FeedRecord } from '../../store/documents.ts';
import { openStore } from '../../store/open.ts';
import { mongodbUrl } from '../rig/mongodb.ts';
import { skipLoudly } from '../rig/skip.ts';

export interface Setting extends AsyncDisposable {
  readonly url: string;
  readonly store: Store;
  readonly fetcher: Fetcher;
  readonly clock: { now: number };
  /** Adds feeds that are due at once; returns their ids in order. */
  add(...urls: string[]): Promise<string[]>;
  crawl(more?: Partial<CrawlOptions>): Promise<CrawlSummary>;
  feed(id: string | undefined): Promise<FeedRecord>;
  /** Of one feed or all, in the order of their numbers. */
  articles(feed?: string): Promise<Live<Article>[]>;
}

/** 2026-01-05T12:00:00Z, a Monday. */
export const START = Date.UTC(2026, 0, 5, 12);

/** An engine's way to a new store. */
export interface TestEngine {
  readonly name: string;
  fresh(): Promise<{ url: string; cleanup(): Promise<void> }>;
}

export const sqlite: TestEngine = {
  name: 'SQLite',
  async fresh() {
    const folder = await mkdtemp(join(tmpdir(), 'feedferry-crawl-'));
    return {
      url: `sqlite:${join(folder, 'feedferry.db')}`,
      cleanup: () => rm(folder, { recursive: true, force: true }),
    };
  },
};

/** Runs the same test on every engine; one that is not to be had is skipped loudly. */
export async function onEachEngine(t: Test, title: string, run: (t: Test, engine: TestEngine) => Promise<void>) {
  await t.test(`${title} (SQLite)`, (t) => run(t, sqlite));
  await t.test(`${title} (MongoDB)`, async (t) => {
    const server = await mongodbUrl();
    if ('skip' in server) return skipLoudly(t, server.skip);
    await run(t, mongodb(server.url));
  });
}

function mongodb(base: string): TestEngine {
  return {
    name: 'MongoDB',
    async fresh() {
      const name = `feedferry-crawl-${randomUUID().slice(0, 8)}`;
      const cleanup = async () => {
        const { MongoClient } = await import('mongodb');
        await using client = new MongoClient(base);
        await client.db(name).dropDatabase();
      };
      return { url: `${base}/${name}`, cleanup };
    },
  };
}

export async function setting(engine: TestEngine = sqlite): Promise<Setting> {
  const { url, cleanup } = await engine.fresh();
  const store = await openStore(url);
  const fetcher = openFetcher({ userAgent: 'Feedferry-Test/1.0', allowPrivate: ['127.0.0.0/8'], timeoutMs: 5_000 });
  const clock = { now: START };
  const settings: Setting = {
    url,
    store,
    fetcher,
    clock,
    add: async (...urls) => {
      const feeds = urls.map((feedUrl) => ({ url: feedUrl, title: '', siteUrl: null, folder: null }));
      const { ids } = await importFeeds({ store, clock: () => clock.now, random: () => 0, feeds });
      return ids;
    },
    crawl: (more) => crawl({ ...crawlOptions(settings), ...more }),
    feed: async (id = '') => {
      const live = await store.feeds.get(id);
      if (live === undefined) throw new Error(`no feed ${id}`);
      return live.content;
    },
    articles: async (feed) => {
      const found = await store.articles.scan({ limit: 10_000, ...(feed === undefined ? {} : { prefix: `${feed}.` }) });
      return found.toSorted((a, b) => a.content.num - b.content.num);
    },
    [Symbol.asyncDispose]: async () => {
      await fetcher[Symbol.asyncDispose]();
      await store.close();
      await cleanup();
    },
  };
  return settings;
}

export function crawlOptions({ store, fetcher, clock }: Pick<Setting, 'store' | 'fetcher' | 'clock'>): CrawlOptions {
  return {
    store,
    fetcher,
    concurrency: 8,
    force: false,
    hostGapMs: 0,
    hostConnections: 4,
    clock: () => clock.now,
    random: () => 0,
    minIntervalMs: 15 * 60_000,
    maxIntervalMs: 24 * 3_600_000,
  };
}

/** The last number of every slot: it moves with each write and with nothing else. */
export async function changeFeedEnd<C>(database: Database<C>): Promise<string> {
  const slots = await database.changes.slots();
  return slots
    .filter(({ stable }) => stable > 0)
    .map(({ slot, stable }) => `${slot}:${stable}`)
    .join(' ');
}
