import type { FetcherOptions } from '../crawler/fetch.ts';
import { SubscriberCounts } from '../crawler/subscriber-counts.ts';
import { userAgentOf } from '../crawler/user-agent.ts';
import type { Clock, Store } from '../store/contract.ts';
import type { SettingName, Settings } from './setting-table.ts';
import { VERSION } from './version.ts';

/** The settings that any command that fetches takes. */
export const FETCH_SETTINGS: readonly SettingName[] = [
  'userAgent',
  'siteUrl',
  'timeout',
  'redirects',
  'bodyMax',
  'decodedMax',
  'allowPrivateNetworks',
];

/** Those of a whole crawl. */
export const CRAWL_SETTINGS: readonly SettingName[] = [
  'concurrency',
  'hostConnections',
  'hostGap',
  'minInterval',
  'maxInterval',
  'websubPoll',
];

/** `store`: whose subscriptions are counted for the User-Agent. */
export function fetcherOptions(settings: Settings, store: Store, clock: Clock): FetcherOptions {
  const counts = new SubscriberCounts(store, clock);
  return {
    userAgent: userAgentOf({
      text: settings.userAgent,
      version: VERSION,
      siteUrl: settings.siteUrl,
      subscribers: (feed) => counts.of(feed),
    }),
    allowPrivate: settings.allowPrivateNetworks,
    connectionsMax: Math.max(settings.concurrency, settings.hostConnections),
    connectionsPerOriginMax: settings.hostConnections,
    timeoutMs: settings.timeout,
    redirectsMax: settings.redirects,
    bodyBytesMax: settings.bodyMax,
    decodedBytesMax: settings.decodedMax,
  };
}
