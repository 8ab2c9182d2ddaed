/** One connection to Redis, with a limit on every wait, and its errors as coded ones. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { CodedError } from '../../store/errors.ts';
import { crawlerError } from '../errors.ts';

const CONNECT_MS_MAX = 5_000;
const COMMAND_MS_MAX = 5_000;
const RECONNECT_MS_MAX = 1_000;
const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 1_000;

/** How long a server that may come back is waited for, within one call. */
export const REDIS_RETRY_MS_MAX = 10_000;

/** Connects; from then on it connects again by itself. Commands fail soon while there is no connection. */
export async function connectRedis(url: string): Promise<Redis> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS_MAX,
    commandTimeout: COMMAND_MS_MAX,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(times * 50, RECONNECT_MS_MAX),
  });
  // Every command that fails says so itself.
  let said: unknown;
  client.on('error', (error) => {
    said = error;
  });
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.disconnect();
    // "Connection is closed" says less than what came before it.
    throw said ?? error;
  }
}

/** Script in, reply out. All keys of a script begin with the two that are named, which share a hash tag. */
export class Script {
  readonly #text: string;
  readonly #sha: string;

  constructor(text: string) {
    this.#text = text;
    this.#sha = createHash('sha1').update(text).digest('hex');
  }

  async run(client: Redis, keys: readonly [string, string], args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await client.evalsha(this.#sha, keys.length, ...keys, ...args);
    } catch (error) {
      // A server that was restarted knows no scripts.
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
      return client.eval(this.#text, keys.length, ...keys, ...args);
    }
  }
}

export interface Patience {
  /** Default REDIS_RETRY_MS_MAX. */
  readonly retryMsMax?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** `operation` must do no harm when it is repeated. `shown`: the queue's URL without credentials. */
export async function patiently<T>(shown: string, patience: Patience, operation: () => Promise<T>): Promise<T> {
  const { retryMsMax = REDIS_RETRY_MS_MAX, signal } = patience;
  const startedAt = performance.now();
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
    try {
      return await within(operation());
    } catch (error) {
      if (error instanceof CodedError) throw error;
      const coded = queueTrouble(error, shown);
      const over = performance.now() - startedAt + pauseMs > retryMsMax;
      if (!coded.retryable || over || signal?.aborted === true) throw coded;
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }
}

/** BullMQ waits for a connection that is not there yet without a limit of its own. */
async function within<T>(operation: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), CONNECT_MS_MAX + COMMAND_MS_MAX);
  });
  try {
    return await Promise.race([operation, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Neither message nor input ever carries the password. */
function queueTrouble(error: unknown, shown: string): CodedError {
  const message = messageOf(error);
  const details = { input: shown, cause: error };
  if (error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError) {
    return crawlerError('CRAWL_INTERNAL', `The queue failed: ${message}`, details);
  }
  // What Redis itself answers begins with such a word; OOM, LOADING, READONLY, BUSY and their like pass.
  const word = /^([A-Z]{3,})\b/.exec(message)?.[1];
  if (word !== undefined && error instanceof Error && error.name === 'ReplyError') {
    const retryable = !/^(NOAUTH|WRONGPASS|NOPERM|WRONGTYPE|ERR (?!max))/.test(message);
    return crawlerError('CRAWL_QUEUE_REFUSED', `The queue at ${shown} answered: ${message}`, { ...details, retryable });
  }
  return crawlerError('CRAWL_QUEUE_UNREACHABLE', `The queue at ${shown} does not answer (${message})`, {
    ...details,
    retryable: true,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `evicts`: the server may throw keys away when its memory is full. */
export async function askServer(url: string, shown: string): Promise<{ version: string; evicts: boolean }> {
  return patiently(shown, { retryMsMax: 0 }, async () => {
    const client = await connectRedis(url);
    try {
      const info = await client.info();
      const of = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
      const policy = of('maxmemory_policy') ?? 'noeviction';
      return { version: of('redis_version') ?? 'unknown', evicts: policy !== 'noeviction' };
    } finally {
      client.disconnect();
    }
  });
}
