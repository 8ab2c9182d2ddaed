import { articleIdOf } from '../input.ts';
import type { Action } from './action.ts';

/** `POST /articles/ID/read`, `on` 1 or 0. */
export const articleRead: Action = async (site, { fields, params }) => {
  const id = articleIdOf(params.id);
  await site.reading.states.setRead(id, fields.flag('on'));
  return { to: fields.localPath('return', '/') };
};
