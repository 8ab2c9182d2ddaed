import { siteError } from '../errors.ts';
import { feedIdOf } from '../input.ts';
import type { Action } from './action.ts';

/** `POST /feeds/ID/follow`: a feed that is in the store already. */
export const feedFollow: Action = async (site, { params }) => {
  const id = feedIdOf(params.id);
  if ((await site.options.store.feeds.get(id)) === undefined) {
    throw siteError('SITE_FEED_UNKNOWN', 'There is no such feed.', { input: id });
  }
  await site.reading.following.follow([{ feed: id, title: null, folder: null }]);
  return { to: `/feeds/${id}`, notice: 'followed' };
};
