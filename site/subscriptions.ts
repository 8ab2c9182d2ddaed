import type { Store, Version } from '../store/contract.ts';
import type { Subscription } from '../store/documents.ts';
import { editDocuments, type Written } from './edit.ts';
import type { Editor } from './standing-writer.ts';

/** Until accounts come. */
export const DEFAULT_USER = 'reader';

/** Characters of a reader's own name for a feed or a folder. */
export const NAME_LENGTH_MAX = 200;

/** `_id` of a subscription, and of a read mark in `states`. */
export function subscriptionId(user: string, feedId: string): string {
  return `${user}.${feedId}`;
}

export interface NewSubscription {
  readonly feed: string;
  /** The reader's own name for it; null: as the feed calls itself. */
  readonly title: string | null;
  readonly folder: string | null;
}

/**
 * Makes a reader follow feeds. One that is followed already stays as it is. Returns what was written, in no order.
 * Throws EDIT_CONTENDED, DATABASE_READ_ONLY and what the store throws.
 */
export async function subscribeAll(
  store: Pick<Store, 'subscriptions'>,
  writer: Editor<Subscription>,
  user: string,
  feeds: readonly NewSubscription[],
  at: number,
): Promise<Written<Subscription>[]> {
  const wanted = new Map(feeds.map((feed) => [subscriptionId(user, feed.feed), feed]));
  return editDocuments(store.subscriptions, writer, [...wanted.keys()], (content, id) => {
    const feed = wanted.get(id);
    if (content !== null || feed === undefined) return content;
    return { user, feed: feed.feed, title: nameOf(feed.title), folder: nameOf(feed.folder), addedAt: at };
  });
}

/** Makes a reader follow one feed; `created` is false where it was followed already. */
export async function subscribe(
  store: Pick<Store, 'subscriptions'>,
  writer: Editor<Subscription>,
  user: string,
  feedId: string,
  options: { readonly title: string | null; readonly folder: string | null; readonly at: number },
): Promise<{ created: boolean }> {
  const written = await subscribeAll(store, writer, user, [{ feed: feedId, ...options }], options.at);
  return { created: written.length > 0 };
}

/**
 * Ends following a feed. The read mark and the stars stay: who follows it again finds what was read, and starred
 * articles stay in their list. Returns the version of the removal, or null where the feed was not followed.
 */
export async function unsubscribe(
  store: Pick<Store, 'subscriptions'>,
  writer: Editor<Subscription>,
  user: string,
  feedId: string,
): Promise<Version | null> {
  const written = await editDocuments(store.subscriptions, writer, [subscriptionId(user, feedId)], () => null);
  return written[0]?.ver ?? null;
}

/** The reader's own name and folder for a feed. Does nothing where the feed is not followed. */
export async function arrange(
  store: Pick<Store, 'subscriptions'>,
  writer: Editor<Subscription>,
  user: string,
  feedId: string,
  names: { readonly title: string | null; readonly folder: string | null },
): Promise<Written<Subscription>[]> {
  const title = nameOf(names.title);
  const folder = nameOf(names.folder);
  return editDocuments(store.subscriptions, writer, [subscriptionId(user, feedId)], (content) => {
    if (content === null || (content.title === title && content.folder === folder)) return content;
    return { ...content, title, folder };
  });
}

/** A name as it is kept: one line, no outer space; null where nothing is left. */
function nameOf(input: string | null): string | null {
  const name = (input ?? '').replace(/\s+/g, ' ').trim().slice(0, NAME_LENGTH_MAX);
  return name === '' ? null : name;
}
