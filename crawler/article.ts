import type { Article } from '../store/documents.ts';
import { type Arrival, sortTime } from './arrival.ts';
import type { ParsedEntry } from './parse/model.ts';
import { plainText, sanitizeArticle } from './sanitize.ts';

/** Characters of `Article.summary`. */
const SUMMARY_CHARS_MAX = 300;

/** The article that an entry becomes: sanitized, its links absolute. This is where most of a crawl's time goes. */
export function articleOf(feed: string, entry: ParsedEntry, fingerprint: string, arrival: Arrival): Article {
  const html = sanitizeArticle(entry.html || entry.summaryHtml, entry.base);
  // In the order of canonical JSON, which need not be made then.
  return {
    arrived: arrival.arrived,
    at: sortTime(entry, arrival.arrived),
    authors: entry.authors,
    categories: entry.categories,
    enclosures: entry.enclosures,
    feed,
    fingerprint,
    guid: entry.guid,
    html,
    num: arrival.num,
    published: entry.published,
    summary: plainText(entry.html === '' || entry.summaryHtml === '' ? html : entry.summaryHtml, SUMMARY_CHARS_MAX),
    title: entry.title,
    updated: entry.updated,
    url: entry.url,
  };
}
