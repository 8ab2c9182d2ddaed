/** One feed, by its own address or by that of its site. It is fetched and stored at once. */
import type { Clock, Live, Store } from '../store/contract.ts';
import type { FeedRecord } from '../store/documents.ts';
import { CodedError, readOnlyError } from '../store/errors.ts';
import { canonicalFeedUrl, feedId } from '../store/ids.ts';
import { type CrawlFeedOptions, storeFetched } from './crawl-feed.ts';
import { openDigester } from './digester.ts';
import { CRAWLER_ERRORS, type CrawlerErrorCode, crawlerError } from './errors.ts';
import type { FetchedBody, Fetcher } from './fetch.ts';
import { newFeed } from './new-feed.ts';
import { feedsOfPage } from './page-feeds.ts';
import type { ParsedFeed } from './parse/model.ts';
import { parseFeed } from './parse/parse.ts';
import { CRAWLER, pauseIn, readPause } from './pause/note.ts';
import { DEFAULT_LIMITS, type ScheduleLimits } from './schedule.ts';
import { isShutOut, StoreSession, StoreTrouble } from './store-session.ts';

export { type ImportedFeeds, type ImportOptions, importFeeds } from './import-feeds.ts';

export interface AddFeedOptions {
  readonly store: Store;
  readonly fetcher: Fetcher;
  readonly clock: Clock;
  readonly random: () => number;
  /** The address of a feed or a site, as a person types it: the scheme may be missing. */
  readonly input: string;
  readonly limits?: ScheduleLimits;
  readonly signal?: AbortSignal | undefined;
  readonly onPolled?: CrawlFeedOptions['onPolled'];
}

export interface AddedFeed {
  readonly id: string;
  readonly url: string;
  readonly title: string;
  /** False: it was there already. */
  readonly created: boolean;
  /** New ones. */
  readonly articles: number;
  /** The crawlers are paused: it is fetched when they go on. */
  readonly waits: boolean;
}

export interface Candidate {
  readonly url: string;
  readonly title: string;
}

/** DISCOVER_MANY: the page names several feeds, and a person must choose. */
export class ManyFeedsError extends CodedError<CrawlerErrorCode> {
  readonly candidates: readonly Candidate[];

  constructor(input: string, candidates: readonly Candidate[]) {
    const list = candidates.map(({ url, title }) => `${title === '' ? url : `${title} (${url})`}`).join(', ');
    super('DISCOVER_MANY', `The page names ${candidates.length} feeds: ${list}`, {
      input,
      advice: CRAWLER_ERRORS.DISCOVER_MANY,
    });
    this.candidates = candidates;
  }

  override toJSON(): ReturnType<CodedError<CrawlerErrorCode>['toJSON']> & { candidates: readonly Candidate[] } {
    return { ...super.toJSON(), candidates: this.candidates };
  }
}

/** A feed, fetched and parsed, that is not stored yet. */
interface Found {
  readonly url: string;
  readonly fetched: FetchedBody;
  readonly feed: ParsedFeed;
  readonly at: number;
}

/**
 * Throws CodedErrors: FETCH_*, PARSE_*, DISCOVER_NONE, DISCOVER_MANY (a `ManyFeedsError`), and what the store throws.
 * Nothing is stored then. While the crawlers are paused the feed is looked for and recorded, due at once; its articles wait.
 */
export async function addFeed(options: AddFeedOptions): Promise<AddedFeed> {
  const attempts = readInput(options.input);
  for (const url of attempts) {
    const known = await knownFeed(options.store, url);
    if (known !== undefined) return known;
  }
  await mustTakeEdits(options.store);
  const found = await find(options, attempts);
  return (await knownFeed(options.store, found.url)) ?? store(options, found);
}

/** Before a publisher is asked for what could not be kept. Throws DATABASE_READ_ONLY. */
async function mustTakeEdits(store: Store): Promise<void> {
  for (const name of ['feeds', 'articles'] as const) {
    const mode = await store.database(name).mode();
    if (mode !== 'read-write') throw readOnlyError(name, store.url, mode);
  }
}

