/** Two crawlers that share a queue in Redis, at the same difficult publishers: hosts and feeds see one crawler with manners. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import type { Record } from '../../bench/manners/attempts.ts';
import { type RuleName, score } from '../../bench/manners/score.ts';
import { offencesText } from '../../bench/manners/score-table.ts';
import { type PlayClock, serveStage } from '../../bench/manners/serve-stage.ts';
import { makeStage } from '../../bench/manners/stage.ts';
import { importFeeds } from '../../crawler/add-feed.ts';
import { openFetcher } from '../../crawler/fetch.ts';
import { BullmqQueue } from '../../crawler/queue/bullmq.ts';
import { startCrawler } from '../../crawler/run.ts';
import { setting } from '../crawler/harness.ts';
import { redisUrl } from '../rig/redis.ts';
import { skipLoudly } from '../rig/skip.ts';
import { until } from '../rig/until.ts';

const START_MS = Date.UTC(2026, 0, 5);
/** The clock runs so many times as fast as the wall's; the queue goes by that of Redis. */
const SPEED = 20;
const GAP_MS = 50;
const MINUTE_MS = 60_000;
const REQUESTS = 160;

/** What two processes could do to each other; the rest takes days. */
const CHECKED: readonly RuleName[] = [
  ...(['unconditional', 'validators', 'nothing-told', 'nothing-else', 'too-soon'] as const),
  ...(['one-at-a-time', 'gap', 'moves', 'looks'] as const),
];

t.test('two crawlers over Redis have the manners of one', async (t) => {
  const redis = await redisUrl();
  if ('skip' in redis) return skipLoudly(t, redis.skip);
  const from = Date.now();
  const clock: PlayClock = {
    now: () => START_MS + (Date.now() - from) * SPEED,
    sleep: (ms, signal) => pause(ms / SPEED, undefined, signal === undefined ? {} : { signal }).catch(() => {}),
  };
  const stage = makeStage({ seed: 3, feeds: 54, days: 1, startMs: START_MS });
  await using served = await serveStage(stage, clock);
  await using here = await setting();
  const feeds = stage.publishers.map((publisher) => ({
    ...{ url: served.url(publisher, 'home'), siteUrl: served.url(publisher, 'page'), title: '', folder: null },
  }));
  await importFeeds({ store: here.store, clock: clock.now, random: Math.random, feeds });
  const limits = { minIntervalMs: MINUTE_MS / 2, maxIntervalMs: MINUTE_MS, hostGapMs: GAP_MS, hostConnections: 1 };
  await using stack = new AsyncDisposableStack();
  const name = `test-${randomUUID()}`;
  const crawlers = ['one', 'two'].map(() => {
    const fetcher = stack.use(openFetcher({ userAgent: 'Feedferry-Test/1.0', allowPrivate: ['127.0.0.0/8'] }));
    const hosts = { connections: 1, gapMs: GAP_MS };
    const queue = stack.use(new BullmqQueue({ url: redis.url, shown: redis.url, name, hosts }));
    const running = startCrawler({
      ...{ store: here.store, queue, fetcher, clock: clock.now, random: Math.random, concurrency: 16, ...limits },
    });
    stack.defer(() => running.stop());
    return running;
  });
  await until(() => served.visits.length >= REQUESTS, `there were ${REQUESTS} requests`);
  await Promise.all(crawlers.map((crawler) => crawler.stop()));
  for (const crawler of crawlers) {
    const { ok = 0, 'not-modified': notModified = 0 } = crawler.status().metrics.fetches;
    t.ok(ok + notModified > 0, 'both had their share');
  }
  const record: Record = {
    // A fast clock is read a moment before or after the one of the queue.
    ...{ stage, limits: { ...limits, hostGapMs: (GAP_MS - 2) * SPEED }, visits: served.visits, incidents: [] },
    ...{ urls: new Map(), urlOf: (publisher, place) => served.url(publisher, place) },
  };
  const scored = score(record);
  const rules = scored.rules.filter(({ rule }) => CHECKED.includes(rule));
  t.ok(rules.every(({ rule, checked }) => checked > 0 || rule === 'looks'));
  t.strictSame(
    rules.flatMap(({ rule, offences }) => offences.map(({ what }) => `${rule}: ${what}`)),
    [],
    offencesText(scored),
  );
});
