import { hash, timingSafeEqual } from 'node:crypto';
import { replicatorError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import type { ReceiverLog } from './receive.ts';

/** Wrong tokens whose answer is being held back; beyond that connections are dropped without one. */
const WAITING_MAX = 32;
/** The log tells of wrong tokens this often, in ms. */
const TELL_MS = 10_000;

/** Lets in who has the token. */
export class Guard {
  readonly #token: Buffer;
  readonly #runtime: Runtime;
  readonly #wrongTokenMs: number;
  readonly #log: ReceiverLog | undefined;
  #refused = 0;
  #waiting = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #untold = 0;

  constructor(token: string, wrongTokenMs: number, runtime: Runtime, log: ReceiverLog | undefined) {
    this.#token = digestOf(token);
    this.#wrongTokenMs = wrongTokenMs;
    this.#runtime = runtime;
    this.#log = log;
  }

  /** Requests with a wrong token, or none. */
  get refused(): number {
    return this.#refused;
  }

  /** Of two hashes: so it takes the same time whatever was sent, also for another length. */
  knows(authorization: string | undefined): boolean {
    const token = /^Bearer (\S{1,1000})$/i.exec(authorization ?? '')?.[1] ?? '';
    return timingSafeEqual(digestOf(token), this.#token);
  }

  /** Resolves after a while with what to answer; undefined: nothing at all, there are too many. */
  async refuse(from: string): Promise<Error | undefined> {
    this.#refused += 1;
    this.#untold += 1;
    this.#tell(from);
    if (this.#waiting >= WAITING_MAX) return undefined;
    this.#waiting += 1;
    try {
      await this.#runtime.sleep(this.#wrongTokenMs);
    } finally {
      this.#waiting -= 1;
    }
    return replicatorError('RECEIVER_UNAUTHORIZED', 'The receiver has another token than this sender.');
  }

  #tell(from: string): void {
    const now = this.#runtime.elapsed();
    if (now - this.#toldAt < TELL_MS) return;
    this.#log?.warn({ from, requests: this.#untold }, 'Somebody came with a wrong token');
    this.#toldAt = now;
    this.#untold = 0;
  }
}

function digestOf(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
