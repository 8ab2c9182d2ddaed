/** Sends a form, to a hub: bounded and behind the address guard as a fetch is. What goes wrong is a result. */
import type { Clock } from '../store/contract.ts';
import type { FeedOverrides } from '../store/documents.ts';
import type { CodedError } from '../store/errors.ts';
import type { Connections } from './connections.ts';
import { crawlerError } from './errors.ts';
import { fetchFailure } from './fetch-failure.ts';
import { exchange, headerText } from './http-exchange.ts';
import { withoutLogin } from './login.ts';
import { retryAfterMs } from './publisher-wishes.ts';

export interface PostRequest {
  /** Absolute http(s), without user and password. */
  readonly url: string;
  readonly form: URLSearchParams;
  /** Of the feed that it is about: User-Agent, proxy and timeout; its login and headers are for its publisher alone. */
  readonly overrides?: FeedOverrides | undefined;
  /** Id of that feed, for the User-Agent. */
  readonly feed?: string;
  readonly signal?: AbortSignal | undefined;
}

export type PostResult =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterMs: number | null }
  | { readonly kind: 'failed'; readonly error: CodedError };

export interface FormPoster {
  /** Never throws for the network's sake. */
  post(request: PostRequest): Promise<PostResult>;
}

export interface PostLimits {
  readonly timeoutMs: number;
  readonly redirectsMax: number;
  readonly clock: Clock;
}

/** Answers are read no further than the crawler reads any answer without a feed. */
const ANSWER_BYTES_MAX = 64 * 1024;

/** Only 307 and 308 repeat the form elsewhere (RFC 9110 section 15.4; W3C WebSub section 5.2). */
export async function postForm(
  request: PostRequest,
  limits: PostLimits,
  connections: Connections,
  userAgent: string,
): Promise<PostResult> {
  const timeoutMs = request.overrides?.timeoutMs ?? limits.timeoutMs;
  const endAt = performance.now() + timeoutMs;
  let url = new URL(request.url);
  for (let redirects = 0; ; redirects += 1) {
    const left = Math.max(1, Math.round(endAt - performance.now()));
    const answer = await post(url, request, left, connections, userAgent);
    if (answer.kind === 'no-answer') {
      return { kind: 'failed', error: fetchFailure(answer.error, withoutLogin(url), answer.answered) };
    }
    if (answer.status !== 307 && answer.status !== 308)
      return { kind: 'answered', status: answer.status, retryAfterMs: retryAfterMs(answer.headers, limits.clock()) };
    const next = redirectTarget(headerText(answer.headers, 'location'), url);
    if (next === undefined || redirects >= limits.redirectsMax) {
      const message = `The redirect (${answer.status}) from ${withoutLogin(url)} can't be followed`;
      return { kind: 'failed', error: crawlerError('FETCH_REDIRECTS', message, { input: request.url }) };
    }
    url = next;
  }
}

async function post(url: URL, request: PostRequest, timeoutMs: number, connections: Connections, userAgent: string) {
  const { signal, overrides, form } = request;
  const failed = (error: Error) => ({ kind: 'no-answer', error, answered: false, wireBytes: 0 }) as const;
  if (signal?.aborted === true) return failed(crawlerError('FETCH_ABORTED', 'The crawl was stopped'));
  const proxy = overrides?.proxy;
  // As in fetch.ts: a proxy looks names up itself, but what stands in the URL as an address is refused here.
  const refused = proxy === undefined ? undefined : connections.refusal(url.hostname);
  if (refused !== undefined) return failed(refused);
  return exchange(proxy === undefined ? connections.agent : connections.through(proxy), {
    url,
    headers: {
      'user-agent': userAgent,
      accept: '*/*',
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: form.toString(),
    lastOnConnection: true,
    timeoutMs,
    bodyBytesMax: ANSWER_BYTES_MAX,
    decodedBytesMax: ANSWER_BYTES_MAX,
    signal,
  });
}

/** What was secure stays so: the form holds a secret. */
function redirectTarget(location: string | undefined, from: URL): URL | undefined {
  if (location === undefined || !URL.canParse(location, from.href)) return undefined;
  const url = new URL(location, from.href);
  url.hash = '';
  const isFine = url.protocol === 'https:' || (url.protocol === 'http:' && from.protocol === 'http:');
  return isFine ? url : undefined;
}
