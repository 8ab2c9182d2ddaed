/**
 * When a permanent redirect (301, 308: RFC 9110 sections 15.4.2 and 15.4.9) becomes the feed's URL. Publishers get them
 * wrong, and for an hour a whole site may lead to a parking page; so several fetches over some days must agree. Pure.
 */
import type { FeedRecord } from '../store/documents.ts';
import { canonicalFeedUrl } from '../store/ids.ts';
import { withoutLogin } from './login.ts';

/** Fetches in a row that led to the same place, each with a feed at its end. */
export const CONFIRMATIONS_MIN = 3;

/** Between the first of them and the last. */
export const CONFIRMED_OVER_MS_MIN = 3 * 24 * 3_600_000;

export type Moved = NonNullable<FeedRecord['moved']>;

/** `permanentUrl`: where this fetch led by permanent redirects alone; null: nowhere else. `at`: when it began. */
export function movedAfter(before: FeedRecord, permanentUrl: string | null, at: number): Moved | null {
  if (permanentUrl === null || permanentUrl === withoutLogin(new URL(before.url))) return null;
  const same = before.moved?.to === permanentUrl ? before.moved : null;
  return { to: permanentUrl, since: same?.since ?? at, times: (same?.times ?? 0) + 1 };
}

/** Several times, over days. */
export function isConfirmed({ since, times }: { since: number; times: number }, now: number): boolean {
  return times >= CONFIRMATIONS_MIN && now - since >= CONFIRMED_OVER_MS_MIN;
}

/** What was secure stays so. */
export function isDowngrade(from: string, to: string): boolean {
  return from.startsWith('https:') && to.startsWith('http:');
}

/**
 * The URL to fetch from now on, in its canonical form; null: not yet, or never (`isDowngrade`). User and
 * password go along within the same origin only.
 */
export function adoptedUrl(current: string, moved: Moved, now: number): string | null {
  const to = canonicalFeedUrl(moved.to);
  if (to === undefined || !isConfirmed(moved, now)) return null;
  if (isDowngrade(current, to)) return null;
  const [from, url] = [new URL(current), new URL(to)];
  if (from.origin === url.origin) {
    url.username = from.username;
    url.password = from.password;
  }
  return url.href === from.href ? null : url.href;
}
