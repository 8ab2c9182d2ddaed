/** The play: the crawler that serves use, on a real store, over real HTTP, for so many simulated days. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import { importFeeds } from '../../crawler/add-feed.ts';
import { type Fetcher, openFetcher } from '../../crawler/fetch.ts';
import { type RunningCrawler, startCrawler } from '../../crawler/run.ts';
import type { Store } from '../../store/contract.ts';
import { openStore } from '../../store/open.ts';
import { randomFor } from '../feed-world/random.ts';
import { BenchFailure } from '../measure/progress.ts';
import type { Record } from './attempts.ts';
import { type Incident, plannedIncidents } from './incidents.ts';
import { LIMITS, type Limits } from './limits.ts';
import { MortalFetcher } from './mortal-fetcher.ts';
import { type ServedStage, serveStage } from './serve-stage.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { makeStage, type Stage, type StageOptions } from './stage.ts';
import { WatchedQueue } from './watched-queue.ts';

export interface PlayOptions extends StageOptions {
  readonly onDay?: (day: number, visits: number) => void;
  /** Around the real one: how the scorer's own tests make a crawler bad. */
  readonly wrapFetcher?: (fetcher: Fetcher, clock: SimulatedClock) => Fetcher;
  readonly wrapLimits?: (limits: Limits) => Limits;
}

export interface Played extends Record {
  readonly wallMs: number;
}

/** Real time that nothing may take longer than: a feed that times out takes a second. */
const SETTLE_MS_MAX = 10_000;
/** Of a fetch: generous, for time stands still meanwhile; but of one that nobody will answer. */
const TIMEOUT_MS = 20_000;
const SILENCE_MS = 250;
/** A process that was killed is back after. */
const RESTART_MS = 5_000;

export async function play(options: PlayOptions): Promise<Played> {
  const startedAt = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-manners-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const stage = makeStage(options);
  const clock = new SimulatedClock(options.startMs);
  const served = stack.use(await serveStage(stage, clock));
  const acting = new Acting(options, stage, clock, served, `sqlite:${join(folder, 'feedferry.db')}`);
  await acting.run();
  return {
    ...{ stage, limits: LIMITS, visits: served.visits, incidents: acting.incidents, urls: acting.urls },
    urlOf: (publisher, place) => served.url(publisher, place),
    wallMs: performance.now() - startedAt,
  };
}

/** One process that crawls, with its own handle on the store. */
interface Process {
  readonly store: Store;
  readonly fetcher: MortalFetcher;
  readonly queue: WatchedQueue;
  readonly crawler: RunningCrawler;
}

class Acting {
  readonly incidents: Incident[] = [];
  readonly urls = new Map<number, string | undefined>();
  readonly #options: PlayOptions;
  readonly #stage: Stage;
  readonly #clock: SimulatedClock;
  readonly #served: ServedStage;
  readonly #storeUrl: string;
  readonly #random: () => number;
  /** Feed id -> publisher, and back. */
  readonly #publishers = new Map<string, number>();
  readonly #ids = new Map<number, string>();
  #sleeping = 0;

  constructor(options: PlayOptions, stage: Stage, clock: SimulatedClock, served: ServedStage, storeUrl: string) {
    this.#options = options;
    this.#stage = stage;
    this.#clock = clock;
    this.#served = served;
    this.#storeUrl = storeUrl;
    this.#random = randomFor(options.seed, 'crawler');
  }

