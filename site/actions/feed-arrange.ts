import { feedIdOf } from '../input.ts';
import type { Action } from './action.ts';

/** `POST /feeds/ID/arrange`: the reader's own name and folder; empty ones are taken away. */
export const feedArrange: Action = async (site, { fields, params }) => {
  const id = feedIdOf(params.id);
  const names = { title: fields.text('title') || null, folder: fields.text('folder') || null };
  await site.reading.following.arrange(id, names);
  return { to: `/feeds/${id}`, notice: 'arranged' };
};
