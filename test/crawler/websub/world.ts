/** A publisher with a hub, and a reader that has its feed. */
import type { Test } from 'tap';
import { type FeedSite, feedSite, type SiteEntry, type SiteFeed } from '../feed-site.ts';
import { START, type TestEngine } from '../harness.ts';
import { type Hub, startHub } from './hub.ts';
import { HOUR_MS, type Reader, readerSite } from './reader-site.ts';

export interface World {
  readonly hub: Hub;
  readonly publisher: FeedSite;
  readonly reader: Reader;
  /** What is published; a test changes it. */
  readonly source: SiteFeed;
  /** Of the feed: its id, and the URL by which the hub knows it. */
  readonly feed: string;
  readonly topic: string;
}

/** A publisher of one feed with this hub (and others before it), and a reader that has it. */
export async function world(t: Test, engine?: TestEngine, hubsBefore: readonly string[] = []): Promise<World> {
  const hub = await startHub();
  const source: SiteFeed = { entries: entriesOf('one'), etag: '"1"' };
  const publisher = await feedSite({ news: source });
  t.teardown(async () => {
    await hub[Symbol.asyncDispose]();
    await publisher[Symbol.asyncDispose]();
  });
  const topic = `${publisher.url}/news`;
  source.channel = linksOf([...hubsBefore, hub.hubUrl], topic);
  const reader = await readerSite(t, engine, () => hub.settled());
  const [feed = ''] = await reader.add(topic);
  return { hub, publisher, reader, source, feed, topic };
}

export function linksOf(hubs: readonly string[], topic: string): string {
  const link = (rel: string, href: string) =>
    `<a:link xmlns:a="http://www.w3.org/2005/Atom" rel="${rel}" href="${href}"/>`;
  return [...hubs.map((href) => link('hub', href)), link('self', topic)].join('');
}

export function entriesOf(...guids: string[]): SiteEntry[] {
  return guids.map((guid) => ({ guid, published: START - HOUR_MS }));
}

/** A feed with these entries alone, as a hub pushes it. */
export function atom(...entries: { id: string; title?: string; updated: string }[]): string {
  const all = entries.map(
    ({ id, title = id, updated }) =>
      `<entry><id>${id}</id><title>${title}</title><updated>${updated}</updated><content>${title}</content></entry>`,
  );
  return `<feed xmlns="http://www.w3.org/2005/Atom"><title>A feed</title><updated>2026-01-05T00:00:00Z</updated>${all.join('')}</feed>`;
}

export const ATOM = { type: 'application/atom+xml' };

export async function titles(reader: Reader): Promise<string[]> {
  return (await reader.articles()).map(({ content }) => content.title);
}
