/**
 * One request and its answer on undici's lowest layer (`dispatch`): no streams, no copies, and an end in any case. All
 * that goes wrong settles the promise as a failure; it never rejects.
 */
import type { Dispatcher } from 'undici';
import { type BodyDecoder, bodyDecoder } from './decode-body.ts';
import { crawlerError } from './errors.ts';
import type { PackedBody } from './packed-body.ts';

export interface Exchange {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent with POST. Default: none, and GET. */
  readonly body?: string;
  /** `Connection: close`. */
  readonly lastOnConnection: boolean;
  readonly bodyBytesMax: number;
  readonly decodedBytesMax: number;
  /** Of the whole exchange. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** Decoded; empty where the status makes it of no interest. */
  readonly body: Uint8Array | PackedBody;
  readonly wireBytes: number;
  /** When its head came, by `performance.now()`. */
  readonly headAt: number;
}

export interface NoAnswer {
  readonly kind: 'no-answer';
  readonly error: Error;
  /** False: the connection broke before the first byte of an answer. */
  readonly answered: boolean;
  readonly wireBytes: number;
}

/** Names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** The first where there are several. */
export function headerText(headers: ResponseHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

export function exchange(dispatcher: Dispatcher, request: Exchange): Promise<Answer | NoAnswer> {
  return new Promise((resolve) => {
    const handler = new ExchangeHandler(request, resolve);
    dispatcher.dispatch(
      {
        origin: request.url.origin,
        path: request.url.pathname + request.url.search,
        ...(request.body === undefined ? { method: 'GET' } : { method: 'POST', body: request.body }),
        headers: request.headers,
        reset: request.lastOnConnection,
      },
      handler,
    );
  });
}

/** What carries a feed; the bodies of all other answers are left unread. */
export function carriesFeed(status: number): boolean {
  return status === 200 || status === 203;
}

class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly #request: Exchange;
  readonly #settle: (result: Answer | NoAnswer) => void;
  readonly #timer: NodeJS.Timeout;
  #onAbort: (() => void) | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #decoder: BodyDecoder | undefined;
  #status = 0;
  #interim = 0;
  #headers: ResponseHeaders = {};
  #headAt = 0;
  #wireBytes = 0;
  #answered = false;
  #settled = false;
  #failure: Error | undefined;

  constructor(request: Exchange, settle: (result: Answer | NoAnswer) => void) {
    this.#request = request;
    this.#settle = settle;
    this.#timer = setTimeout(() => this.#fail(timedOut(request)), request.timeoutMs);
    if (request.signal !== undefined) {
      this.#onAbort = () => this.#fail(crawlerError('FETCH_ABORTED', 'The crawl was stopped'));
      request.signal.addEventListener('abort', this.#onAbort, { once: true });
      if (request.signal.aborted) this.#onAbort();
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure !== undefined) controller.abort(this.#failure);
  }

  onResponseStarted(): void {
    this.#answered = true;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    if (status < 200) {
      this.#interim += 1;
      if (this.#interim > INTERIM_MAX) this.#fail(tooManyInterim(this.#request));
      return;
    }
    this.#status = status;
    this.#headAt = performance.now();
    this.#headers = headers;
    if (!carriesFeed(status)) return;
    const declared = Number(headerText(headers, 'content-length'));
    if (declared > this.#request.bodyBytesMax) {
      this.#fail(tooLarge(this.#request));
      return;
    }
    try {
      this.#decoder = bodyDecoder({
        contentEncoding: encodingOf(headers),
        decodedBytesMax: this.#request.decodedBytesMax,
        url: this.#request.url.href,
        onFailure: (error) => this.#fail(error),
      });
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return;
    this.#wireBytes += chunk.length;
    if (this.#decoder === undefined) {
      // An answer without a feed in it, such as an error page: its head is all that counts. A short one is read, which
      // keeps the connection in use; a long one is cut off.
      if (this.#wireBytes > UNREAD_BYTES_MAX) this.#answer(new Uint8Array());
      return;
    }
    if (this.#wireBytes > this.#request.bodyBytesMax) this.#fail(tooLarge(this.#request));
    else this.#decoder.write(chunk);
  }

  onResponseEnd(): void {
    if (this.#settled) return;
    if (this.#decoder === undefined) {
      this.#answer(new Uint8Array());
      return;
    }
    this.#decoder.end().then(
      (body) => this.#answer(body),
      (error) => this.#fail(asError(error)),
    );
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    // The head says all there is to know of an answer without a feed in it, even where the rest got lost.
    if (this.#status !== 0 && !carriesFeed(this.#status)) this.#answer(new Uint8Array());
    else this.#fail(error);
  }

  #answer(body: Uint8Array | PackedBody): void {
    if (this.#settled) return;
    this.#finish({
      kind: 'answer',
      status: this.#status,
      headers: this.#headers,
      body,
      wireBytes: this.#wireBytes,
      headAt: this.#headAt,
    });
    if (this.#wireBytes > UNREAD_BYTES_MAX && !carriesFeed(this.#status)) {
      this.#controller?.abort(crawlerError('FETCH_ABORTED', 'The rest of the answer is of no interest'));
    }
  }

  #fail(error: Error): void {
    if (this.#settled) return;
    this.#failure = error;
    this.#finish({ kind: 'no-answer', error, answered: this.#answered, wireBytes: this.#wireBytes });
    this.#controller?.abort(error);
    this.#decoder?.destroy();
  }

  #finish(result: Answer | NoAnswer): void {
    this.#settled = true;
    clearTimeout(this.#timer);
    if (this.#onAbort !== undefined) this.#request.signal?.removeEventListener('abort', this.#onAbort);
    this.#settle(result);
  }
}

/** Answers before the answer (1xx): one or two are common, and nobody says how many may come. */
const INTERIM_MAX = 20;

const UNREAD_BYTES_MAX = 16 * 1024;

function encodingOf(headers: ResponseHeaders): string | undefined {
  const value = headers['content-encoding'];
  return typeof value === 'string' ? value : value?.join(',');
}

function tooLarge(request: Exchange): Error {
  return crawlerError('FETCH_TOO_LARGE', `The feed is larger than ${request.bodyBytesMax} bytes`, {
    input: request.url.href,
  });
}

function tooManyInterim(request: Exchange): Error {
  return crawlerError('FETCH_PROTOCOL', `There were more than ${INTERIM_MAX} answers (1xx) before the answer`, {
    input: request.url.href,
  });
}

function timedOut(request: Exchange): Error {
  return crawlerError('FETCH_TIMEOUT', `No complete answer within ${request.timeoutMs} ms`, {
    input: request.url.href,
    retryable: true,
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
