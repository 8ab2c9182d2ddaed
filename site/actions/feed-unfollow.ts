import { feedIdOf } from '../input.ts';
import type { Action } from './action.ts';

/** `POST /feeds/ID/unfollow`. */
export const feedUnfollow: Action = async (site, { params }) => {
  await site.reading.following.unfollow(feedIdOf(params.id));
  return { to: '/feeds', notice: 'unfollowed' };
};
