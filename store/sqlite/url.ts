import { resolve } from 'node:path';
import { storeError } from '../errors.ts';

/**
 * The absolute path that a `sqlite:PATH` URL names; a relative one is taken from the working directory, once.
 * PATH is a plain path: nothing is decoded and nothing follows it. Throws STORE_URL_INVALID.
 */
export function pathOfUrl(url: string): string {
  const path = url.replace(/^sqlite:/, '');
  const refuse = (why: string) => storeError('STORE_URL_INVALID', `${why}: ${url}`, { input: url });
  if (path === url) throw refuse('This is not a SQLite store URL');
  if (path.trim() === '' || path.includes('\0')) throw refuse('This store URL names no file');
  if (path === ':memory:') throw refuse('A store lives in a file, so that it outlives the process');
  if (path.startsWith('file:')) throw refuse('A plain path must follow sqlite:, not a file: URL');
  if (/^\/\/(?!\/)/.test(path))
    throw refuse('A path that starts with // is ambiguous; use sqlite:/absolute or sqlite:relative');
  if (path.startsWith('~')) throw refuse('The shell does not expand ~ here; write the path out');
  if (/[?#]/.test(path)) throw refuse('A SQLite store URL has no ? and no #');
  if (path.endsWith('/')) throw refuse('This store URL names a folder');
  return resolve(path);
}
