/**
 * A feed as `parse` returns it: one shape for RSS, RDF, Atom and JSON Feed. `docs/parsed-feed.schema.json` is the same
 * shape as a JSON Schema. Every field is there; what the document did not say is null, empty or an empty list.
 */
export interface ParsedFeed {
  format: 'rss' | 'atom' | 'rdf' | 'json';
  /** As declared: `2.0`, `0.91`, `1.0`, `https://jsonfeed.org/version/1.1`. */
  version: string;
  title: string;
  description: string;
  /** The site that the feed is about; absolute. */
  siteUrl: string | null;
  /** Where the feed says it is. */
  selfUrl: string | null;
  iconUrl: string | null;
  language: string | null;
  updated: number | null;
  hints: ScheduleHints;
  hubs: string[];
  entries: ParsedEntry[];
  /** What was mended or left out, coded, for the publisher and for `feedferry parse`. At most 50. */
  warnings: ParseWarning[];
}

/** What the publisher asks of crawlers: RSS `ttl skipHours skipDays`, RSS 1.0 syndication module. */
export interface ScheduleHints {
  ttlMs: number | null;
  /** Hours of the day, UTC, 0 to 23. */
  skipHours: number[];
  /** 0 is Sunday. */
  skipDays: number[];
  updatePeriodMs: number | null;
}

export interface ParsedEntry {
  /** guid or id, verbatim but trimmed. */
  guid: string | null;
  /** Absolute http(s). */
  url: string | null;
  /** Plain text. */
  title: string;
  authors: string[];
  /** The richest body, as HTML, not yet sanitized; references still relative to `base`. */
  html: string;
  /** The short body where there are two, as HTML, not yet sanitized. */
  summaryHtml: string;
  /** What relative references in the bodies resolve against. */
  base: string | null;
  published: number | null;
  updated: number | null;
  categories: string[];
  enclosures: { url: string; type: string | null; length: number | null }[];
  commentsUrl: string | null;
}

export interface ParseWarning {
  code: string;
  message: string;
}

export interface ParseInput {
  readonly body: Uint8Array;
  /** Of elements, those in bodies not counted. Default ELEMENTS_MAX, enough for the largest of documents. */
  readonly elementsMax?: number;
  /** The `Content-Type` header, where one came. */
  readonly contentType?: string;
  /** Where the body came from, after redirects. */
  readonly url?: string;
}
