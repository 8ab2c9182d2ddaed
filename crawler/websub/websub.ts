/** WebSub as the rest of Feedferry sees it: the crawler's side, and what the site answers hubs. */
import type { Store } from '../../store/contract.ts';
import { pauseIn, readPause } from '../pause/note.ts';
import { Callback, type CallbackOptions } from './callback.ts';
import { newWebSubMetrics, type WebSubMetrics } from './metrics.ts';
import { readNote } from './note.ts';
import { Subscriber, type SubscriberOptions } from './subscriber.ts';

export type WebSubOptions = Omit<SubscriberOptions, 'metrics'> & Partial<Pick<CallbackOptions, 'digester'>>;

export interface WebSub extends AsyncDisposable {
  readonly subscriber: Subscriber;
  readonly callback: Callback;
  readonly metrics: WebSubMetrics;
  /** Told when a hub's question or push has left something to be done: the crawler may look at once. */
  onDue: () => void;
}

export function openWebSub(options: WebSubOptions): WebSub {
  const metrics = newWebSubMetrics();
  const subscriber = new Subscriber({ ...options, metrics });
  const { store, clock, random, digester } = options;
  const callback = new Callback({
    ...{ store, clock, random, metrics, digester },
    isPaused: async () => pauseIn(await readPause(store.control)) !== null,
    onChange: (state) => {
      subscriber.touch(state);
      webSub.onDue();
    },
  });
  const webSub: WebSub = {
    ...{ subscriber, callback, metrics, onDue: () => {} },
    async [Symbol.asyncDispose]() {
      await Promise.all([subscriber[Symbol.asyncDispose](), callback[Symbol.asyncDispose]()]);
    },
  };
  return webSub;
}

/** What people are told of a feed's subscription: nothing that is secret. Times are ms since 1970. */
export interface ShownSubscription {
  /** `waiting`: for the hub to ask back, or for the next attempt. `leaving`: the hub is being told that it is over. */
  readonly state: 'subscribed' | 'waiting' | 'leaving';
  readonly hub: string | null;
  readonly topic: string | null;
  /** End of the lease. */
  readonly until: number | null;
  readonly renewAt: number | null;
  /** When a hub is asked next, where none pushes. */
  readonly retryAt: number | null;
  readonly lastPushAt: number | null;
  readonly pushes: number;
  /** New and changed ones that came by pushes. */
  readonly articles: number;
  readonly lastError: { readonly code: string; readonly message: string; readonly at: number } | null;
}

/** Null: none. Throws what the store throws. */
export async function shownSubscription(store: Store, feed: string): Promise<ShownSubscription | null> {
  const state = (await readNote(store.control, feed))?.state;
  if (state === undefined) return null;
  const { subscription, offer, hubIndex, retryAt, lastPushAt, pushes, articles, lastError } = state;
  const until = subscription?.until ?? null;
  return {
    state: until !== null ? 'subscribed' : offer === null ? 'leaving' : 'waiting',
    hub: subscription?.hub ?? offer?.hubs[hubIndex] ?? state.leaving[0]?.hub ?? null,
    topic: offer?.topic ?? null,
    until,
    renewAt: subscription?.renewAt ?? null,
    retryAt: subscription === null && offer !== null ? retryAt : null,
    ...{ lastPushAt, pushes, articles, lastError },
  };
}
