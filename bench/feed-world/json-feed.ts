import type { WorldEntry } from './entry.ts';
import type { WorldFeed } from './feed.ts';

/** JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/). */
export function renderJsonFeed(feed: WorldFeed, entries: readonly WorldEntry[], origin: string): string {
  const site = `${origin}/${feed.slug}/`;
  return JSON.stringify({
    version: 'https://jsonfeed.org/version/1.1',
    title: feed.title,
    description: feed.description,
    home_page_url: site,
    feed_url: `${origin}${feed.path}`,
    icon: `${site}icon.svg`,
    language: feed.prose.language,
    items: entries.map((entry) => item(feed, entry, origin)),
  });
}

function item(feed: WorldFeed, entry: WorldEntry, origin: string): Record<string, unknown> {
  return {
    id: entry.guid,
    url: `${origin}${entry.path}`,
    title: entry.title,
    ...(feed.style === 'both' ? { summary: entry.summary } : {}),
    content_html: entry.html,
    date_published: new Date(entry.publishedMs).toISOString(),
    date_modified: new Date(entry.updatedMs).toISOString(),
    authors: [{ name: entry.author }],
    tags: entry.categories,
    ...(entry.enclosure
      ? {
          attachments: [
            {
              url: `${origin}${entry.enclosure.path}`,
              mime_type: entry.enclosure.type,
              size_in_bytes: entry.enclosure.bytes,
            },
          ],
        }
      : {}),
  };
}
