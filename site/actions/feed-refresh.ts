import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '../../store/errors.ts';
import { siteError, statusOf } from '../errors.ts';
import { feedIdOf } from '../input.ts';
import type { Action } from './action.ts';

/** Longest wait for a feed's server before the page comes back without the result. */
const REFRESH_MS_MAX = 20_000;

/** `POST /feeds/ID/refresh`: fetches now; the feed's page then shows what came of it. */
export const feedRefresh: Action = async (site, { params }) => {
  const id = feedIdOf(params.id);
  const to = `/feeds/${id}`;
  const there = await site.options.store.feeds.get(id);
  if (there === undefined) throw siteError('SITE_FEED_UNKNOWN', 'There is no such feed.', { input: id });
  const before = there.content.history[0]?.at;
  const patience = new AbortController();
  const tooLong = delay(REFRESH_MS_MAX, 'slow', { signal: patience.signal }).catch(() => 'slow' as const);
  try {
    const outcome = await Promise.race([site.options.refresh(id).then(() => 'done' as const), tooLong]);
    if (outcome === 'slow') return { to, notice: 'refreshing' };
  } catch (error) {
    if (codeOf(error) === 'CRAWL_PAUSED') return { to, notice: 'paused' };
    if (statusOf(codeOf(error)) !== 422) throw error;
    return { to, notice: 'failing' };
  } finally {
    patience.abort();
  }
  const doc = await site.options.store.feeds.get(id);
  if (doc !== undefined) site.reading.following.observeFeed(doc);
  const record = doc?.content;
  const latest = record?.history[0];
  if (record !== undefined && record.errors > 0) return { to, notice: 'failing' };
  if (latest === undefined || latest.at === before) return { to, notice: 'early' };
  return { to, notice: 'refreshed', n: latest.added };
};
