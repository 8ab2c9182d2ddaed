/** The feeds that a web page names, as far as a person or the crawler would choose between them. */
import { canonicalFeedUrl } from '../store/ids.ts';
import type { FetchedBody } from './fetch.ts';
import { type DiscoveredFeed, discoverFeeds } from './parse/discover.ts';

/** Candidates that are kept. */
const CANDIDATES_MAX = 20;

const COMMENTS = /comment|kommentar|commentaire|comentario|reacties/i;

/** Feeds of comments don't count beside others, nor does the same feed as RSS and Atom. */
export function feedsOfPage(page: FetchedBody): DiscoveredFeed[] {
  const all = discoverFeeds(pageText(page), page.url).filter(({ url }) => canonicalFeedUrl(url) !== undefined);
  const main = all.filter(({ url, title }) => !COMMENTS.test(`${title} ${url}`));
  return withoutVariants(main.length > 0 ? main : all).slice(0, CANDIDATES_MAX);
}

/** `My blog (RSS)` and `My blog (Atom)`: one title, but for the format's name, and two types. The first is as good. */
function withoutVariants(feeds: readonly DiscoveredFeed[]): DiscoveredFeed[] {
  const bare = (title: string) => title.toLowerCase().replace(/\b(?:rss|atom|json|xml|feed)\b|[\d\W]/g, '');
  const kept: DiscoveredFeed[] = [];
  for (const feed of feeds) {
    const twin = kept.some((other) => other.type !== feed.type && bare(other.title) === bare(feed.title));
    if (!twin) kept.push(feed);
  }
  return kept;
}

/** Links to feeds are ASCII; a wrong charset can spoil no more than a title. */
function pageText({ body, contentType }: FetchedBody): string {
  const label = /charset\s*=\s*"?([\w-]+)/i.exec(contentType ?? '')?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(label).decode(body);
  } catch {
    return new TextDecoder().decode(body);
  }
}
