import { articleIdOf } from '../input.ts';
import type { Action } from './action.ts';

/** `POST /articles/ID/star`, `on` 1 or 0. */
export const articleStar: Action = async (site, { fields, params }) => {
  const id = articleIdOf(params.id);
  await site.reading.states.setStar(id, fields.flag('on'));
  return { to: fields.localPath('return', '/') };
};
