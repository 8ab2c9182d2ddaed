/** A process that dies at any of its writes: the next one brings the subscription to its end, and no article comes twice. */
import t from 'tap';
import { openFetcher } from '../../../crawler/fetch.ts';
import { hostOf } from '../../../crawler/host-budget.ts';
import { StoreSession } from '../../../crawler/store-session.ts';
import { openWebSub, type WebSub } from '../../../crawler/websub/websub.ts';
import type { Store } from '../../../store/contract.ts';
import { storeError } from '../../../store/errors.ts';
import { ATOM, atom, titles, world } from './world.ts';

/** More writes than the way to a pushed article has. */
const WRITES_MAX = 40;

/** From the given write of a note on, the store is gone, as it is for a process that was killed. */
function dyingAt(store: Store, last: number): { store: Store; writes: () => number } {
  let writes = 0;
  const { control } = store;
  const put: typeof control.put = async (...about) => {
    writes += 1;
    if (writes > last) throw storeError('STORE_GONE', 'killed');
    return control.put(...about);
  };
  const dying = {
    get: control.get.bind(control),
    list: control.list.bind(control),
    delete: control.delete.bind(control),
    put,
  };
  const watched = new Proxy(store, {
    get(target, key) {
      if (key === 'control') return dying;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { store: watched, writes: () => writes };
}

t.test(
  'a subscriber that is killed at any write leaves nothing that the next one does not bring to its end',
  async (t) => {
    for (let last = 0; last <= WRITES_MAX; last += 1) {
      const { hub, reader, feed, topic } = await world(t);
      const { store, clock, publicUrl } = reader;
      const cut = dyingAt(store, last);
      await using poster = openFetcher({ userAgent: 'Feedferry-Test/1.0', allowPrivate: ['127.0.0.0/8'] });
      const first: WebSub = openWebSub({
        store: cut.store,
        poster,
        clock: () => clock.now,
        random: () => 0,
        publicUrl,
      });
      await reader.webSub[Symbol.asyncDispose]();
      reader.webSub = first;
      const session = new StoreSession({ store, owner: 'crawler: test', durability: 'lazy' });
      const signal = new AbortController().signal;
      const body = atom({ id: 'pushed', updated: '2026-01-05T12:30:00Z' });
      await reader.poll(feed).catch(() => {});
      for (let round = 0; round < 4; round += 1) {
        for (const job of await first.subscriber.due().catch(() => [])) {
          const claim = { job, host: hostOf(job.url), more: false };
          await first.subscriber.work(claim, { session, signal }).catch(() => {});
        }
        await hub.settled();
        await hub.distribute(topic, body, ATOM);
      }
      await session.close();
      const died = cut.writes() > last;

      await reader.restart();
      for (let minutes = 0; minutes < 6 * 60; minutes += 20) {
        await reader.webSub.subscriber.due();
        await reader.webSub.subscriber.swept();
        await reader.settle();
        clock.now += 20 * 60_000;
      }
      const answers = await hub.distribute(topic, body, ATOM);
      t.ok(
        answers.some(({ status }) => status === 200),
        `killed at write ${last}: pushes arrive`,
      );
      t.ok((await reader.feed(feed)).webSub?.until, `killed at write ${last}: the schedule knows`);
      t.strictSame(await titles(reader), ['one', 'pushed'], `killed at write ${last}: each article once`);
      if (!died) return t.ok(last > 3, `${last} writes in all`);
    }
    t.fail('it never came to its end');
  },
);
