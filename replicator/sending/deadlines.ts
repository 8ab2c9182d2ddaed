import { replicatorError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';

/** No call to the source or the destination is waited for longer. */
export const ANSWER_MS_MAX = 30_000;

interface Waiting {
  readonly what: string;
  readonly since: number;
  readonly reject: (error: unknown) => void;
}

/**
 * A limit on every wait for somebody else: what has not settled after `ANSWER_MS_MAX` is given up, whatever becomes of
 * it later. One sleeper watches all of them.
 */
export class Deadlines {
  readonly #runtime: Runtime;
  /** All have the same limit, so the first one in is the first one due. */
  readonly #waiting = new Set<Waiting>();
  #end: { readonly error: unknown } | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** As `work`, or rejects with REPLICATION_STUCK. `what`: the end of a sentence, `the destination to ...`. */
  limit<T>(work: Promise<T>, what: string): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const waiting = { what, since: this.#runtime.elapsed(), reject };
    this.#waiting.add(waiting);
    work.then(
      (value) => {
        this.#waiting.delete(waiting);
        resolve(value);
      },
      (error: unknown) => {
        this.#waiting.delete(waiting);
        reject(error);
      },
    );
    if (this.#end) reject(this.#end.error);
    return promise;
  }

  /** What has been waited for longest. */
  oldest(): { readonly what: string; readonly ms: number } | undefined {
    const [first] = this.#waiting;
    return first && { what: first.what, ms: this.#runtime.elapsed() - first.since };
  }

  /** Until the signal aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const [first] = this.#waiting;
      const ms = first ? first.since + ANSWER_MS_MAX - this.#runtime.elapsed() : ANSWER_MS_MAX;
      if (first && ms <= 0) {
        this.#waiting.delete(first);
        first.reject(stuck(first.what));
      } else {
        await this.#runtime.sleep(Math.max(1, ms), signal);
      }
    }
  }

  /** Gives up everything that is waited for, now and later. */
  end(error: unknown): void {
    this.#end = { error };
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting.clear();
  }
}

function stuck(what: string): Error {
  const message = `Waited ${ANSWER_MS_MAX / 1000} s for ${what}.`;
  return replicatorError('REPLICATION_STUCK', message, { retryable: true });
}