  async run(): Promise<void> {
    const { endMs, options } = this.#stage;
    let process = await this.#start();
    await this.#import(process, false);
    const planned = plannedIncidents(this.#stage);
    for (let day = 0; ; ) {
      await this.#settle(process);
      const now = this.#clock.now();
      if (now >= endMs) break;
      const today = Math.floor((now - options.startMs) / 86_400_000);
      if (today > day) {
        day = today;
        this.#options.onDay?.(day, this.#served.visits.length);
      }
      const incident = planned[0];
      if (incident !== undefined && incident.at <= now) {
        if (await this.#mayHappen(process, incident)) {
          planned.shift();
          this.incidents.push({ ...incident, at: now });
          process = await this.#happens(process, incident);
          continue;
        }
      }
      const next = await this.#nextAt(process, incident?.at ?? endMs);
      this.#clock.advanceTo(next);
      process.crawler.wake();
    }
    for (const [publisher, id] of this.#ids) {
      this.urls.set(publisher, (await process.store.feeds.get(id))?.content.url);
    }
    await this.#end(process);
  }

  async #start(): Promise<Process> {
    const store = await openStore(this.#storeUrl);
    const { wrapFetcher, wrapLimits } = this.#options;
    const limits = wrapLimits?.(LIMITS) ?? LIMITS;
    const clock = this.#clock.now;
    const real = openFetcher({
      ...{ userAgent: 'Feedferry-Manners/1.0', allowPrivate: ['127.0.0.0/8'], timeoutMs: TIMEOUT_MS, clock },
      connectionsPerOriginMax: 8,
    });
    const fetcher = new MortalFetcher(wrapFetcher?.(real, this.#clock) ?? real, (url) => this.#timeoutMs(url));
    const hosts = { connections: limits.hostConnections, gapMs: limits.hostGapMs };
    const queue = new WatchedQueue(hosts, this.#clock, () => this.#served.visits.length);
    const crawler = startCrawler({
      ...{
        store,
        queue,
        fetcher,
        clock,
        sleep: (ms, signal) => this.#sleep(ms, signal),
        random: this.#random,
        concurrency: 256,
      },
      ...{ hostGapMs: limits.hostGapMs, hostConnections: limits.hostConnections },
      ...{ minIntervalMs: limits.minIntervalMs, maxIntervalMs: limits.maxIntervalMs },
    });
    return { store, fetcher, queue, crawler };
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.#sleeping += 1;
    await this.#clock.sleep(ms, signal);
    this.#sleeping -= 1;
  }

  #timeoutMs(url: string): number {
    const { kindName } = this.#stage.publishers.find((one) => this.#served.url(one, 'home') === url) ?? {};
    return kindName === 'silent' ? SILENCE_MS : TIMEOUT_MS;
  }

  async #end({ store, fetcher, queue, crawler }: Process): Promise<void> {
    await crawler.stop();
    await queue[Symbol.asyncDispose]();
    await fetcher[Symbol.asyncDispose]();
    await store.close();
  }

  async #import({ store, crawler }: Process, late: boolean): Promise<void> {
    const joining = this.#stage.publishers.filter((publisher) => publisher.late === late);
    const feeds = joining.map((publisher) => ({
      ...{ url: this.#served.url(publisher, 'home'), siteUrl: this.#served.url(publisher, 'page') },
      ...{ title: publisher.feed.title, folder: null },
    }));
    const { ids } = await importFeeds({ store, clock: this.#clock.now, random: this.#random, feeds });
    await this.#follow(store, ids, true);
    for (const [i, { index }] of joining.entries()) {
      this.#ids.set(index, ids[i] ?? '');
      this.#publishers.set(ids[i] ?? '', index);
    }
    crawler.wake();
  }

  async #follow(store: Store, feeds: readonly string[], follows: boolean): Promise<void> {
    await using writer = await store.subscriptions.openWriter({ owner: 'a reader', durability: 'sync' });
    const addedAt = this.#clock.now();
    const content = (feed: string) => ({ user: 'reader', feed, title: null, folder: null, addedAt });
    await writer.edit(feeds.map((feed) => ({ id: `reader.${feed}`, content: follows ? content(feed) : null })));
  }

  /** A kill waits for a fetch in the middle of which it can happen, a restart for none. */
  async #mayHappen({ crawler }: Process, { kind }: Incident): Promise<boolean> {
    if (kind === 'kill') return this.#served.holding() > 0;
    return kind !== 'restart' || crawler.status().inFlight === 0;
  }

  async #happens(process: Process, incident: Incident): Promise<Process> {
    switch (incident.kind) {
      case 'import':
        await this.#import(process, true);
        return process;
      case 'unfollow': {
        const feeds = incident.publishers.flatMap((publisher) => this.#ids.get(publisher) ?? []);
        await this.#follow(process.store, feeds, false);
        return process;
      }
      case 'refresh':
        // Whether it is fetched or left alone, the reader hears of it; nobody waits for that here.
        for (const publisher of incident.publishers) {
          const id = this.#ids.get(publisher);
          if (id !== undefined) void process.crawler.refresh(id).catch(() => {});
        }
        return process;
      case 'restart':
        await this.#end(process);
        break;
      case 'kill':
        await this.#kill(process);
        break;
      case 'kill-after-answer':
        await this.#killAfterAnswer(process);
    }
    this.#clock.advanceTo(this.#clock.now() + RESTART_MS);
    return this.#start();
  }

  async #kill(process: Process): Promise<void> {
    for (const [feed, seq] of process.queue.claimed) this.#forget(feed, seq);
    process.queue.kill();
    await process.fetcher.kill();
    await this.#end(process);
  }

  /** What came for the feed since it was claimed was never kept. */
  #forget(feed: string, fromSeq = Number.POSITIVE_INFINITY): void {
    const publisher = this.#publishers.get(feed);
    if (publisher !== undefined) this.#served.forget(publisher, fromSeq);
  }

