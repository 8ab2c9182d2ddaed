import { arrange, DEFAULT_USER, type NewSubscription, subscribeAll, subscriptionId } from '../site/subscriptions.ts';
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

/** Puts a feed that the default reader follows already into a folder. */
export async function moveToFolder(store: Store, owner: string, feed: string, folder: string): Promise<void> {
  const subscription = await store.subscriptions.get(subscriptionId(DEFAULT_USER, feed));
  await using writer = await store.subscriptions.openWriter({ owner, durability: 'sync' });
  await arrange(store, writer, DEFAULT_USER, feed, { title: subscription?.content.title ?? null, folder });
}
