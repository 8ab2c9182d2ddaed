import { escapeMarkup } from './markup.ts';

interface ListedFeed {
  readonly url: string;
  readonly siteUrl: string;
  readonly title: string;
  readonly folder: string | null;
}

/** All feeds of a world as OPML 2.0, by the addresses that subscribers know, in their folders. */
export function worldOpml(feeds: readonly ListedFeed[]): string {
  const folders = Map.groupBy(feeds, (feed) => feed.folder);
  const groups = [...folders].map(([folder, inside]) => {
    const outlines = inside.map(outline).join('\n');
    return folder === null ? outlines : `<outline text="${escapeMarkup(folder)}">\n${outlines}\n</outline>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0">
<head><title>Feed world</title></head>
<body>
${groups.join('\n')}
</body>
</opml>
`;
}

function outline(feed: ListedFeed): string {
  const [title, url, site] = [feed.title, feed.url, feed.siteUrl].map(escapeMarkup);
  return `<outline type="rss" text="${title}" title="${title}" xmlUrl="${url}" htmlUrl="${site}"/>`;
}
