/** WebSub as `serve` wires it: the crawler subscribes, the site answers hubs, people see how it does. */
import type { Poll } from '../crawler/crawl-feed.ts';
import type { FormPoster } from '../crawler/post-form.ts';
import type { Subscriber } from '../crawler/websub/subscriber.ts';
import { openWebSub, type ShownSubscription, shownSubscription } from '../crawler/websub/websub.ts';
import type { HubCallbacks } from '../site/site.ts';
import type { Clock, Store } from '../store/contract.ts';
import type { HubsStatus } from './metrics.ts';
import type { Settings } from './setting-table.ts';

export interface Hubs extends AsyncDisposable {
  readonly subscriber: Subscriber;
  readonly callbacks: HubCallbacks;
  /** Names under which hubs reach the site. */
  readonly hosts: readonly string[];
  shown(feed: string): Promise<ShownSubscription | null>;
  status(): HubsStatus;
  /** For feeds that are polled elsewhere than in the crawler. */
  onPolled(poll: Poll): Promise<void>;
  /** Called when there is something to be done with hubs at once. */
  onDue(wake: () => void): void;
}

/** Without a public URL nothing is subscribed to, and what was is left. */
export function openHubs(
  { publicUrl, bodyMax }: Pick<Settings, 'publicUrl' | 'bodyMax'>,
  { store, fetcher, clock, random }: { store: Store; fetcher: FormPoster; clock: Clock; random: () => number },
): Hubs {
  const webSub = openWebSub({ store, poster: fetcher, clock, random, publicUrl });
  return {
    subscriber: webSub.subscriber,
    callbacks: {
      bodyBytesMax: bodyMax,
      confirm: (path, query) => webSub.callback.confirm(path, query),
      admit: (path) => webSub.callback.admit(path),
    },
    hosts: publicUrl === '' ? [] : [new URL(publicUrl).hostname],
    shown: (feed) => shownSubscription(store, feed),
    status: () => ({ ...webSub.subscriber.counts(), metrics: webSub.metrics }),
    onPolled: async (poll) => {
      if (publicUrl === '') return;
      await webSub.subscriber.polled(poll);
      webSub.onDue();
    },
    onDue: (wake) => {
      webSub.onDue = wake;
    },
    [Symbol.asyncDispose]: () => webSub[Symbol.asyncDispose](),
  };
}
