/**
 * What the headers of an answer ask of a crawler. Each function returns milliseconds to wait, or null where nothing (or
 * nothing sensible) is said.
 */
import { headerText, type ResponseHeaders } from './http-exchange.ts';

const SECOND_MS = 1_000;

/** RFC 9110 section 10.2.3: seconds, or a date. `now`: milliseconds since 1970. */
export function retryAfterMs(headers: ResponseHeaders, now: number): number | null {
  const value = headerText(headers, 'retry-after')?.trim();
  if (value === undefined || value === '') return null;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * SECOND_MS;
  return untilDate(value, headers, now);
}

/**
 * How long the answer stays fresh: `max-age`, else `Expires` (RFC 9111 section 4.2.1), less the time that it already
 * spent in caches (`Age`). `no-cache` and `no-store` ask for no waiting.
 */
export function freshMs(headers: ResponseHeaders, now: number): number | null {
  const cacheControl = allOf(headers, 'cache-control').toLowerCase();
  if (/(?:^|[,\s])no-(?:cache|store)(?:$|[,\s=])/.test(cacheControl)) return null;
  const maxAge = /(?:^|[,\s])max-age\s*=\s*"?(\d+)/.exec(cacheControl)?.[1];
  if (maxAge !== undefined) return positive(Number(maxAge) * SECOND_MS - ageMs(headers));
  const expires = headerText(headers, 'expires')?.trim();
  return expires === undefined ? null : untilDate(expires, headers, now);
}

/** By the server's own clock, where it tells what time it has. */
function untilDate(value: string, headers: ResponseHeaders, now: number): number | null {
  const at = httpDate(value);
  if (at === null) return null;
  const there = httpDate(headerText(headers, 'date') ?? '');
  return positive(at - (there ?? now));
}

/** `Expires: 0` and `-1` are legal and mean the past; `Date.parse` would take them for years. */
function httpDate(value: string): number | null {
  if (/^[-+]?\d*$/.test(value)) return null;
  const at = Date.parse(value);
  return Number.isFinite(at) ? at : null;
}

function ageMs(headers: ResponseHeaders): number {
  const age = Number(headerText(headers, 'age') ?? 0);
  return Number.isFinite(age) && age > 0 ? age * SECOND_MS : 0;
}

function positive(ms: number): number | null {
  return ms > 0 ? ms : null;
}

function allOf(headers: ResponseHeaders, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : (value ?? []).join(',');
}
