import type { FetcherOptions } from '../crawler/fetch.ts';
import type { SettingName, Settings } from './setting-table.ts';

/** The settings that any command that fetches takes. */
export const FETCH_SETTINGS: readonly SettingName[] = [
  'userAgent',
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
];

export function fetcherOptions(settings: Settings): FetcherOptions {
  return {
    userAgent: settings.userAgent,
    allowPrivate: settings.allowPrivateNetworks,
    connectionsMax: Math.max(settings.concurrency, settings.hostConnections),
    connectionsPerOriginMax: settings.hostConnections,
    timeoutMs: settings.timeout,
    redirectsMax: settings.redirects,
    bodyBytesMax: settings.bodyMax,
    decodedBytesMax: settings.decodedMax,
  };
}
