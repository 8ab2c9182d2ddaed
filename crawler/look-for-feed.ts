/** The page of a site whose feed is missing: which feed does it name now? */
import type { Live } from '../store/contract.ts';
import type { FeedRecord } from '../store/documents.ts';
import { CodedError } from '../store/errors.ts';
import { canonicalFeedUrl } from '../store/ids.ts';
import { crawlerError } from './errors.ts';
import type { FetchResult } from './fetch.ts';
import { feedsOfPage } from './page-feeds.ts';
import { isDowngrade } from './permanent-redirect.ts';
import type { StoreSession } from './store-session.ts';

export interface Look {
  /** Null: no feed to go by; undefined: the page could not be had. */
  readonly found: string | null | undefined;
  /** The feed is still missing, whatever was found: what goes into its history. */
  readonly error: CodedError;
}

/** Throws StoreTrouble. */
export async function lookForFeed(session: StoreSession, live: Live<FeedRecord>, page: FetchResult): Promise<Look> {
  if (page.kind === 'failed') return { found: undefined, error: page.error };
  const { url } = live.content;
  const [first, ...others] = page.kind === 'body' ? feedsOfPage(page) : [];
  const there = first === undefined ? undefined : canonicalFeedUrl(first.url);
  if (there === undefined || there === url || isDowngrade(url, there)) {
    return nothing('DISCOVER_NONE', `The feed is missing, and ${page.url} names no other`, url);
  }
  if (others.length > 0) {
    return nothing('DISCOVER_MANY', `The feed is missing, and ${page.url} names ${others.length + 1} feeds`, url);
  }
  const holder = (await session.read((store) => store.feeds.byUrl([there]))).get(there)?.find((id) => id !== live.id);
  const what = `The feed is missing; ${page.url} names ${there}`;
  if (holder !== undefined) return nothing('DISCOVER_NONE', `${what}, which is the feed ${holder}`, url);
  return { found: there, error: new CodedError('FETCH_HTTP_404', what, { input: url, retryable: true }) };
}

function nothing(code: 'DISCOVER_NONE' | 'DISCOVER_MANY', message: string, input: string): Look {
  return { found: null, error: crawlerError(code, message, { input }) };
}
