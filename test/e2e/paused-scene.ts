/** A store whose feeds are due, of a publisher who answers when a test lets him. */
import { join } from 'node:path';
import type { Test } from 'tap';
import { importFeeds } from '../../crawler/add-feed.ts';
import { openStore } from '../../store/open.ts';
import { entries, type FeedSite, feedSite } from '../crawler/feed-site.ts';
import { type Cli, cliFor } from './cli-process.ts';

export interface Scene {
  readonly cli: Cli;
  readonly site: FeedSite;
  readonly store: string;
  /** Answers are held back until then. */
  open(): void;
}

/** `store`: default one in SQLite. The first request is answered at once. */
export async function scene(t: Test, store: string | undefined, feeds: number): Promise<Scene> {
  const cli = await cliFor(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  const names = Array.from({ length: feeds }, (_, i) => `feed-${i}`);
  // The first request is answered at once, so that a crawler has its writers open when it meets the others.
  let isFirst = true;
  const before = () => {
    const held = isFirst ? undefined : promise;
    isFirst = false;
    return held;
  };
  const site = await feedSite(Object.fromEntries(names.map((name) => [name, { entries: entries(3), before }])));
  t.teardown(() => site[Symbol.asyncDispose]());
  const url = store ?? `sqlite:${join(cli.folder, 'a.db')}`;
  await using opened = await openStore(url);
  const list = names.map((name, i) => ({
    ...{ url: site.at(`127.0.6.${1 + i}`, `/${name}`), title: '', siteUrl: null, folder: null },
  }));
  await importFeeds({ store: opened, clock: () => Date.now() - 3_600_000, random: () => 0, feeds: list });
  return { cli, site, store: url, open: resolve };
}

export async function written(store: string): Promise<{ articles: number; tried: number }> {
  await using opened = await openStore(store);
  const records = await opened.feeds.scan({ limit: 1_000 });
  const tried = records.filter(({ content }) => content.triedAt !== null).length;
  return { articles: await opened.articles.count(), tried };
}