/** The addresses that a person may have meant, in the order of trying. */
function readInput(input: string): string[] {
  const text = input.trim();
  const full = /^(?:https?:|feed:)/i.test(text);
  const urls = (full ? [text] : [`https://${text}`, `http://${text}`]).flatMap((url) => canonicalFeedUrl(url) ?? []);
  if (text === '' || (!full && /^[a-z][a-z0-9+.-]*:\/\//i.test(text)) || urls.length === 0) {
    throw crawlerError('FETCH_URL_INVALID', `This is no http(s) URL: ${text}`, { input });
  }
  return urls;
}

/** Added with this URL, or moved to it since. */
async function knownFeed(store: Store, url: string): Promise<AddedFeed | undefined> {
  const added = await store.feeds.get(feedId(url));
  const [moved] = added === undefined ? ((await store.feeds.byUrl([url])).get(url) ?? []) : [];
  const live = moved === undefined ? added : await store.feeds.get(moved);
  if (live === undefined) return undefined;
  const { id } = live;
  return { id, url: live.content.url, title: live.content.title, created: false, articles: 0, waits: false };
}

async function find(options: AddFeedOptions, urls: readonly string[]): Promise<Found> {
  let failure: unknown;
  for (const url of urls) {
    try {
      return await fetchAndParse(options, url, true);
    } catch (error) {
      // Of https and http, the one that was tried first says what is wrong, unless only the second had an answer.
      const answered = error instanceof CodedError && !error.code.startsWith('FETCH_');
      if (failure === undefined || answered) failure = error;
      if (answered) break;
    }
  }
  throw failure;
}

/** `discover`: a web page is looked through for feeds. */
async function fetchAndParse(options: AddFeedOptions, url: string, discover: boolean): Promise<Found> {
  const at = options.clock();
  const fetched = await options.fetcher.fetch({ url, etag: null, lastModified: null, signal: options.signal });
  if (fetched.kind !== 'body')
    throw fetched.kind === 'failed' ? fetched.error : crawlerError('FETCH_FAILED', 'No body');
  const { body, contentType } = fetched;
  try {
    const input = { body, url: fetched.url };
    const feed = parseFeed(contentType === null ? input : { ...input, contentType });
    // What is new can start at the address to which the publisher has moved it.
    return { url: canonicalFeedUrl(fetched.permanentUrl ?? url) ?? url, fetched, feed, at };
  } catch (error) {
    if (!discover || !isWebPage(error)) throw error;
    return fetchAndParse(options, theFeedOf(fetched, options.input), false);
  }
}

function isWebPage(error: unknown): boolean {
  return error instanceof CodedError && (error.code === 'PARSE_HTML' || error.code === 'PARSE_NOT_A_FEED');
}

/** The one feed that a page names. */
function theFeedOf(page: FetchedBody, input: string): string {
  const candidates = feedsOfPage(page);
  const [first, ...others] = candidates;
  if (first === undefined) throw crawlerError('DISCOVER_NONE', `No feed is named at ${page.url}`, { input });
  if (others.length > 0) {
    throw new ManyFeedsError(
      input,
      candidates.map(({ url, title }) => ({ url, title })),
    );
  }
  return first.url;
}

/**
 * The record first, due at once, then what was fetched: should this process die in between, the crawler finds the feed
 * and goes on.
 */
async function store(options: AddFeedOptions, found: Found): Promise<AddedFeed> {
  const { fetcher, clock, random, signal } = options;
  const limits = options.limits ?? DEFAULT_LIMITS;
  const id = feedId(found.url);
  const now = clock();
  const { title, siteUrl } = found.feed;
  const content = newFeed({ url: found.url, title: title || found.url, siteUrl, now, nextAt: now });
  await using digester = openDigester({ threads: false });
  const session = new StoreSession({
    store: options.store,
    owner: 'feeds add',
    articlesOwner: `${CRAWLER}: feeds add`,
    durability: 'sync',
    signal,
  });
  try {
    await session.writeFeed({ id, content, ifVer: null });
    const live = await session.feed(id);
    if (live === undefined)
      throw crawlerError('CRAWL_INTERNAL', `The feed ${found.url} vanished`, { input: found.url });
    if (live.content.triedAt !== null) return describe(live, false, 0);
    if (pauseIn(await readPause(options.store.control)) !== null) return { ...describe(live, true, 0), waits: true };
    const crawled = await storeFetched(
      { session, fetcher, digester, clock, random, limits, signal, onPolled: options.onPolled },
      live,
      found.fetched,
      found.at,
    );
    return describe({ id, content }, true, crawled.kind === 'fetched' ? crawled.entries.added : 0);
  } catch (error) {
    // Paused just now.
    if (isShutOut(error)) return { ...describe({ id, content }, true, 0), waits: true };
    throw error instanceof StoreTrouble ? error.cause : error;
  } finally {
    await session.close();
  }
}

function describe(
  { id, content }: Pick<Live<FeedRecord>, 'id' | 'content'>,
  created: boolean,
  articles: number,
): AddedFeed {
  return { id, url: content.url, title: content.title, created, articles, waits: false };
}
