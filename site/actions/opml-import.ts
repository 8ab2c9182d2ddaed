import { randomBytes } from 'node:crypto';
import { siteError } from '../errors.ts';
import type { Action } from './action.ts';

/** Results kept for the page after an import. */
const RESULTS_MAX = 20;

/** `POST /opml`: follows all feeds of the file. */
export const opmlImport: Action = async (site, { file }) => {
  if (file === null || file.length === 0) throw siteError('SITE_UPLOAD_MISSING', 'No file was sent.');
  const { entries, invalid } = await site.options.importOpml(file);
  const feeds = entries.map(({ id, folder, title }) => ({ feed: id, folder, title: title === '' ? null : title }));
  const added = await site.reading.following.follow(feeds);
  const id = randomBytes(8).toString('hex');
  site.imports.set(id, { entries: new Set(entries.map((entry) => entry.id)).size, added, invalid });
  for (const oldest of site.imports.keys()) {
    if (site.imports.size <= RESULTS_MAX) break;
    site.imports.delete(oldest);
  }
  return { to: `/opml?result=${id}` };
};
