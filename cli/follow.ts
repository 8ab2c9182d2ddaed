import { DEFAULT_USER, type NewSubscription, subscribeAll } from '../site/subscriptions.ts';
import type { Clock, Store } from '../store/contract.ts';

/** Makes the default reader follow feeds, so that they can be read. Returns how many were not followed before. */
export async function followFeeds(
  store: Store,
  clock: Clock,
  owner: string,
  feeds: readonly NewSubscription[],
): Promise<number> {
  if (feeds.length === 0) return 0;
  await using writer = await store.subscriptions.openWriter({ owner, durability: 'sync' });
  return (await subscribeAll(store, writer, DEFAULT_USER, feeds, clock())).length;
}
