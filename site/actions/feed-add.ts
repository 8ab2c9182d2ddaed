import { CodedError } from '../../store/errors.ts';
import { adviceFor } from '../advice.ts';
import { statusOf } from '../errors.ts';
import { type Candidate, renderAdd } from '../pages/add.ts';
import type { Action } from './action.ts';

/** Feeds of one site to choose from. */
const CANDIDATES_MAX = 50;

/** `POST /add`: what is wrong with the address stands on the same form again. */
export const feedAdd: Action = async (site, { fields }) => {
  const input = fields.text('url').trim();
  const folder = fields.text('folder');
  try {
    const feed = await site.options.addFeed(input);
    const followed = await site.reading.following.follow([{ feed: feed.id, title: null, folder: folder || null }]);
    if (followed === 0) return { to: `/feeds/${feed.id}`, notice: 'known' };
    return { to: `/feeds/${feed.id}`, notice: feed.waits ? 'added-paused' : 'added', n: feed.articles };
  } catch (error) {
    if (!(error instanceof CodedError) || statusOf(error.code) !== 422) throw error;
    const { code, message } = error;
    const advice = adviceFor(code) ?? error.advice;
    const trouble = { code, message, advice, candidates: candidatesOf(error) };
    return {
      page: ({ shelf }) => renderAdd({ input, folder, folders: shelf.folders.map(({ name }) => name), trouble }),
    };
  }
};

/** The feeds that a site offered, from the error that says so. */
function candidatesOf(error: object): Candidate[] {
  const listed: unknown = 'candidates' in error ? error.candidates : [];
  if (!Array.isArray(listed)) return [];
  return listed.slice(0, CANDIDATES_MAX).flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null || !('url' in one) || typeof one.url !== 'string') return [];
    return [{ url: one.url, title: 'title' in one && typeof one.title === 'string' ? one.title : '' }];
  });
}
