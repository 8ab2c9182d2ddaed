/**
 * Fetches a feed: conditional, bounded in every direction, behind the address guard, one redirect after the other. No
 * cookies, no Referer, nothing added to the URL. What goes wrong is a result, not an exception.
 */
import type { Clock } from '../store/contract.ts';
import type { FeedOverrides } from '../store/documents.ts';
import type { CodedError } from '../store/errors.ts';
import { addressGuard } from './address-guard.ts';
import {
  conditionalHeaders,
  isConditional,
  type Validators,
  validatorsAfter304,
  validatorsOfBody,
} from './conditional-get.ts';
import { type Connections, openConnections } from './connections.ts';
import { ACCEPT_ENCODING } from './decode-body.ts';
import { crawlerError, httpError } from './errors.ts';
import { fetchFailure } from './fetch-failure.ts';
import {
  type Answer,
  carriesFeed,
  exchange,
  headerText,
  type NoAnswer,
  type ResponseHeaders,
} from './http-exchange.ts';
import { loginOf, withoutLogin } from './login.ts';
import { secretHeaders } from './overrides.ts';
import { type PackedBody, unpacked } from './packed-body.ts';
import { Places } from './places.ts';
import { type FormPoster, postForm } from './post-form.ts';
import { retryAfterMs } from './publisher-wishes.ts';
import type { UserAgentOf } from './user-agent.ts';
import type { WayTo } from './way-to-host.ts';

export interface FetcherOptions {
  /** The header's value, for all feeds or for each. */
  readonly userAgent: string | UserAgentOf;
  /** CIDR networks that are open although they are not public. */
  readonly allowPrivate: readonly string[];
  /** In all. Default 256. */
  readonly connectionsMax?: number;
  /** To one origin. Default 1. */
  readonly connectionsPerOriginMax?: number;
  /** For a fetch with all its redirects. Default 30 s. */
  readonly timeoutMs?: number;
  /** Default 10 s, and never more than `timeoutMs`. */
  readonly connectTimeoutMs?: number;
  /** Between two pieces of a body. Default 10 s, and never more than `timeoutMs`. */
  readonly idleTimeoutMs?: number;
  /** As they come over the wire. Default 10 MiB. */
  readonly bodyBytesMax?: number;
  /** Unpacked. Default 20 MiB. */
  readonly decodedBytesMax?: number;
  /** Default 5. */
  readonly redirectsMax?: number;
  /** PEM certificates to trust besides the public ones. */
  readonly ca?: string;
  readonly clock?: Clock;
}

export interface FetchRequest extends Validators {
  /** Absolute http(s). User and password in it are sent as basic authentication, to its own origin only. */
  readonly url: string;
  /** The origin that gave the validators, the only one that they are sent to. Default: that of `url`. */
  readonly validatorsFrom?: string | null | undefined;
  /** Set by an operator for this feed. */
  readonly overrides?: FeedOverrides | undefined;
  /** Id of the feed, for the User-Agent. Absent: none that is in the store. */
  readonly feed?: string;
  readonly signal?: AbortSignal | undefined;
  /** Waits until the host of a URL may be asked, before each request; the wait is not part of the timeout. */
  readonly wayTo?: WayTo | undefined;
  /** False: the host is not asked again soon, so the connection is not kept. Default true. */
  readonly keepConnection?: boolean;
}

interface FetchedHead extends Validators {
  readonly status: number;
  /** After redirects, without user and password. */
  readonly url: string;
  /** The final URL, where every redirect on the way there was permanent (301, 308); null: none, or another kind. */
  readonly permanentUrl: string | null;
  readonly headers: ResponseHeaders;
  readonly wireBytes: number;
  /** Until the head of the last answer came, redirects before it included. */
  readonly headMs: number;
  readonly ms: number;
}

export interface FetchedBody extends FetchedHead {
  readonly kind: 'body';
  /** Decoded. A large one is unpacked each time that it is asked for. */
  readonly body: Uint8Array;
  /** A large one, as it is kept. */
  readonly packed?: PackedBody;
  readonly contentType: string | null;
}

/** 304. `etag` and `lastModified`: those that were sent, or newer ones that came. */
export interface NotModified extends FetchedHead {
  readonly kind: 'not-modified';
}

export interface FetchFailed {
  readonly kind: 'failed';
  /** Null where no answer came. */
  readonly status: number | null;
  readonly error: CodedError;
  readonly retryAfterMs: number | null;
  readonly headers: ResponseHeaders;
  readonly wireBytes: number;
  /** As in an answer; absent where no answer came to its end. */
  readonly headMs?: number;
  readonly ms: number;
}

export type FetchResult = FetchedBody | NotModified | FetchFailed;

export interface Fetcher extends AsyncDisposable {
  /** Never throws for the network's sake; what `userAgent` throws is passed on. */
  fetch(request: FetchRequest): Promise<FetchResult>;
}

