import type { Queue } from '../crawler/queue/contract.ts';
import type { Clock, Store } from '../store/contract.ts';
import type { Invocation } from './command.ts';
import { crawlQueue } from './crawl.ts';
import { openedStore } from './opened-store.ts';

/** Where all crawlers of a site meet. */
export interface MeetingPlace {
  readonly store: Store;
  /** The one that processes share; undefined: each has its own. */
  readonly queue: Queue | undefined;
  readonly clock: Clock;
}

/** Opens the store and the queue that a command was given, and closes them after the work. Throws STORE_* and SETTING_INVALID. */
export async function withCrawlers<T>(invocation: Invocation, work: (place: MeetingPlace) => Promise<T>): Promise<T> {
  const { clock } = invocation.io;
  const settings = invocation.settings();
  await using store = await openedStore(invocation, { mustExist: true });
  await using queue = await crawlQueue(settings, store, clock);
  return await work({ store, queue, clock });
}
