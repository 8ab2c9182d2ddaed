/**
 * Subscriptions as the feeds and the settings want them: other processes, other sites and restored backups change both
 * without telling. Everything is compared when a crawler starts, and a few times a day.
 */
import type { Control, Store } from '../../store/contract.ts';
import type { FeedRecord } from '../../store/documents.ts';
import { changeNote, listNotes, type SubscriptionNote } from './note.ts';
import type { Offer } from './offer.ts';
import { type Chance, type FeedSubscription, newFeedSubscription } from './subscription.ts';
import { left, offered } from './subscription-events.ts';

/** Below the public URL. */
export const CALLBACK_PATH = '/websub/';

const PAGE_SIZE = 500;

export interface SweepOptions {
  readonly store: Store;
  readonly publicUrl: string;
  readonly chance: Chance;
  readonly onState: (state: FeedSubscription) => void;
  readonly isEnded: () => boolean;
}

/** Throws what the store throws. */
export async function sweep({ store, publicUrl, chance, onState, isEnded }: SweepOptions): Promise<void> {
  const { control, feeds } = store;
  const known = new Set<string>();
  for await (const page of allNotes(control)) {
    const records = await feeds.getMany(page.map(({ state }) => state.feed));
    for (const { feed } of page.map(({ state }) => state)) {
      if (isEnded()) return;
      known.add(feed);
      const record = records.get(feed)?.content;
      const state = await changeNote(control, feed, (there) => there && asWanted(there, record, publicUrl, chance));
      if (state !== undefined) onState(state);
    }
  }
  if (publicUrl === '') return;
  for (let after = ''; !isEnded(); ) {
    const page = await feeds.scan({ after, limit: PAGE_SIZE });
    for (const { id, content } of page) {
      const offer = known.has(id) ? null : wantedOffer(content, publicUrl);
      if (offer === null) continue;
      const state = await changeNote(control, id, (there) => there ?? firstNote(id, offer, content, chance.now));
      if (state !== undefined) onState(state);
    }
    if (page.length < PAGE_SIZE) return;
    after = page.at(-1)?.id ?? '';
  }
}

export async function* allNotes(control: Control): AsyncGenerator<SubscriptionNote[]> {
  for (let after = ''; ; ) {
    const page = await listNotes(control, after, PAGE_SIZE);
    yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_SIZE) return;
    after = last.state.feed;
  }
}

/** Null: no hub is wanted. */
export function wantedOffer({ webSub = null, state }: FeedRecord, publicUrl: string): Offer | null {
  if (publicUrl === '' || state !== 'active' || webSub === null) return null;
  return { hubs: webSub.hubs, topic: webSub.topic };
}

/** As the feed and the public URL want it. A subscription whose callback is elsewhere brings nothing here. */
export function asWanted(
  there: FeedSubscription,
  record: FeedRecord | undefined,
  publicUrl: string,
  chance: Chance,
): FeedSubscription {
  const state = offered(there, record === undefined ? null : wantedOffer(record, publicUrl), chance);
  const isHere = state.subscription?.callback.startsWith(publicUrl + CALLBACK_PATH) ?? true;
  return isHere ? state : { ...left(state, chance.now), retryAt: chance.now };
}

/** Of a feed that offers hubs and has no note: its record may tell of a subscription of another site, or of a store that was restored. */
export function firstNote(feed: string, offer: Offer, record: FeedRecord, now: number): FeedSubscription {
  return { ...newFeedSubscription(feed, offer, now), told: record.webSub?.until ?? null };
}
