import type { Article } from '../store/documents.ts';
import { type Arrival, sortTime } from './arrival.ts';
import type { ParsedEntry } from './parse/model.ts';
import { plainText, sanitizeArticle } from './sanitize.ts';

/** Characters of `Article.summary`. */
const SUMMARY_CHARS_MAX = 300;

/** The article that an entry becomes: sanitized, its links absolute. This is where most of a crawl's time goes. */
export function articleOf(feed: string, entry: ParsedEntry, fingerprint: string, arrival: Arrival): Article {
  const html = sanitizeArticle(entry.html || entry.summaryHtml, entry.base);
  return {
    feed,
    num: arrival.num,
    guid: entry.guid,
    url: entry.url,
    title: entry.title,
    authors: entry.authors,
    html,
    summary: plainText(entry.html === '' || entry.summaryHtml === '' ? html : entry.summaryHtml, SUMMARY_CHARS_MAX),
    published: entry.published,
    updated: entry.updated,
    arrived: arrival.arrived,
    at: sortTime(entry, arrival.arrived),
    categories: entry.categories,
    enclosures: entry.enclosures,
    fingerprint,
  };
}
