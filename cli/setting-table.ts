/**
 * Every setting, declared once. The key is its name in the config file; the flag and the variable follow from it by one
 * rule: `hostGap` is `--host-gap` and `FEEDFERRY_HOST_GAP`. `docs/settings.md` says the same for people.
 */
import { BODY_BYTES_MAX } from '../crawler/parse/limits.ts';
import { DEFAULT_STORE_URL } from '../store/open.ts';
import {
  choice,
  duration,
  hostNames,
  integer,
  type Kind,
  listenAddress,
  networks,
  onOff,
  publicUrl,
  queueUrl,
  siteUrl,
  size,
  storeUrl,
  storeUrls,
  userAgent,
} from './setting-kinds.ts';
import { VERSION } from './version.ts';

export interface Setting<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  /** For `--help`; starts with a small letter, no full stop. */
  readonly about: string;
}

function setting<T>(kind: Kind<T>, value: NoInfer<T>, about: string): Setting<T> {
  return { kind, default: value, about };
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MIB = 1024 ** 2;

export const SETTINGS = {
  store: setting(storeUrl, DEFAULT_STORE_URL, 'where everything is kept'),
  queue: setting(queueUrl, 'local:', 'where the work of the crawlers is queued'),
  listen: setting(listenAddress, { host: '127.0.0.1', port: 8080 }, 'address of the web pages'),
  hosts: setting(hostNames, [], 'names under which browsers reach the pages, besides localhost'),
  readFrom: setting(storeUrls, [], 'replicas of the store to read articles from, besides it'),
  readStaleness: setting(duration(500, HOUR), 5 * SECOND, 'how far a replica that is read from may be behind'),
  publicUrl: setting(publicUrl, '', 'where the internet reaches this site: hubs then push new articles (WebSub)'),
  websubPoll: setting(duration(HOUR, 30 * DAY), DAY, 'longest time between two fetches of a feed that a hub pushes'),
  crawler: setting(onOff, true, 'crawl while serving'),
  userAgent: setting(userAgent, `Feedferry/${VERSION}`, 'what the crawler calls itself to publishers'),
  siteUrl: setting(siteUrl, '', 'where publishers can read about this crawler: {site} in the User-Agent'),
  concurrency: setting(integer(1, 1000), 32, 'feeds fetched at the same time'),
  hostConnections: setting(integer(1, 32), 1, 'requests in flight to one host'),
  hostGap: setting(duration(0, HOUR), SECOND, 'pause between two requests to one host'),
  timeout: setting(duration(100, 10 * MINUTE), 30 * SECOND, 'longest time for one fetch'),
  redirects: setting(integer(0, 20), 5, 'redirects followed for one fetch'),
  bodyMax: setting(size(1024, BODY_BYTES_MAX), 10 * MIB, 'largest feed as it comes over the wire'),
  decodedMax: setting(size(1024, BODY_BYTES_MAX), 20 * MIB, 'largest feed once decompressed'),
  minInterval: setting(duration(0, 7 * DAY), 15 * MINUTE, 'never fetch a feed sooner than this'),
  maxInterval: setting(duration(MINUTE, 30 * DAY), DAY, 'fetch every feed that works at least this often'),
  allowPrivateNetworks: setting(networks, [], 'networks open to the crawler although they are not public'),
  logLevel: setting(choice(['debug', 'info', 'warn', 'error', 'silent']), 'info', 'what is logged'),
};

export type SettingName = keyof typeof SETTINGS;
export type Settings = { readonly [K in SettingName]: (typeof SETTINGS)[K] extends Setting<infer T> ? T : never };

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function variableOf(name: string): string {
  return `FEEDFERRY_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** The default as a user would write it. */
export function shownDefault(name: SettingName): string {
  return showSetting(name, SETTINGS[name].default as Settings[typeof name]);
}

/** Without credentials. */
export function showSetting<N extends SettingName>(name: N, value: Settings[N]): string {
  const { kind } = SETTINGS[name] as unknown as Setting<Settings[N]>;
  return kind.show(value);
}
