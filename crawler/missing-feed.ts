/**
 * A feed that is not there any more (404) may have moved without a word. After a week of that the crawler looks at the
 * page of its site, in turns with the feed itself and never in addition to it, and takes the one feed that the page names
 * for the missing one once several looks over some days agree. Pure.
 */
import type { FeedRecord } from '../store/documents.ts';
import { isConfirmed } from './permanent-redirect.ts';

/** Of 404, before the site is looked at. */
export const LOOK_AFTER_MS = 7 * 24 * 3_600_000;

/** While a place is being confirmed the back-off stays that of so many failures: 16 h at most, not a week. */
export const CONFIRM_ERRORS_MAX = 5;

export type Missing = NonNullable<FeedRecord['missing']>;

/** What an attempt asks for. */
export type Step =
  /** `outOfTurn`: because somebody waits for it. */
  | { readonly kind: 'fetch'; readonly url: string; readonly outOfTurn?: boolean }
  /** The page of the site. */
  | { readonly kind: 'look'; readonly url: string }
  /** A feed that several looks found. */
  | { readonly kind: 'try'; readonly url: string };

export function nextStep({ url, siteUrl, missing, triedAt }: FeedRecord, now: number): Step {
  const isTurn = missing && now - missing.since >= LOOK_AFTER_MS && missing.lookedAt !== triedAt;
  if (!isTurn) return { kind: 'fetch', url };
  if (missing.found !== null && isConfirmed(missing.found, now)) return { kind: 'try', url: missing.found.url };
  return siteUrl === null || !URL.canParse(siteUrl) ? { kind: 'fetch', url } : { kind: 'look', url: siteUrl };
}

/**
 * `found`: what a look found; null: nothing to go by; undefined: the page could not be had. `status`: of the answer to a
 * fetch that failed.
 */
export function missingAfter(
  before: FeedRecord,
  step: Step,
  { at, status, found }: { at: number; status: number | null; found?: string | null | undefined },
): Missing | null {
  const missing = before.missing ?? null;
  if (step.kind === 'fetch') {
    return status === 404 && missing === null ? { since: at, lookedAt: null, found: null } : missing;
  }
  if (missing === null) return null;
  if (step.kind === 'try' || found === undefined) return { ...missing, lookedAt: at };
  if (found === null) return { ...missing, lookedAt: at, found: null };
  const same = missing.found?.url === found ? missing.found : null;
  return { ...missing, lookedAt: at, found: { url: found, since: same?.since ?? at, times: (same?.times ?? 0) + 1 } };
}
