import { randomBytes } from 'node:crypto';
import { siteError } from '../errors.ts';
import { opmlPage } from '../pages/opml.ts';
import type { ImportedOpml } from '../site.ts';
import { troubleOf } from '../trouble.ts';
import type { Action } from './action.ts';

/** Results kept for the page after an import. */
const RESULTS_MAX = 20;
/** Addresses that could not be taken, kept of one import. */
const INVALID_KEPT_MAX = 100;

/** `POST /opml`: follows all feeds of the file; one that is no OPML comes back to the same form with the reason. */
export const opmlImport: Action = async (site, { file }) => {
  if (file === null || file.length === 0) throw siteError('SITE_UPLOAD_MISSING', 'No file was sent.');
  let imported: ImportedOpml;
  try {
    imported = await site.options.importOpml(file);
  } catch (error) {
    const trouble = troubleOf(error);
    if (trouble.status !== 422) throw error;
    return { page: (visit) => opmlPage(site, visit, trouble) };
  }
  const { entries, invalid } = imported;
  const feeds = entries.map(({ id, folder, title }) => ({ feed: id, folder, title: title === '' ? null : title }));
  const added = await site.reading.following.follow(feeds);
  const id = randomBytes(8).toString('hex');
  site.imports.set(id, {
    entries: new Set(entries.map((entry) => entry.id)).size,
    added,
    invalid: invalid.slice(0, INVALID_KEPT_MAX),
    invalidCount: invalid.length,
  });
  for (const oldest of site.imports.keys()) {
    if (site.imports.size <= RESULTS_MAX) break;
    site.imports.delete(oldest);
  }
  return { to: `/opml?result=${id}` };
};
