/** A site that subscribes, of one or several processes over one store, driven step by step in a time that a test moves. */
import pino from 'pino';
import type { Test } from 'tap';
import { crawlFeed } from '../../../crawler/crawl-feed.ts';
import { type Digester, openDigester } from '../../../crawler/digester.ts';
import { openFetcher } from '../../../crawler/fetch.ts';
import { hostOf } from '../../../crawler/host-budget.ts';
import { HostPatience } from '../../../crawler/host-patience.ts';
import { StoreSession } from '../../../crawler/store-session.ts';
import { readNote } from '../../../crawler/websub/note.ts';
import type { FeedSubscription } from '../../../crawler/websub/subscription.ts';
import { openWebSub, type WebSub } from '../../../crawler/websub/websub.ts';
import { startSite } from '../../../site/server.ts';
import type { TestEngine } from '../harness.ts';
import { type Setting, setting } from '../harness.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export interface Reader extends Setting {
  readonly publicUrl: string;
  /** Of the process that runs. */
  webSub: WebSub;
  /** Ends that process, and starts another over the same store. */
  restart(options?: { publicUrl?: string }): Promise<void>;
  /** Fetches the feed, whether it is due or not. */
  poll(feed: string): Promise<void>;
  /** Does once what is due with hubs; returns how many steps that were. */
  step(): Promise<number>;
  /** Polls, then steps until nothing is due. */
  subscribe(feed: string): Promise<void>;
  note(feed: string): Promise<FeedSubscription | undefined>;
  settle(): Promise<void>;
}

const LIMITS = { minIntervalMs: 15 * 60_000, maxIntervalMs: DAY_MS };
const STEPS_MAX = 20;

export async function readerSite(
  t: Test,
  engine?: TestEngine,
  hubSettled: () => Promise<void> = async () => {},
): Promise<Reader> {
  const base = await setting(engine);
  const { store, clock } = base;
  const poster = openFetcher({ userAgent: 'Feedferry-Test/1.0', allowPrivate: ['127.0.0.0/8'], timeoutMs: 5_000 });
  const digester: Digester = openDigester({ threads: false });
  const session = new StoreSession({ store, owner: 'crawler: test', durability: 'lazy' });
  const patience = new HostPatience(session, () => clock.now);
  const nothing = () => {
    throw new Error('the test gave no such function');
  };
  const options = { store, poster, clock: () => clock.now, random: () => 0, digester };
  const log = pino({ level: 'info' }, { write: () => {} });
  const site = await startSite({
    ...{ store, log, hosts: [], listen: { host: '127.0.0.1', port: 0 } },
    ...{ addFeed: nothing, importOpml: nothing, exportOpml: nothing, refresh: nothing, clock: () => clock.now },
    ...{ crawlerStatus: () => ({}), metricsText: async () => '' },
    hubs: {
      bodyBytesMax: 64 * 1024,
      confirm: (path, query) => reader.webSub.callback.confirm(path, query),
      admit: (path) => reader.webSub.callback.admit(path),
    },
  });
  const publicUrl = site.url;
  const claimOf = (feed: string, url: string) => ({
    job: { feed, url, nextAt: 0, urgent: true },
    host: hostOf(url),
    more: false,
  });
  const reader: Reader = Object.assign(base, {
    publicUrl,
    webSub: openWebSub({ ...options, publicUrl }),
    async restart(over: { publicUrl?: string } = {}) {
      await reader.webSub[Symbol.asyncDispose]();
      reader.webSub = openWebSub({ ...options, publicUrl, ...over });
    },
    async poll(feed: string) {
      const crawling = {
        session,
        digester,
        limits: LIMITS,
        fetcher: base.fetcher,
        clock: () => clock.now,
        random: () => 0,
      };
      const onPolled = reader.webSub.subscriber.polled.bind(reader.webSub.subscriber);
      await crawlFeed({ ...crawling, onPolled }, claimOf(feed, 'http://127.0.0.1/'), () => true);
    },
    async step() {
      const { subscriber } = reader.webSub;
      const jobs = await subscriber.due();
      const signal = new AbortController().signal;
      for (const job of jobs) await subscriber.work(claimOf(job.feed, job.url), { session, signal, patience });
      await hubSettled();
      return jobs.length;
    },
    async settle() {
      let steps = 0;
      while ((await reader.step()) > 0) if (++steps > STEPS_MAX) throw new Error('there is always something due');
    },
    async subscribe(feed: string) {
      await reader.poll(feed);
      await reader.settle();
    },
    note: async (feed: string) => (await readNote(store.control, feed))?.state,
  });
  t.teardown(async () => {
    await site.close();
    await reader.webSub[Symbol.asyncDispose]();
    await session.close();
    await digester[Symbol.asyncDispose]();
    await poster[Symbol.asyncDispose]();
    await base[Symbol.asyncDispose]();
  });
  return reader;
}
