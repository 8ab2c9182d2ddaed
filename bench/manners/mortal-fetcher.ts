/** A fetcher that can die as its process would: what it was fetching, or had just fetched, is never heard of again. */
import { crawlerError } from '../../crawler/errors.ts';
import type { Fetcher, FetchRequest, FetchResult } from '../../crawler/fetch.ts';

export class MortalFetcher implements Fetcher {
  readonly #fetcher: Fetcher;
  readonly #timeoutMs: (url: string) => number;
  #dead = false;
  #closed = false;
  #onNextBody: ((feed: string) => void) | undefined;

  /** `timeoutMs`: real time that a fetch of this URL may take. */
  constructor(fetcher: Fetcher, timeoutMs: (url: string) => number) {
    this.#fetcher = fetcher;
    this.#timeoutMs = timeoutMs;
  }

  async fetch(request: FetchRequest): Promise<FetchResult> {
    const result = this.#dead ? died(request) : await this.#fetcher.fetch(this.#patient(request));
    if (this.#dead) return died(request);
    if (this.#onNextBody !== undefined && result.kind === 'body') {
      this.#dead = true;
      this.#onNextBody(request.feed ?? '');
      return died(request);
    }
    return result;
  }

  #patient(request: FetchRequest): FetchRequest {
    return { ...request, overrides: { ...request.overrides, timeoutMs: this.#timeoutMs(request.url) } };
  }

  /** Calls back with the feed when the next body has come; nobody else gets to see it. */
  dieAtNextBody(died: (feed: string) => void): void {
    this.#onNextBody = died;
  }

  async kill(): Promise<void> {
    this.#dead = true;
    if (this.#closed) return;
    this.#closed = true;
    await this.#fetcher[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** To the crawler as if it had been stopped: it stores nothing. */
function died({ url }: FetchRequest): FetchResult {
  const error = crawlerError('FETCH_ABORTED', 'The process was killed', { input: url });
  return { kind: 'failed', status: null, error, retryAfterMs: null, headers: {}, wireBytes: 0, ms: 0 };
}
