/** Single fetches of a test. */
import { type FetcherOptions, type FetchRequest, type FetchResult, openFetcher } from '../../crawler/fetch.ts';
import { type Handler, httpServer } from './servers.ts';

export const FEED = '<rss version="2.0"><channel><title>A feed</title></channel></rss>';

export const OPTIONS: FetcherOptions = {
  userAgent: 'Feedferry-Test/1.0',
  allowPrivate: ['127.0.0.0/8'],
  timeoutMs: 5_000,
};

export async function fetchOnce(
  url: string,
  more: Partial<FetchRequest> = {},
  options: Partial<FetcherOptions> = {},
): Promise<FetchResult> {
  await using fetcher = openFetcher({ ...OPTIONS, ...options });
  return await fetcher.fetch({ url, etag: null, lastModified: null, ...more });
}

export async function fetchFrom(
  handler: Handler,
  more: Partial<FetchRequest> = {},
  options: Partial<FetcherOptions> = {},
) {
  await using server = await httpServer(handler);
  const result = await fetchOnce(`${server.url}/feed`, more, options);
  return { result, requests: server.requests };
}

export function text(result: FetchResult): string {
  return result.kind === 'body' ? Buffer.from(result.body).toString() : `${result.kind}`;
}

export function code(result: FetchResult): string {
  return result.kind === 'failed' ? result.error.code : result.kind;
}
