import type { FeedsDatabase, Live } from '../store/contract.ts';
import type { FeedRecord } from '../store/documents.ts';
import { canonicalFeedUrl, feedId } from '../store/ids.ts';
import { cliError } from './errors.ts';
import { printable } from './text.ts';

const SCAN_FEEDS = 500;

/** Letters of an id that tables show: enough to tell thousands of feeds apart, and to give back to a command. */
export const SHORT_ID_LETTERS = 8;

/** The feed that an id, the first letters of one, or a URL names. Throws FEED_UNKNOWN and FEED_AMBIGUOUS. */
export async function findFeed(feeds: FeedsDatabase, named: string): Promise<Live<FeedRecord>> {
  const url = canonicalFeedUrl(named);
  const found = url === undefined ? await byId(feeds, named) : await byUrl(feeds, url);
  if (found !== undefined) return found;
  throw cliError('FEED_UNKNOWN', `There is no feed ${named}`, { input: named });
}

async function byId(feeds: FeedsDatabase, named: string): Promise<Live<FeedRecord> | undefined> {
  const prefix = named.trim().toLowerCase();
  if (!/^[a-z2-7]{1,16}$/.test(prefix)) return undefined;
  const [first, second] = await feeds.scan({ prefix, limit: 2 });
  if (first === undefined || second === undefined) return first;
  const both = [first, second].map(({ id, content }) => `${id} (${printable(content.title || content.url)})`);
  throw cliError('FEED_AMBIGUOUS', `Several feeds begin with ${named}: ${both.join(', ')}, ...`, { input: named });
}

/** A feed keeps the id of the URL that it was added with, and moves on to where the publisher redirects it. */
async function byUrl(feeds: FeedsDatabase, url: string): Promise<Live<FeedRecord> | undefined> {
  const added = await feeds.get(feedId(url));
  if (added !== undefined) return added;
  const [moved] = (await feeds.byUrl([url])).get(url) ?? [];
  return moved === undefined ? undefined : feeds.get(moved);
}

export async function* allFeeds(feeds: FeedsDatabase): AsyncGenerator<Live<FeedRecord>> {
  let after = '';
  for (;;) {
    const page = await feeds.scan({ after, limit: SCAN_FEEDS });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < SCAN_FEEDS) return;
    after = last.id;
  }
}
