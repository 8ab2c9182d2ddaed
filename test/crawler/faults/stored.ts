/** What a crawl has stored, and what is wrong with it. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { importFeeds } from '../../../crawler/add-feed.ts';
import type { Store } from '../../../store/contract.ts';
import { openStore } from '../../../store/open.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { until } from '../../rig/until.ts';

/** A database of its own, which goes with the test. */
export async function mongodbStore(t: Test): Promise<{ url: string } | { skip: string }> {
  const server = await mongodbUrl();
  if ('skip' in server) return server;
  const url = `${server.url}/feedferry-faults-${randomUUID().slice(0, 8)}`;
  t.teardown(async () => {
    const { MongoClient } = await import('mongodb');
    await using client = new MongoClient(url);
    await client.db().dropDatabase();
  });
  return { url };
}

/** Follows them, so that they are due an hour ago, or in so many ms. Returns their ids in order. */
export async function addDue(store: Store, urls: readonly string[], inMs = -3_600_000): Promise<string[]> {
  const feeds = urls.map((url) => ({ url, title: '', siteUrl: null, folder: null }));
  const { ids } = await importFeeds({ store, clock: () => Date.now() + inMs, random: () => 0, feeds });
  return ids;
}

export async function untilStored(store: Store, ids: readonly string[]): Promise<void> {
  await until(async () => {
    const records = await store.feeds.getMany(ids);
    return ids.every((id) => records.get(id)?.content.succeededAt != null);
  }, 'every feed was fetched and stored');
}

/** What is lost or doubled, a line each. */
export async function flaws(url: string, ids: readonly string[], perFeed: number): Promise<string[]> {
  // As another process finds it. What was acknowledged may show a moment later (docs/store.md, stable).
  await using store = await openStore(url);
  for (let tries = 0; ; tries += 1) {
    const found = await flawsNow(store, ids, perFeed);
    if (found.length === 0 || tries === 20) return found;
    await sleep(250);
  }
}

async function flawsNow(store: Store, ids: readonly string[], perFeed: number): Promise<string[]> {
  const found: string[] = [];
  const articles = await store.articles.scan({ limit: 100_000 });
  const byFeed = Map.groupBy(articles, ({ content }) => content.feed);
  for (const id of ids) {
    const count = byFeed.get(id)?.length ?? 0;
    if (count !== perFeed) found.push(`${id} has ${count} articles`);
  }
  const nums = new Set(articles.map(({ content }) => content.num));
  if (nums.size !== articles.length) found.push(`${articles.length - nums.size} numbers come twice`);
  if (articles.length !== perFeed * ids.length) found.push(`${articles.length} articles in all`);
  return found;
}
