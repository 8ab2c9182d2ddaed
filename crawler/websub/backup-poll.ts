/**
 * Polling beside a hub: while it pushes what is new, the feed is fetched slowly, to notice where the hub does not. What the
 * schedule would be without the hub is kept in the record, so that a hub that is lost costs no time. Pure.
 */
import type { FeedRecord } from '../../store/documents.ts';
import { duration, type NextFetch, nextFetch, type ScheduleInput } from '../schedule.ts';
import type { Offer } from './offer.ts';

/** The wait is so many times as long as it would be without the hub, up to the operator's limit. */
export const BACKUP_FACTOR = 8;

/** Where nothing else is set. */
export const BACKUP_MS_MAX = 24 * 3_600_000;

export type WebSubOfFeed = NonNullable<FeedRecord['webSub']>;

/** Between the losses of many feeds at once, such as with their hub. */
const SPREAD_MS_MAX = 10 * 60_000;

/** `subscribed`: a hub pushes the feed. The interval is kept then: that polls find nothing says nothing of the feed. */
export function scheduleBeside(
  input: ScheduleInput,
  subscribed: boolean,
  backupMsMax: number,
): { readonly next: NextFetch; readonly plain: NextFetch } {
  const plain = nextFetch(input);
  if (!subscribed || input.happened.kind === 'failed') return { next: plain, plain };
  const ms = Math.min(Math.max(0, plain.nextAt - input.now) * BACKUP_FACTOR, backupMsMax);
  const why = `${duration(ms)} while a hub pushes what is new`;
  const { nextAt, nextWhy } = nextFetch({ ...input, atLeast: { ms, why } });
  const found = input.happened.kind === 'stored' && input.happened.added + input.happened.changed > 0;
  const intervalMs = found || input.intervalMs === 0 ? plain.intervalMs : input.intervalMs;
  return { next: { nextAt, nextWhy, intervalMs, allowedAt: plain.allowedAt }, plain };
}

/** Does a hub push the feed at this time? */
export function isPushed(record: FeedRecord, now: number): boolean {
  const until = record.webSub?.until ?? null;
  return until !== null && until > now;
}

/** The part of the record after a poll. Undefined: there is none, and there was none. */
export function webSubAfter(
  before: FeedRecord,
  found: { readonly offer: Offer | null | undefined; readonly whole: boolean | undefined },
  plain: NextFetch,
): FeedRecord['webSub'] | undefined {
  const there = before.webSub ?? null;
  if (found.offer === null) return before.webSub === undefined ? undefined : null;
  const offer = found.offer ?? there;
  if (offer === null) return before.webSub;
  return {
    hubs: [...offer.hubs],
    topic: offer.topic,
    whole: found.whole ?? there?.whole ?? false,
    until: there?.until ?? null,
    plain: there === null || there.until === null ? null : { nextAt: plain.nextAt, nextWhy: plain.nextWhy },
  };
}

/**
 * The record once a hub pushes until `until`, or none does any more (null): then the feed is fetched when it would have
 * been without the hub. Undefined: nothing changes.
 */
export function withPushes(
  record: FeedRecord,
  until: number | null,
  now: number,
  random: () => number,
): FeedRecord | undefined {
  const { webSub } = record;
  if (webSub === undefined || webSub === null || webSub.until === until) return undefined;
  if (until !== null) {
    const plain = webSub.plain ?? { nextAt: record.nextAt, nextWhy: record.nextWhy };
    return { ...record, webSub: { ...webSub, until, plain } };
  }
  return { ...atPlainTime(record, now, random), webSub: { ...webSub, until, plain: null } };
}

/** The feed is worth a look: no sooner than it would have been fetched without the hub. */
export function atPlainTime(record: FeedRecord, now: number, random: () => number): FeedRecord {
  const plain = record.webSub?.plain ?? null;
  if (plain === null || plain.nextAt >= record.nextAt) return record;
  const spread = plain.nextAt > now ? 0 : Math.round(random() * Math.min(record.intervalMs, SPREAD_MS_MAX));
  const nextAt = Math.min(record.nextAt, Math.max(plain.nextAt, now) + spread);
  return { ...record, nextAt, nextWhy: plain.nextWhy };
}