type Limits = Required<Omit<FetcherOptions, 'ca' | 'allowPrivate'>>;

const ACCEPT =
  'application/atom+xml, application/rss+xml, application/feed+json;q=0.9, application/rdf+xml;q=0.9, ' +
  'application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, text/html;q=0.3, */*;q=0.1';

/** Throws FETCH_NETWORK_INVALID. */
export function openFetcher(options: FetcherOptions): Fetcher & FormPoster {
  const limits = withDefaults(options);
  const connections = openConnections({
    guard: addressGuard({ allowPrivate: options.allowPrivate }),
    connectionsMax: limits.connectionsMax,
    perOriginMax: limits.connectionsPerOriginMax,
    connectTimeoutMs: limits.connectTimeoutMs,
    idleTimeoutMs: limits.idleTimeoutMs,
    bodyBytesMax: limits.bodyBytesMax,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  const places = new Places(limits.connectionsMax);
  const inPlace = async <T>(
    { overrides, feed }: Pick<FetchRequest, 'overrides' | 'feed'>,
    ask: (name: string) => Promise<T>,
  ): Promise<T> => {
    await places.take();
    try {
      const { userAgent } = limits;
      return await ask(
        overrides?.userAgent ?? (typeof userAgent === 'string' ? userAgent : await userAgent(feed ?? null)),
      );
    } finally {
      places.giveBack();
    }
  };
  return {
    fetch: (request) => inPlace(request, (name) => new Fetch(request, limits, connections, name).run()),
    post: (request) => inPlace(request, (name) => postForm(request, limits, connections, name)),
    [Symbol.asyncDispose]: () => connections[Symbol.asyncDispose](),
  };
}

function withDefaults(options: FetcherOptions): Limits {
  const timeoutMs = options.timeoutMs ?? 30_000;
  return {
    userAgent: options.userAgent,
    connectionsMax: options.connectionsMax ?? 256,
    connectionsPerOriginMax: options.connectionsPerOriginMax ?? 1,
    timeoutMs,
    connectTimeoutMs: Math.min(options.connectTimeoutMs ?? 10_000, timeoutMs),
    idleTimeoutMs: Math.min(options.idleTimeoutMs ?? 10_000, timeoutMs),
    bodyBytesMax: options.bodyBytesMax ?? 10 * 1024 * 1024,
    decodedBytesMax: options.decodedBytesMax ?? 20 * 1024 * 1024,
    redirectsMax: options.redirectsMax ?? 5,
    clock: options.clock ?? Date.now,
  };
}

/** One fetch with its redirects. */
class Fetch {
  readonly #request: FetchRequest;
  readonly #limits: Limits;
  readonly #connections: Connections;
  readonly #userAgent: string;
  readonly #startedAt = performance.now();
  #waitedMs = 0;
  #wireBytes = 0;
  #redirects = 0;
  #permanent = true;

  constructor(request: FetchRequest, limits: Limits, connections: Connections, userAgent: string) {
    this.#request = request;
    this.#limits = limits;
    this.#connections = connections;
    this.#userAgent = userAgent;
  }

  async run(): Promise<FetchResult> {
    const { url: text } = this.#request;
    let url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !isHttp(url)) {
      return this.#failed(null, crawlerError('FETCH_URL_INVALID', `This is no http(s) URL: ${text}`, { input: text }));
    }
    const login = loginOf(url);
    for (;;) {
      if (!(await this.#isTurnAt(url))) {
        const message = `${url.hostname}, to which the feed leads, was busy all the time`;
        return this.#failed(null, crawlerError('FETCH_HOST_BUSY', message, { input: text, retryable: true }));
      }
      const answer = await this.#ask(url, login?.origin === url.origin ? login.authorization : undefined);
      if (answer.kind === 'no-answer') {
        return this.#failed(null, fetchFailure(answer.error, withoutLogin(url), answer.answered));
      }
      const next = redirectTarget(answer, url);
      if (next === undefined) return this.#result(answer, url);
      this.#redirects += 1;
      if (next === null || this.#redirects > this.#limits.redirectsMax) {
        return this.#failed(answer.status, this.#badRedirect(answer, url, next), answer);
      }
      this.#permanent &&= answer.status === 301 || answer.status === 308;
      url = next;
    }
  }

  async #isTurnAt(url: URL): Promise<boolean> {
    const { wayTo } = this.#request;
    if (wayTo === undefined) return true;
    const from = performance.now();
    const isTurn = await wayTo(url.href);
    this.#waitedMs += performance.now() - from;
    return isTurn;
  }

  async #ask(url: URL, authorization: string | undefined): Promise<Answer | NoAnswer> {
    const headers: Record<string, string> = {
      'user-agent': this.#userAgent,
      accept: ACCEPT,
      'accept-encoding': ACCEPT_ENCODING,
      ...(this.#asksConditionally(url) ? conditionalHeaders(this.#request) : {}),
    };
    if (authorization !== undefined) headers.authorization = authorization;
    Object.assign(headers, secretHeaders(this.#request.overrides, url));
    const first = await this.#exchange(url, headers);
    if (first.kind === 'answer' || first.answered || !this.#connections.wasStale(first.error)) return first;
    return this.#exchange(url, headers);
  }

  async #exchange(url: URL, headers: Record<string, string>): Promise<Answer | NoAnswer> {
    const { bodyBytesMax, decodedBytesMax } = this.#limits;
    const { signal, overrides } = this.#request;
    const timeoutMs = overrides?.timeoutMs ?? this.#limits.timeoutMs;
    if (signal?.aborted === true) {
      const error = crawlerError('FETCH_ABORTED', 'The crawl was stopped', { retryable: true });
      return { kind: 'no-answer', error, answered: false, wireBytes: 0 };
    }
    const proxy = overrides?.proxy;
    const refused = proxy === undefined ? undefined : this.#connections.refusal(url.hostname);
    if (refused !== undefined) return { kind: 'no-answer', error: refused, answered: false, wireBytes: 0 };
    const answer = await exchange(proxy === undefined ? this.#connections.agent : this.#connections.through(proxy), {
      url,
      headers,
      lastOnConnection: this.#request.keepConnection === false || this.#connections.crowded(),
      timeoutMs: Math.max(1, Math.round(timeoutMs - this.#ms())),
      bodyBytesMax,
      decodedBytesMax,
      signal,
    });
    this.#wireBytes += answer.wireBytes;
    return answer;
  }

  #result(answer: Answer, url: URL): FetchResult {
    const { status, headers } = answer;
    const etag = headerText(headers, 'etag');
    const lastModified = headerText(headers, 'last-modified');
    const head = {
      status,
      url: withoutLogin(url),
      permanentUrl: this.#redirects > 0 && this.#permanent ? withoutLogin(url) : null,
      headers,
      wireBytes: this.#wireBytes,
      headMs: this.#headMs(answer),
      ms: this.#ms(),
    };
    if (carriesFeed(status)) {
      const contentType = headerText(headers, 'content-type') ?? null;
      const { body } = answer;
      const fetched = { kind: 'body', ...head, ...validatorsOfBody(etag, lastModified), contentType } as const;
      return body instanceof Uint8Array ? { ...fetched, body } : withPacked(fetched, body);
    }
    if (status === 304 && this.#asksConditionally(url)) {
      return { kind: 'not-modified', ...head, ...validatorsAfter304(this.#request, etag, lastModified) };
    }
    return this.#failed(status, httpError(status, head.url), answer);
  }

  #asksConditionally(url: URL): boolean {
    const { url: first, validatorsFrom } = this.#request;
    return isConditional(this.#request) && url.origin === (validatorsFrom ?? new URL(first).origin);
  }

  #failed(status: number | null, error: CodedError, answer: Answer | null = null): FetchFailed {
    const headers = answer?.headers ?? {};
    return {
      kind: 'failed',
      status,
      error,
      retryAfterMs: retryAfterMs(headers, this.#limits.clock()),
      headers,
      wireBytes: this.#wireBytes,
      ...(answer === null ? {} : { headMs: this.#headMs(answer) }),
      ms: this.#ms(),
    };
  }

  #badRedirect(answer: Answer, url: URL, next: URL | null): CodedError {
    const location = headerText(answer.headers, 'location') ?? 'nowhere';
    const message =
      next === null
        ? `The redirect (${answer.status}) from ${withoutLogin(url)} leads to ${location.slice(0, 200)}`
        : `There were more than ${this.#limits.redirectsMax} redirects, the last to ${withoutLogin(next)}`;
    return crawlerError('FETCH_REDIRECTS', message, { input: withoutLogin(new URL(this.#request.url)) });
  }

  #headMs({ headAt }: Answer): number {
    return Math.round(headAt - this.#startedAt);
  }

  #ms(): number {
    return Math.round(performance.now() - this.#startedAt - this.#waitedMs);
  }
}

function withPacked(fetched: Omit<FetchedBody, 'body' | 'packed'>, packed: PackedBody): FetchedBody {
  return {
    ...fetched,
    packed,
    get body() {
      return unpacked(packed);
    },
  };
}

/** Undefined: no redirect. Null: a redirect that can't be followed. */
function redirectTarget(answer: Answer, from: URL): URL | null | undefined {
  if (![301, 302, 303, 307, 308].includes(answer.status)) return undefined;
  const location = headerText(answer.headers, 'location');
  if (location === undefined || !URL.canParse(location, from.href)) return null;
  const url = new URL(location, from.href);
  url.hash = '';
  return isHttp(url) ? url : null;
}

function isHttp(url: URL): boolean {
  return url.protocol === 'http:' || url.protocol === 'https:';
}
