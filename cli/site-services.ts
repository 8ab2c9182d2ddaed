import { hostname } from 'node:os';
import { type AddFeedOptions, addFeed } from '../crawler/add-feed.ts';
import { type CrawlOptions, crawl } from '../crawler/crawler.ts';
import { writeOpml } from '../crawler/parse/opml.ts';
import { crawlersStatus } from '../crawler/pause/status.ts';
import { mayRefresh, refreshByOthers } from '../crawler/refreshes.ts';
import type { RunningCrawler } from '../crawler/run.ts';
import type { SiteOptions } from '../site/site.ts';
import { CodedError } from '../store/errors.ts';
import {
  knownFields,
  PAUSE_FIELDS,
  pauseByWish,
  pauseWishFrom,
  RESUME_FIELDS,
  resumeByWish,
} from './crawlers-wishes.ts';
import { importOpml } from './import-opml.ts';

type Services = Pick<SiteOptions, 'addFeed' | 'importOpml' | 'exportOpml' | 'refresh' | 'crawlerStatus' | 'crawlers'>;
type CrawlerSide = Pick<
  CrawlOptions,
  | 'store'
  | 'queue'
  | 'fetcher'
  | 'clock'
  | 'random'
  | 'concurrency'
  | 'hostGapMs'
  | 'hostConnections'
  | 'minIntervalMs'
  | 'maxIntervalMs'
> &
  Pick<AddFeedOptions, 'onPolled'>;

/** Whoever reaches the site; nobody knows more. */
const BY_HTTP = `a request to the site at ${hostname()}`;
const OPML_TITLE = 'Feedferry subscriptions';

/**
 * What the site needs of the crawler. `crawler` null: nothing is crawled in this process but what a reader asks for.
 */
export function siteServices(options: CrawlerSide, crawler: RunningCrawler | null): Services {
  const { store, queue, fetcher, clock, random, minIntervalMs, maxIntervalMs, onPolled } = options;
  const limits = { minIntervalMs, maxIntervalMs };
  return {
    addFeed: (input) => addFeed({ store, fetcher, clock, random, limits, input, onPolled }),
    async importOpml(body) {
      const { feeds, invalid } = await importOpml({ store, clock, random }, body);
      crawler?.wake();
      return { entries: feeds.map(({ feed, folder, title }) => ({ id: feed, folder, title: title ?? '' })), invalid };
    },
    exportOpml: (feeds) => writeOpml(feeds, OPML_TITLE, new Date(clock())),
    refresh(feedId) {
      if (crawler !== null) return crawler.refresh(feedId);
      return queue === undefined ? crawlOne(options, feedId) : refreshByOthers({ store, queue, clock }, feedId);
    },
    crawlers: {
      status: () => crawlersStatus({ store, queue, clock }),
      pause: (wished) =>
        pauseByWish({ store, queue, clock, by: BY_HTTP }, pauseWishFrom(knownFields(wished, PAUSE_FIELDS))),
      resume: (wished) => resumeByWish({ store, queue, clock, by: BY_HTTP }, knownFields(wished, RESUME_FIELDS)),
    },
    crawlerStatus: () => crawler?.status() ?? { state: 'off', why: 'this Feedferry serves pages only' },
  };
}

async function crawlOne(options: CrawlerSide, feedId: string): Promise<void> {
  const live = await options.store.feeds.get(feedId);
  if (live !== undefined && !mayRefresh(live.content, options.clock())) return;
  const { error } = await crawl({ ...options, feeds: [feedId], force: true });
  if (error === null) return;
  const { code, message, ...about } = error;
  throw new CodedError(code, message, about);
}
