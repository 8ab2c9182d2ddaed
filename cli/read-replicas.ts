import { checkpointFrom, readCheckpoint } from '../replicator/checkpoint.ts';
import type { ReadReplica } from '../site/read-looks.ts';
import type { Clock, SiteId, Store } from '../store/contract.ts';
import { storeError } from '../store/errors.ts';
import { openStore } from '../store/open.ts';
import { withoutCredentials } from './setting-kinds.ts';

/** Between two attempts to open a replica, in ms. */
const REOPEN_MS = 5_000;
/** A page rather reads elsewhere than wait for longer than this, in ms. */
const WAIT_MS_MAX = 2_000;

/**
 * The stores of the setting `readFrom`, for the site. Each is opened when it is first looked at, and again later where
 * that fails: a replica that is away keeps no site from starting. They are closed with the stack.
 */
export function readReplicas(
  urls: readonly string[],
  primary: SiteId,
  clock: Clock,
  stack: AsyncDisposableStack,
): ReadReplica[] {
  return urls.map((url) => {
    const replica = new OpenedLater(url, clock);
    stack.defer(() => replica.close());
    return {
      url: withoutCredentials(url),
      articles: () => replica.store.articles,
      async positions() {
        const store = await replica.open();
        return (await readCheckpoint(store.control, checkpointFrom(primary, 'articles')))?.vector ?? null;
      },
    };
  });
}

class OpenedLater {
  readonly #url: string;
  readonly #clock: Clock;
  #opening: Promise<Store> | undefined;
  #opened: Store | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(url: string, clock: Clock) {
    this.#url = url;
    this.#clock = clock;
  }

  /** Throws STORE_UNREACHABLE while it is not open. */
  get store(): Store {
    if (this.#opened !== undefined) return this.#opened;
    const shown = withoutCredentials(this.#url);
    throw storeError('STORE_UNREACHABLE', `The replica ${shown} is not open.`, { input: shown, retryable: true });
  }

  async open(): Promise<Store> {
    if (this.#opened !== undefined) return this.#opened;
    const isDue = Math.abs(this.#clock() - this.#triedAt) >= REOPEN_MS;
    if (this.#isClosed || (this.#opening === undefined && !isDue)) return this.store;
    this.#triedAt = this.#clock();
    this.#opening ??= openStore(this.#url, { mustExist: true, upgrade: false, waitMsMax: WAIT_MS_MAX });
    try {
      this.#opened = await this.#opening;
    } finally {
      this.#opening = undefined;
    }
    return this.#opened;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await (await this.#opening?.catch(() => undefined))?.close();
    await this.#opened?.close();
  }
}
