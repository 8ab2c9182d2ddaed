import fc from 'fast-check';
import t from 'tap';
import { newSiteMetrics } from '../../site/metrics.ts';
import { Reading } from '../../site/reading.ts';
import { DEFAULT_USER } from '../../site/subscriptions.ts';
import type { Store } from '../../store/contract.ts';
import { addArticles, addFeeds, articleOf, emptyStore, feedOf, NOON, removeArticles } from './made-up.ts';

const FEEDS = ['one', 'two'];

interface Step {
  readonly do: 'arrive' | 'remove' | 'read' | 'unread' | 'mark-feed' | 'mark-all' | 'reopen';
  readonly feed: string;
  readonly pick: number;
}

const stepOf = (what: Step['do'], weight: number) => ({
  weight,
  arbitrary: fc.record({ do: fc.constant(what), feed: fc.constantFrom(...FEEDS), pick: fc.nat(99) }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  stepOf('arrive', 6),
  stepOf('read', 6),
  stepOf('unread', 3),
  stepOf('remove', 1),
  stepOf('mark-feed', 1),
  stepOf('mark-all', 1),
  stepOf('reopen', 1),
);

/** Everything by itself: article id -> whether it is read. */
type Model = Map<string, boolean>;

class Run {
  readonly store: Store;
  reading: Reading;
  readonly model: Model = new Map();
  #made = 0;

  constructor(store: Store, reading: Reading) {
    this.store = store;
    this.reading = reading;
  }

  async take(step: Step): Promise<void> {
    if (step.do === 'reopen') {
      await this.reading.close();
      this.reading = await openReading(this.store);
    } else if (step.do === 'mark-all') await this.#markAll(FEEDS);
    else if (step.do === 'mark-feed') await this.#markAll([step.feed]);
    else if (step.do === 'arrive') await this.#arrive(step.feed, step.pick);
    else await this.#touch(step.do, step.feed, step.pick);
  }

  async #markAll(names: readonly string[]): Promise<void> {
    const shelf = await this.reading.shelf();
    for (const name of names) {
      const scope = { kind: 'feed', feed: feedOf(name) } as const;
      await this.reading.markAllRead(shelf, scope, await this.reading.markBound(shelf, scope));
      for (const id of this.#of(name)) this.model.set(id, true);
    }
  }

  async #arrive(name: string, days: number): Promise<void> {
    this.#made += 1;
    const at = NOON - days * 1_000;
    await addArticles(this.store, name, [[`a${this.#made}`, { at }]]);
    await this.#crawled(name);
    this.model.set(articleOf(name, `a${this.#made}`), false);
  }

  async #touch(what: 'remove' | 'read' | 'unread', name: string, pick: number): Promise<void> {
    const ids = this.#of(name);
    const id = ids[pick % Math.max(1, ids.length)];
    if (id === undefined) return;
    if (what === 'remove') {
      await removeArticles(this.store, [id]);
      await this.#crawled(name);
      this.model.delete(id);
    } else {
      await this.reading.states.setRead(id, what === 'read');
      this.model.set(id, what === 'read');
    }
  }

  async #crawled(name: string): Promise<void> {
    await addFeeds(this.store, [[name, { changedAt: NOON + this.model.size + this.#made }]]);
  }

  #of(name: string): string[] {
    return [...this.model.keys()].filter((id) => id.startsWith(feedOf(name)));
  }
}

async function openReading(store: Store): Promise<Reading> {
  return Reading.open({ store, user: DEFAULT_USER, clock: Date.now, metrics: newSiteMetrics() });
}

t.test('whatever arrives, goes, is read or marked, counts and lists say what a plain table says', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const store = await emptyStore(t);
      const run = new Run(store, await openReading(store));
      await addFeeds(
        store,
        FEEDS.map((name) => [name]),
      );
      await run.reading.following.follow(FEEDS.map((name) => ({ feed: feedOf(name), title: null, folder: null })));
      for (const step of steps) await run.take(step);
      const shelf = await run.reading.shelf();
      const list = await run.reading.list(shelf, {
        ...{ scope: { kind: 'all' }, unreadOnly: true, before: null, limit: 1_000 },
      });
      const unread = [...run.model].filter(([, isRead]) => !isRead).map(([id]) => id);
      await run.reading.close();
      return (
        shelf.unread === unread.length &&
        list.items
          .map(({ id }) => id)
          .sort()
          .join() === unread.sort().join()
      );
    }),
    { numRuns: 40 },
  );
  t.pass();
});
