/**
 * Feeds that were put off by a clock that was wrong: one attempt in a year that has not come, and they would be forgotten until
 * then. No rule puts a feed off so far.
 */
import type { Live } from '../store/contract.ts';
import type { FeedRecord } from '../store/documents.ts';
import { IMPORT_SPREAD_MS_MAX } from './due-feeds.ts';
import type { ScheduleLimits } from './schedule.ts';
import type { StoreSession } from './store-session.ts';

/** What publishers ask is granted up to a week, what they skip up to eight days, and a tenth comes by chance. */
const GRANTED_MS_MAX = 16 * 86_400_000;
/** Feeds that are put right in one go; the others at the next. */
const PAGE_SIZE = 500;

/** Between two looks, by the monotonic clock. */
export const FAR_AHEAD_LOOK_MS = 3_600_000;

/** Spreads them over the next half hour, as an import. Returns how many. Throws StoreTrouble. */
export async function bringBack(
  session: StoreSession,
  { limits, now, random }: { limits: ScheduleLimits; now: number; random: () => number },
): Promise<number> {
  const last = now + 2 * Math.max(GRANTED_MS_MAX, limits.minIntervalMs, limits.maxIntervalMs);
  const query = { now: Number.MAX_SAFE_INTEGER, limit: PAGE_SIZE, after: { nextAt: last, id: '' } };
  const far = await session.read((store) => store.feeds.due(query));
  const records = await session.read((store) => store.feeds.getMany(far.map(({ id }) => id)));
  const edits = [...records.values()].flatMap((live) =>
    live.content.nextAt > last ? putRight(live, now, random) : [],
  );
  await Promise.all(edits.map((edit) => session.writeFeed(edit)));
  return edits.length;
}

function putRight({ id, ver, content }: Live<FeedRecord>, now: number, random: () => number) {
  const nextAt = now + Math.round(IMPORT_SPREAD_MS_MAX * random());
  const nextWhy = `a clock that was wrong had put it off until ${new Date(content.nextAt).toISOString()}`;
  return { id, content: { ...content, nextAt, nextWhy, allowedAt: nextAt }, ifVer: ver };
}
