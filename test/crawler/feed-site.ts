/** A publisher whose feeds a test writes by hand. */
import type { ServerResponse } from 'node:http';
import { type Handler, httpServer, type TestServer } from './servers.ts';

export interface SiteEntry {
  readonly guid: string;
  readonly title?: string;
  readonly html?: string;
  /** ms since 1970. */
  readonly published?: number;
}

export interface SiteFeed {
  title?: string;
  entries: SiteEntry[];
  etag?: string | undefined;
  lastModified?: string | undefined;
  headers?: Record<string, string>;
  /** In the channel, such as `<ttl>60</ttl>`. */
  channel?: string;
  /** Instead of all the rest. */
  answer?: ((response: ServerResponse) => void) | undefined;
  /** Before the answer; a promise holds it back. */
  before?: ((response: ServerResponse) => void | Promise<void>) | undefined;
}

export interface FeedSite extends TestServer {
  readonly feeds: Map<string, SiteFeed>;
}

/** `/name` serves `feeds.get('name')`, on every loopback address. */
export async function feedSite(feeds: Record<string, SiteFeed>): Promise<FeedSite> {
  const all = new Map(Object.entries(feeds));
  const handler: Handler = async (request, response) => {
    const feed = all.get((request.url ?? '').slice(1));
    await feed?.before?.(response);
    if (feed === undefined) return response.writeHead(404).end('nothing here');
    if (feed.answer !== undefined) return feed.answer(response);
    const headers: Record<string, string> = { ...feed.headers };
    if (feed.etag !== undefined) headers.etag = feed.etag;
    if (feed.lastModified !== undefined) headers['last-modified'] = feed.lastModified;
    const same = feed.etag !== undefined && request.headers['if-none-match'] === feed.etag;
    const unmodified = feed.lastModified !== undefined && request.headers['if-modified-since'] === feed.lastModified;
    if (same || (unmodified && request.headers['if-none-match'] === undefined)) {
      return response.writeHead(304, headers).end();
    }
    response.writeHead(200, { 'content-type': 'application/rss+xml', ...headers }).end(rss(feed));
  };
  const server = await httpServer((request, response) => void handler(request, response));
  return { ...server, feeds: all, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

export function rss({ title = 'A feed', channel = '', entries }: SiteFeed): string {
  const items = entries.map(({ guid, title: name = guid, html = `<p>${guid}</p>`, published }) => {
    const date = published === undefined ? '' : `<pubDate>${new Date(published).toUTCString()}</pubDate>`;
    const id = `<guid isPermaLink="false">${guid}</guid><link>http://site.example/${encodeURIComponent(guid)}</link>`;
    return `<item><title>${name}</title>${id}${date}<description><![CDATA[${html}]]></description></item>`;
  });
  return `<?xml version="1.0"?><rss version="2.0"><channel><title>${title}</title><link>http://site.example/</link>${channel}${items.join('')}</channel></rss>`;
}

/** `count` entries, the newest first, as feeds list them. */
export function entries(count: number, from = 0): SiteEntry[] {
  return Array.from({ length: count }, (_, i) => ({ guid: `entry-${from + count - 1 - i}` }));
}
