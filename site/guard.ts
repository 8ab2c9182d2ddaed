import { isIP } from 'node:net';

/** The part of a request's headers that the checks here look at. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * What every answer carries. Nothing but this site's own script, style and fonts runs or loads; article bodies may show
 * images and play media from anywhere, and frame nothing. The referrer goes to this site alone: with `no-referrer`
 * browsers would send `Origin: null` with its own forms (Fetch standard, "append a request Origin header").
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "img-src 'self' http: https: data:",
    'media-src http: https:',
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; '),
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
  'x-robots-tag': 'noindex, nofollow',
};

/**
 * Whether the `Host` header is one of ours. A page elsewhere can make its own name point at this machine (DNS
 * rebinding) but the browser still sends that name; an IP address or `localhost` cannot be made to point elsewhere.
 */
export function isOwnHost(header: string | undefined, hosts: readonly string[]): boolean {
  const name = hostName(header ?? '');
  if (name === null) return false;
  const isLoopbackName = name === 'localhost' || name.endsWith('.localhost');
  return isLoopbackName || isIP(name) !== 0 || hosts.some((host) => hostName(host) === name);
}

/**
 * Whether a request that changes something comes from a page of this site, or from no browser at all. Browsers tell by
 * `Sec-Fetch-Site`, on plain http in a home network only by `Origin` (Fetch Metadata; the same rule as Go's
 * `http.CrossOriginProtection`).
 */
export function isSameOrigin(headers: Headers): boolean {
  const site = one(headers['sec-fetch-site']);
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const origin = one(headers.origin);
  if (origin !== undefined) return hostOfUrl(origin) === one(headers.host)?.toLowerCase();
  return true;
}

/**
 * Whether opening an article by this request means that a person reads it: a click on a page of this site, not a
 * prefetch, not an image on somebody else's page that names the article.
 */
export function isOwnNavigation(headers: Headers): boolean {
  const purpose = [headers['sec-purpose'], headers.purpose, headers['x-purpose'], headers['x-moz']].map(one).join(' ');
  if (/prefetch|prerender|preview/i.test(purpose)) return false;
  const site = one(headers['sec-fetch-site']);
  if (site !== undefined) return site === 'same-origin' && one(headers['sec-fetch-mode']) === 'navigate';
  const referrer = one(headers.referer);
  return referrer !== undefined && hostOfUrl(referrer) === one(headers.host)?.toLowerCase();
}

/** `name` of `name:port`, of `[::1]:port` and of a bare address, in lower case; null where it is none. */
function hostName(host: string): string | null {
  if (isIP(host) === 6) return host.toLowerCase();
  const match = /^(?:\[([0-9a-f:.%]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase().replace(/\.$/, '') ?? null;
}

function hostOfUrl(url: string): string | null {
  return URL.canParse(url) ? new URL(url).host : null;
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
