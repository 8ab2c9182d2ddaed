/** What an operator has set for one feed alone: how its values are checked, shown and sent. Pure. */
import type { FeedOverrides } from '../store/documents.ts';
import { isUserAgent } from './user-agent.ts';

export const HEADERS_MAX = 20;
const HEADER_VALUE_LENGTH_MAX = 4_096;
export const OVERRIDE_TIMEOUT_MS_MIN = 100;
export const OVERRIDE_TIMEOUT_MS_MAX = 10 * 60_000;

/** Ours, for each request (RFC 9110 sections 7.6.1 and 13.1), or with a flag of their own. */
const RESERVED = new Set(
  (
    'accept-encoding connection content-length expect host if-match if-modified-since if-none-match if-range ' +
    'if-unmodified-since keep-alive proxy-authorization proxy-connection range referer te trailer transfer-encoding ' +
    'upgrade user-agent'
  ).split(' '),
);

/** `Name: value`, the name in lower case. Undefined: this can't be sent. An empty value is one. */
export function readHeader(line: string): { name: string; value: string } | undefined {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
  const value = line.slice(colon + 1).trim();
  const fits = /^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/.test(name) && /^[\x20-\x7e]*$/.test(value);
  return fits && !RESERVED.has(name) && value.length <= HEADER_VALUE_LENGTH_MAX ? { name, value } : undefined;
}

/** `USER:PASSWORD` (RFC 7617: no colon in the user). */
export function readLogin(text: string): { user: string; password: string } | undefined {
  const colon = text.indexOf(':');
  if (colon < 1 || text.length > HEADER_VALUE_LENGTH_MAX || /\p{Cc}/u.test(text)) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The URL of an HTTP proxy, without a path. */
export function readProxy(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isProxy = (url.protocol === 'http:' || url.protocol === 'https:') && url.pathname === '/' && url.search === '';
  return isProxy ? url.href : undefined;
}

export function readOverrideUserAgent(text: string): string | undefined {
  return isUserAgent(text) && !text.includes('{') ? text : undefined;
}

/** Login and headers go to the origin they were set for and nowhere else, whatever redirects and moves there are. */
export function secretHeaders(overrides: FeedOverrides | undefined, url: URL): Record<string, string> {
  if (overrides?.origin === undefined || overrides.origin !== url.origin) return {};
  const { login, headers } = overrides;
  if (login === undefined) return { ...headers };
  const authorization = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;
  return { ...headers, authorization };
}

/** Without secrets: the names of headers, that there is a login, a proxy without its password. */
export interface ShownOverrides {
  readonly userAgent: string | null;
  readonly login: boolean;
  readonly headers: readonly string[];
  /** Where login and headers are sent. */
  readonly origin: string | null;
  readonly proxy: string | null;
  readonly timeoutMs: number | null;
}

export function shownOverrides(overrides: FeedOverrides | undefined): ShownOverrides | null {
  if (overrides === undefined) return null;
  const { userAgent, login, headers, origin, proxy, timeoutMs } = overrides;
  return {
    userAgent: userAgent ?? null,
    login: login !== undefined,
    headers: Object.keys(headers ?? {}),
    origin: origin ?? null,
    proxy: proxy === undefined ? null : new URL(proxy).origin,
    timeoutMs: timeoutMs ?? null,
  };
}

/** What is changed; null takes a value away. */
export interface OverrideChanges {
  readonly userAgent?: string | null;
  readonly login?: { user: string; password: string } | null;
  /** An empty value takes the header away. */
  readonly headers?: readonly { name: string; value: string }[];
  readonly proxy?: string | null;
  readonly timeoutMs?: number | null;
}

/**
 * Undefined: nothing is left. A login or header that is set is for the origin that the feed has now; those for another
 * origin, from which the feed has moved, go then.
 */
export function changedOverrides(
  before: FeedOverrides | undefined,
  changes: OverrideChanges,
  feedUrl: string,
): FeedOverrides | undefined {
  const here = new URL(feedUrl).origin;
  const isForHere = changes.login === undefined && changes.headers === undefined ? undefined : before?.origin === here;
  const kept: FeedOverrides = { ...before };
  if (isForHere === false) {
    delete kept.login;
    delete kept.headers;
  }
  const headers = { ...kept.headers };
  for (const { name, value } of changes.headers ?? []) {
    if (value === '') delete headers[name];
    else headers[name] = value;
  }
  const login = changes.login === undefined ? kept.login : changes.login;
  const userAgent = changes.userAgent === undefined ? kept.userAgent : changes.userAgent;
  const proxy = changes.proxy === undefined ? kept.proxy : changes.proxy;
  const timeoutMs = changes.timeoutMs === undefined ? kept.timeoutMs : changes.timeoutMs;
  const hasSecrets = Boolean(login) || Object.keys(headers).length > 0;
  const after: FeedOverrides = {
    ...(userAgent ? { userAgent } : {}),
    ...(login ? { login } : {}),
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
    ...(hasSecrets ? { origin: isForHere === undefined ? (kept.origin ?? here) : here } : {}),
    ...(proxy ? { proxy } : {}),
    ...(timeoutMs ? { timeoutMs } : {}),
  };
  return Object.keys(after).length === 0 ? undefined : after;
}
