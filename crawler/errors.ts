import { CodedError, type ErrorDetails } from '../store/errors.ts';

/** The codes of `crawler/` (those of `crawler/parse/` are listed there), each with what to do about it. */
export const CRAWLER_ERRORS = {
  FETCH_URL_INVALID: 'Give an http or https URL, such as https://example.org/feed.xml.',
  FETCH_ADDRESS_FORBIDDEN:
    'Feeds on private networks are refused; name the network in FEEDFERRY_ALLOW_PRIVATE_NETWORKS if you trust it.',
  FETCH_NETWORK_INVALID: 'Write networks as CIDR, separated by commas: 127.0.0.0/8,192.168.1.0/24,fd00::/8.',
  FETCH_DNS: 'Check the host name; it is tried again later.',
  FETCH_REFUSED: 'Nothing listens there at the moment; it is tried again later.',
  FETCH_UNREACHABLE: 'There is no route to the host at the moment; it is tried again later.',
  FETCH_TIMEOUT: 'The server was too slow; it is tried again later.',
  FETCH_RESET: 'The server broke the connection off; it is tried again later.',
  FETCH_TLS: 'The certificate or the TLS of the server is faulty; tell the publisher.',
  FETCH_PROTOCOL: 'The answer was not valid HTTP; tell the publisher.',
  FETCH_HEADERS_TOO_LARGE: 'The server sent more headers than any feed needs; tell the publisher.',
  FETCH_TOO_LARGE: 'The feed is larger than the limit; tell the publisher, or raise the limit.',
  FETCH_BAD_ENCODING: 'The Content-Encoding is unknown or does not match the body; tell the publisher.',
  FETCH_TRUNCATED: 'The body ended too early; it is tried again later.',
  FETCH_REDIRECTS: 'The redirects lead nowhere; open the URL in a browser and add the feed that is found there.',
  FETCH_ABORTED: 'The crawl was stopped; the feed stays due.',
  FETCH_HOST_BUSY: 'Many feeds are led to the same host, which is asked one at a time; it is tried again later.',
  FETCH_FAILED: 'An unforeseen network error; it is tried again later.',
  DISCOVER_NONE: 'The page names no feed; look for a feed link on the site and give its URL.',
  DISCOVER_MANY: 'The page names several feeds; give the URL of the one you want.',
  CRAWL_FEED_UNKNOWN: 'There is no feed with this id; list the feeds to find the right one.',
  CRAWL_BODY_SLOW: 'The feed takes too long to read; please report it with the feed URL.',
  CRAWL_SLOW: 'It goes on in the background; look again in a minute.',
  CRAWL_STOPPED: 'The crawler is stopping; try again when it runs.',
  CRAWL_PAUSED:
    'It is fetched when they are resumed; `feedferry crawlers status` shows more, `feedferry crawlers resume` ends it.',
  CRAWLERS_CONTENDED: 'Agree with whoever else pauses or resumes, look at `feedferry crawlers status`, then try again.',
  CRAWLERS_RESUMED: 'Somebody else has resumed the crawlers meanwhile; pause them again if they are to stand still.',
  CRAWLERS_UNPROVEN:
    'Run `feedferry crawlers pause --wait` again for the proof, or end the pause with `crawlers resume`.',
  CRAWL_QUEUE_FULL: 'More feeds wait than the queue holds; they stay due in the store.',
  CRAWL_QUEUE_BUSY: 'Look which worker still crawls (`feedferry crawlers status`), then drain the queue again.',
  CRAWL_QUEUE_REFUSED: 'Check user, password and rights in the URL of the queue, and what Redis says.',
  CRAWL_QUEUE_UNREACHABLE:
    'Check that Redis runs and can be reached; crawling goes on by itself, and what is due stands in the store.',
  CRAWL_INTERNAL: 'A fault in Feedferry; please report it with the feed URL.',
} as const;

export type CrawlerErrorCode = keyof typeof CRAWLER_ERRORS;

/** `FETCH_HTTP_404` and the like: one code for each status. */
export type HttpErrorCode = `FETCH_HTTP_${number}`;

/** A crawler error with the advice that its code carries. */
export function crawlerError(
  code: CrawlerErrorCode,
  message: string,
  details: Omit<ErrorDetails, 'advice'> = {},
): CodedError<CrawlerErrorCode> {
  return new CodedError(code, message, { ...details, advice: CRAWLER_ERRORS[code] });
}

/** An answer whose status is neither a body nor `304`. */
export function httpError(status: number, url: string): CodedError<HttpErrorCode> {
  return new CodedError(`FETCH_HTTP_${status}`, `The server answered ${status} for ${url}`, {
    input: url,
    advice: httpAdvice(status),
    retryable: status !== 410,
  });
}

function httpAdvice(status: number): string {
  if (status === 401 || status === 407) return 'The feed wants a login; put user and password into its URL.';
  if (status === 403) return 'The publisher refuses this crawler; ask the publisher to allow its User-Agent.';
  if (status === 404) return 'The feed is not there any more; look for its new address on the site.';
  if (status === 410) return 'The publisher has taken the feed away for good; it is not fetched again.';
  if (status === 429) return 'The publisher asks for fewer requests; the feed is fetched later.';
  if (status >= 500) return 'The server is in trouble; the feed is tried again later.';
  return 'Open the URL in a browser to see what the server says.';
}