  /** All goes on as ever until the next body has arrived, which is lost. */
  async #killAfterAnswer(process: Process): Promise<void> {
    let died = false;
    process.fetcher.dieAtNextBody((feed) => {
      died = true;
      this.#forget(feed, process.queue.claimed.get(feed));
    });
    while (!died) {
      await this.#settle(process, () => died);
      if (died) break;
      const now = this.#clock.now();
      const times = [this.#clock.next(), await process.store.feeds.nextDueAt(), this.#stage.endMs];
      const next = Math.min(...times.flatMap((at) => (at === null || at <= now ? [] : [at])));
      if (!Number.isFinite(next)) break;
      this.#clock.advanceTo(next);
      process.crawler.wake();
    }
    await this.#kill(process);
  }

  /** When something happens next; what is due already waits for something else. */
  async #nextAt({ store }: Process, incidentAt: number): Promise<number> {
    const now = this.#clock.now();
    const [due] = await store.feeds.due({ now: this.#stage.endMs, limit: 1, after: { nextAt: now, id: '\uffff' } });
    const times = [this.#clock.next(), due?.nextAt, incidentAt, this.#stage.endMs];
    return Math.min(...times.flatMap((at) => (at == null || at <= now ? [] : [at])));
  }

  /** Until nothing more can happen before time goes on: all that is due waits, for its host or for an answer. */
  async #settle(process: Process, enough: () => boolean = () => false): Promise<void> {
    const { crawler, queue, store } = process;
    const from = performance.now();
    for (let calm = 0; calm < 2; ) {
      if (enough()) return;
      await breathe();
      const waits = this.#served.holding() + this.#sleeping;
      const still = queue.calm && crawler.status().inFlight === waits && crawler.status().state === 'running';
      calm = still && (await this.#allTaken(store, queue)) ? calm + 1 : 0;
      const ms = performance.now() - from;
      if (ms > SETTLE_MS_MAX) {
        throw new BenchFailure(
          `nothing moves at ${new Date(this.#clock.now()).toISOString()}: ${crawler.status().why}; ${JSON.stringify({ calm: queue.calm, waits, inFlight: crawler.status().inFlight, all: await this.#allTaken(store, queue), counts: await queue.counts(), next: this.#clock.next(), claimed: [...queue.claimed] })}`,
        );
      }

      // A fetch that is never answered takes real time.
      if (calm === 0 && ms > 20) await pause(5);
    }
  }

  async #allTaken(store: Store, queue: WatchedQueue): Promise<boolean> {
    const due = await store.feeds.due({ now: this.#clock.now(), limit: 10_000 });
    return due.every(({ id }) => queue.has(id));
  }
}
