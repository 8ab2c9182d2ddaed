/** Several processes over one store: none subscribes twice, any answers hubs, and one queue serves feeds and hubs. */
import { randomUUID } from 'node:crypto';
import t from 'tap';
import { openFetcher } from '../../../crawler/fetch.ts';
import { hostOf } from '../../../crawler/host-budget.ts';
import { BullmqQueue } from '../../../crawler/queue/bullmq.ts';
import { startCrawler } from '../../../crawler/run.ts';
import { StoreSession } from '../../../crawler/store-session.ts';
import { openWebSub } from '../../../crawler/websub/websub.ts';
import { redisUrl } from '../../rig/redis.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { until } from '../../rig/until.ts';
import { crawlOptions, onEachEngine } from '../harness.ts';
import { ATOM, atom, titles, world } from './world.ts';

onEachEngine(t, 'processes that see the same feed at the same moment ask its hub once', async (t, engine) => {
  const { hub, reader, feed, topic } = await world(t, engine);
  await reader.poll(feed);
  const { store, clock, publicUrl } = reader;
  await using poster = openFetcher({ userAgent: 'Feedferry-Test/1.0', allowPrivate: ['127.0.0.0/8'] });
  const options = { store, poster, clock: () => clock.now, random: () => 0, publicUrl };
  await using stack = new AsyncDisposableStack();
  const processes = Array.from({ length: 4 }, () => ({
    webSub: stack.use(openWebSub(options)),
    session: stack.use(new StoreSession({ store, owner: 'crawler: test', durability: 'lazy' })),
  }));
  const signal = new AbortController().signal;
  for (let round = 0; round < 3; round += 1) {
    await Promise.all(
      processes.map(async ({ webSub: { subscriber }, session }) => {
        for (const job of await subscriber.due()) {
          await subscriber.work({ job, host: hostOf(job.url), more: false }, { session, signal });
        }
      }),
    );
    await hub.settled();
    // What another process has changed is seen within a minute.
    clock.now += 61_000;
  }
  t.equal(hub.asked.length, 1);
  t.ok((await reader.feed(feed)).webSub?.until, 'and one of them has told the schedule');
  const pushes = Array.from({ length: 6 }, (_, i) =>
    hub.distribute(topic, atom({ id: `p${i}`, updated: '2026-01-05T12:30:00Z' }), ATOM),
  );
  t.strictSame(
    (await Promise.all(pushes)).flat().map(({ status }) => status),
    Array(6).fill(200),
  );
  t.equal((await reader.note(feed))?.pushes, 6);
  t.equal((await titles(reader)).length, 7);
});

t.test('over a shared queue a hub is asked by whoever may, and its host gets no more than its budget', async (t) => {
  const server = await redisUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  const { hub, reader, feed } = await world(t);
  const { store, publicUrl } = reader;
  const now = Date.now();
  reader.clock.now = now;
  // So that there is something to subscribe to, whichever of the two would have polled first.
  await reader.poll(feed);
  await using stack = new AsyncDisposableStack();
  const poster = stack.use(openFetcher({ userAgent: 'Feedferry-Test/1.0', allowPrivate: ['127.0.0.0/8'] }));
  const webSub = stack.use(openWebSub({ store, poster, clock: Date.now, random: () => 0, publicUrl }));
  const name = `test-${randomUUID()}`;
  const crawlers = [webSub.subscriber, undefined].map((subscriber) => {
    const hosts = { connections: 1, gapMs: 20 };
    const queue = stack.use(new BullmqQueue({ url: server.url, shown: server.url, name, hosts, settleMs: 0 }));
    const crawler = startCrawler({ ...crawlOptions(reader), clock: Date.now, queue, subscriber });
    stack.defer(() => crawler.stop());
    return crawler;
  });
  webSub.onDue = () => crawlers[0]?.wake();
  // One of the two knows of no hubs: where it gets the job first, it is done again by the other.
  await until(() => {
    crawlers[0]?.wake();
    return hub.subscribed.size === 1;
  }, 'the hub has verified the subscription');
  t.equal(hub.asked.length, 1);
  t.equal((await reader.articles(feed)).length, 1);
});
