import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ClientSession,
  type Collection,
  type Db,
  type Document,
  MongoClient,
  type MongoClientOptions,
} from 'mongodb';
import { storeError } from '../errors.ts';
import { asStoreError, closedError, isAftermath, mayPass } from './failures.ts';
import type { StoredDocument } from './stored-document.ts';
import { parseStoreUrl, type StoreUrl, withoutCredentials } from './url.ts';

const CONNECTIONS_MAX = 20;
const HEARTBEAT_MS = 5_000;

/** One attempt takes at most this part of the whole wait, so that a connection that went dead leaves time for another. */
const ATTEMPT_SHARE = 3;
const ATTEMPT_MS_MIN = 500;

const PAUSE_MS_MIN = 10;
const PAUSE_MS_MAX = 250;

/** Documents of `control` are told apart by the first part of their ids: `meta`, `mode/`, `slot/`, `note/` ... */
export interface ControlDocument extends Document {
  _id: string;
}

/**
 * The connections of an open store to its server, with patience: trouble that may pass is waited out, up to a limit,
 * and what remains comes as a STORE_* error.
 */
export class Connection implements AsyncDisposable {
  /** Without credentials. */
  readonly shown: string;
  readonly waitMsMax: number;
  readonly db: Db;
  readonly control: Collection<ControlDocument>;
  readonly #client: MongoClient;
  #closed = false;

  private constructor(client: MongoClient, url: StoreUrl, waitMsMax: number) {
    this.#client = client;
    this.shown = url.shown;
    this.waitMsMax = waitMsMax;
    this.db = client.db(url.databaseName);
    this.control = this.db.collection<ControlDocument>('control');
  }

  /** Connects at the first call. `attemptMsMax`: for work that takes long by nature. Throws STORE_URL_INVALID. */
  static open(url: string, waitMsMax: number, attemptMsMax?: number): Connection {
    const parsed = parseStoreUrl(url);
    const attemptMs = attemptMsMax ?? Math.max(ATTEMPT_MS_MIN, Math.ceil(waitMsMax / ATTEMPT_SHARE));
    try {
      return new Connection(new MongoClient(url, clientOptions(attemptMs)), parsed, waitMsMax);
    } catch (error) {
      const said = withoutCredentials(error instanceof Error ? error.message : String(error));
      throw storeError('STORE_URL_INVALID', `The driver refuses the URL of ${parsed.shown}: ${said}`, {
        input: parsed.shown,
      });
    }
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  documents(name: string): Collection<StoredDocument> {
    return this.db.collection<StoredDocument>(name);
  }

  /**
   * For reads, and for writes that do no harm when repeated: repeats it while it fails for what may pass, for
   * `waitMsMax` at most. `attempt` may have happened although it failed. Throws STORE_* errors.
   */
  async patiently<T>(attempt: () => Promise<T>, waitMsMax = this.waitMsMax): Promise<T> {
    const until = performance.now() + waitMsMax;
    let cause: unknown;
    for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = nextPause(pauseMs)) {
      this.checkOpen();
      try {
        return await attempt();
      } catch (error) {
        // What the driver says of a connection that it gave up tells nothing of why.
        if (cause === undefined || !isAftermath(error)) cause = error;
        if (this.#closed || !mayPass(error) || performance.now() + pauseMs > until) throw this.asStoreError(cause);
      }
      await pause(pauseMs);
    }
  }

  /**
   * As `patiently`, for reads of which a later one must not see an older state than one before it. On a replica set a
   * new primary may be behind for a moment; a causally consistent session waits for it. Elsewhere it changes nothing.
   */
  async inOrder<T>(read: (session: ClientSession) => Promise<T>): Promise<T> {
    return await this.patiently(() => this.#client.withSession({ causalConsistency: true }, read));
  }

  /** The server's clock: the one that all processes of a site share. */
  async serverTime(): Promise<Date> {
    const { localTime } = await this.patiently(() => this.db.command({ hello: 1 }));
    return localTime instanceof Date ? localTime : new Date();
  }

  asStoreError(error: unknown): unknown {
    if (this.#closed && mayPass(error)) return closedError(this.shown, error);
    return asStoreError(error, this.shown);
  }

  checkOpen(): void {
    if (this.#closed) throw closedError(this.shown);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#client.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export function nextPause(pauseMs: number): number {
  return Math.min(pauseMs * 2, PAUSE_MS_MAX);
}

/** With jitter, so that several that wait don't meet again. */
export async function pause(pauseMs = PAUSE_MS_MIN): Promise<void> {
  await sleep(pauseMs * (0.5 + Math.random()));
}

/**
 * Majority and journal on every write, majority on every read: what was seen or acknowledged once is never rolled back.
 * The driver must not repeat writes by itself: the writer has to know of every attempt that may still land.
 */
function clientOptions(attemptMs: number): MongoClientOptions {
  return {
    appName: 'feedferry',
    retryWrites: false,
    readPreference: 'primary',
    readConcern: { level: 'majority' },
    writeConcern: { w: 'majority', journal: true },
    maxPoolSize: CONNECTIONS_MAX,
    heartbeatFrequencyMS: HEARTBEAT_MS,
    serverSelectionTimeoutMS: attemptMs,
    waitQueueTimeoutMS: attemptMs,
    connectTimeoutMS: attemptMs,
    socketTimeoutMS: attemptMs,
    ignoreUndefined: false,
  };
}
