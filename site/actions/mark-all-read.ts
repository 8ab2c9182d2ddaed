import { scopeOf } from '../input.ts';
import type { Action } from './action.ts';

/** `POST /mark-all-read`: a feed, a folder or everything, up to the `num` that the page knew of. */
export const markAllRead: Action = async (site, { fields }) => {
  const scope = scopeOf(fields);
  const bound = fields.num('until');
  await site.reading.markAllRead(await site.reading.shelf(), scope, bound);
  return { to: fields.localPath('return', '/'), notice: 'marked' };
};
