import { escapeMarkup } from './markup.ts';

/** All feeds of a world as OPML 2.0, by the addresses that subscribers know. */
export function worldOpml(feeds: readonly { url: string; siteUrl: string; title: string }[]): string {
  const outlines = feeds.map((feed) => {
    const [title, url, site] = [feed.title, feed.url, feed.siteUrl].map(escapeMarkup);
    return `    <outline type="rss" text="${title}" title="${title}" xmlUrl="${url}" htmlUrl="${site}"/>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0">
  <head><title>Feed world</title></head>
  <body>
${outlines.join('\n')}
  </body>
</opml>
`;
}
