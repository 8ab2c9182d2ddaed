/** The crawler as it runs inside `serve`: one pass after the other, as feeds come due. */
import type { FeedRecord } from '../store/documents.ts';
import { type CodedError, codeOf } from '../store/errors.ts';
import { type CrawlFeedOptions, crawlFeed } from './crawl-feed.ts';
import { codedTrouble, FINISH_MS_MAX } from './crawler.ts';
import { type Digester, openDigester } from './digester.ts';
import { WAITING_MAX } from './due-feeds.ts';
import { crawlerError } from './errors.ts';
import { bringBack, FAR_AHEAD_LOOK_MS } from './far-ahead.ts';
import { HostPatience } from './host-patience.ts';
import { newMetrics } from './metrics.ts';
import { Nap } from './nap.ts';
import { Member, UNKNOWN_KIND } from './pause/member.ts';
import { pausedError } from './pause/note.ts';
import { Pump } from './pump.ts';
import { type Claim, type Queue, untilLost } from './queue/contract.ts';
import { LocalQueue } from './queue/local.ts';
import { mayRefresh, Refreshes } from './refreshes.ts';
import type { RunningCrawler, RunOptions } from './run-options.ts';
import { type CrawlerStatus, whyOf } from './run-status.ts';
import { SetAside } from './set-aside.ts';
import { StoreSession, StoreTrouble } from './store-session.ts';
import { SubscriberCounts } from './subscriber-counts.ts';
import { tally } from './tally.ts';
import { wayFrom } from './way-to-host.ts';
import { within } from './within.ts';

export type { RunningCrawler, RunOptions } from './run-options.ts';
export type { CrawlerStatus } from './run-status.ts';

/** Other processes may add feeds: the store is asked at least this often. */
const POLL_MS_MAX = 5_000;
/** Due feeds that are read at once. */
const PAGE_SIZE = 500;
/** Between two looks at a store in trouble. */
const TROUBLE_MS_MIN = 500;
const TROUBLE_MS_MAX = 15_000;
/** Between two looks at a record that another process may change. */
const WATCH_MS = 500;
/** After breaking off: for what is being written. */
const BREAK_OFF_MS_MAX = 3_000;
const CLOSE_MS_MAX = 1_500;

export function startCrawler(options: RunOptions): RunningCrawler {
  const running = new Running(options);
  running.start();
  return running;
}

class Running implements RunningCrawler {
  readonly #options: RunOptions;
  readonly #metrics = newMetrics();
  readonly #queue: Queue;
  readonly #pump: Pump;
  readonly #session: StoreSession;
  readonly #digester: Digester;
  readonly #crawling: Omit<CrawlFeedOptions, 'signal'>;
  readonly #member: Member;
  /** Ends the patience with the store. */
  readonly #ending = new AbortController();
  /** Breaks off what is in flight; a new one after a pause. */
  #breakOff = new AbortController();
  readonly #startedAt: number;
  readonly #refreshes = new Refreshes();
  readonly #setAside = new SetAside();
  readonly #nap = new Nap();
  #state: 'running' | 'waiting' | 'stopping' | 'stopped' = 'running';
  #trouble: CodedError | null = null;
  #nextDueAt: number | null = null;
  #nextLookAhead = 0;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: RunOptions) {
    const { store, fetcher, random, minIntervalMs, maxIntervalMs, queue } = options;
    // Those who share a queue go by its clock, whatever their own say.
    const clock = () => options.clock() + (queue?.aheadMs ?? 0);
    this.#options = { ...options, clock };
    this.#startedAt = clock();
    this.#session = new StoreSession({
      store,
      owner: `crawler: ${(options.process ?? UNKNOWN_KIND).command}`,
      durability: 'lazy',
      signal: this.#ending.signal,
      onRetry: (error) => {
        this.#metrics.storeRetries += 1;
        // Nothing more is fetched while it could not be stored.
        if (codeOf(error).startsWith('STORE_')) this.#inTrouble(error);
      },
    });
    const hosts = { connections: options.hostConnections, gapMs: options.hostGapMs };
    this.#queue = options.queue ?? new LocalQueue({ clock, hosts });
    this.#member = this.#newMember();
    this.#pump = new Pump({
      queue: this.#member.queue,
      concurrency: options.concurrency,
      work: (claim) => this.#work(claim),
      onFailure: (error) => this.#inTrouble(error),
    });
    const limits = { minIntervalMs, maxIntervalMs, backupMsMax: options.backupMsMax };
    this.#digester = openDigester();
    const followers = new SubscriberCounts(store, clock);
    this.#crawling = {
      ...{ session: this.#session, fetcher, digester: this.#digester, limits, clock, random },
      patience: new HostPatience(this.#session, clock),
      isFollowed: (feed) => followers.isFollowed(feed),
      onPolled: (poll) => options.subscriber?.polled(poll) ?? Promise.resolve(),
    };
  }

  #newMember(): Member {
    const { clock, onPause } = this.#options;
    return new Member({
      ...{ session: this.#session, queue: this.#queue, clock, kind: this.#options.process ?? UNKNOWN_KIND },
      state: () => (this.#state === 'running' ? 'crawling' : this.#state === 'waiting' ? 'waiting' : 'stopping'),
      pump: () => this.#pump,
      breakOff: () => this.#breakOff.abort(),
      onPause: (pause) => {
        this.#refreshes.end((feed) => pausedError(pause, feed));
        onPause?.(pause);
      },
      onResume: () => {
        if (this.#breakOff.signal.aborted && !this.#isStopping()) this.#breakOff = new AbortController();
        onPause?.(null);
        this.wake();
      },
    });
  }

  start(): void {
    this.#member.start();
    this.#loop = this.#run();
  }

  async refresh(feedId: string): Promise<void> {
    if (this.#isStopping()) throw crawlerError('CRAWL_STOPPED', 'The crawler is stopping', { input: feedId });
    if (this.#member.pause !== null) throw pausedError(this.#member.pause, feedId);
    if (this.#trouble !== null) throw this.#trouble;
    const live = await this.#options.store.feeds.get(feedId);
    if (live === undefined) throw crawlerError('CRAWL_FEED_UNKNOWN', `There is no feed ${feedId}`, { input: feedId });
    if (!mayRefresh(live.content, this.#options.clock())) return;
    const ended = this.#refreshes.whenCrawled(feedId);
    await this.#queue.add([{ feed: feedId, url: live.content.url, nextAt: live.content.nextAt, urgent: true }]);
    this.#pump.kick();
    if (this.#isShared()) void this.#watch(feedId, live.content.triedAt);
    await ended;
    // A writer that was lost has left its slot to whoever took it over, and that is settled then.
    await this.#session.settle().catch(() => {});
  }

  wake(): void {
    this.#nap.wake();
  }

  status(): CrawlerStatus {
    const { pause, phase } = this.#member;
    const isPaused = phase !== 'crawling' && !this.#isStopping();
    const now = {
      state: isPaused ? phase : this.#state,
      pause: pause && { pausedAt: pause.since, by: pause.by, why: pause.why },
      inFlight: this.#pump.active,
      waiting: this.#queue.waiting,
    };
    Object.assign(this.#metrics, { inFlight: now.inFlight, waiting: now.waiting });
    return {
      ...now,
      why: whyOf(now, this.#trouble),
      nextDueAt: this.#nextDueAt,
      error: this.#trouble?.toJSON() ?? null,
      startedAt: this.#startedAt,
      metrics: this.#metrics,
    };
  }

  async stop(): Promise<void> {
    if (this.#isStopping()) return this.#loop;
    this.#state = 'stopping';
    this.#pump.stop();
    this.wake();
    // What waits in a shared queue waits for the others.
    if (!this.#isShared()) await this.#queue.clear();
    await within(FINISH_MS_MAX, this.#pump.whenIdle());
    this.#ending.abort();
    this.#breakOff.abort();
    await within(BREAK_OFF_MS_MAX, this.#pump.whenIdle());
    this.#refreshes.end((feed) => crawlerError('CRAWL_STOPPED', 'The crawler was stopped', { input: feed }));
    await this.#digester[Symbol.asyncDispose]();
    const closing = [this.#loop, this.#session.close(), this.#member.stop()];
    await within(CLOSE_MS_MAX, Promise.allSettled(closing));
    this.#state = 'stopped';
  }

  #isShared(): boolean {
    return this.#queue.pollMs !== null;
  }

  /** Another process may crawl it, and would not tell: its record does. */
  async #watch(feed: string, triedAt: number | null): Promise<void> {
    while (this.#refreshes.isAwaited(feed)) {
      await pause(WATCH_MS);
      const live = await this.#options.store.feeds.get(feed).catch(() => undefined);
      if (live !== undefined && live.content.triedAt !== triedAt) this.#refreshes.crawled(feed);
    }
  }

  #isStopping(): boolean {
    return this.#state === 'stopping' || this.#state === 'stopped';
  }

  async #run(): Promise<void> {
    // A store that does not answer is met again at the first claim.
    await this.#member.look().catch(() => {});
    let pauseMs = TROUBLE_MS_MIN;
    while (!this.#isStopping()) {
      if (this.#member.pause !== null) {
        await this.#nap.sleep(POLL_MS_MAX);
        continue;
      }
      if (this.#trouble !== null) {
        await this.#nap.sleep(pauseMs);
        pauseMs = Math.min(pauseMs * 2, TROUBLE_MS_MAX);
        await this.#recover();
        continue;
      }
      pauseMs = TROUBLE_MS_MIN;
      this.#pump.start();
      try {
        await this.#fill();
        await this.#bringBack();
        if (this.#trouble === null) await this.#nap.sleep(this.#idleMs());
      } catch (error) {
        if (!this.#member.wasShutOut(error)) this.#inTrouble(error);
      }
    }
  }

  /** Takes what is due into the queue. What waits or is claimed already is not added twice. */
  async #fill(): Promise<void> {
    const { store, clock } = this.#options;
    const now = clock();
    for (let after: { nextAt: number; id: string } | undefined; this.#queue.waiting < WAITING_MAX; ) {
      const page = await store.feeds.due({ now, limit: PAGE_SIZE, ...(after === undefined ? {} : { after }) });
      const added = await this.#queue.add(
        page
          .filter(({ id }) => !this.#setAside.has(id, now))
          .map(({ id, url, nextAt }) => ({ feed: id, url, nextAt, urgent: false })),
      );
      if (added > 0) this.#pump.kick();
      after = page.at(-1);
      if (page.length < PAGE_SIZE) break;
    }
    const hubs = (await this.#options.subscriber?.due()) ?? [];
    if (hubs.length > 0 && (await this.#queue.add(hubs)) > 0) this.#pump.kick();
    this.#nextDueAt = await store.feeds.nextDueAt();
  }

  async #bringBack(): Promise<void> {
    if (performance.now() < this.#nextLookAhead) return;
    const { clock, random } = this.#options;
    const found = await bringBack(this.#session, { limits: this.#crawling.limits, now: clock(), random });
    if (found === 0) this.#nextLookAhead = performance.now() + FAR_AHEAD_LOOK_MS;
  }

  #idleMs(): number {
    const untilDue = this.#nextDueAt === null ? POLL_MS_MAX : this.#nextDueAt - this.#options.clock();
    // What is due already waits in the queue; it need not be looked for without a pause.
    return Math.min(untilDue > 0 ? untilDue : POLL_MS_MAX, POLL_MS_MAX);
  }

  /** The store answers and can be written to again? Then go on. */
  async #recover(): Promise<void> {
    if (this.#isStopping()) return;
    try {
      await this.#member.look();
      if (this.#member.pause !== null) return;
      await this.#session.probe();
      if (this.#isShared()) await this.#queue.counts();
      this.#setTrouble(null);
      this.#state = 'running';
    } catch (error) {
      this.#setTrouble(codedTrouble(error));
    }
  }

  async #work(claim: Claim): Promise<'done' | 'back'> {
    const { feed, urgent, force } = claim.job;
    const { subscriber } = this.#options;
    try {
      const signal = untilLost(claim, this.#breakOff.signal);
      const crawling = { ...this.#crawling, signal, wayTo: wayFrom(claim, this.#queue, signal, this.#options.sleep) };
      if (subscriber?.owns(claim.job)) return await subscriber.work(claim, crawling);
      // Somebody else may have been faster for another reader.
      const isAwaited = (record: FeedRecord) => urgent && mayRefresh(record, this.#options.clock());
      const wanted = (record: FeedRecord) => force === true || this.#isDue(record) || isAwaited(record);
      const crawled = await crawlFeed(crawling, claim, wanted);
      if (crawled.kind === 'unfinished') return 'back';
      tally(this.#metrics, crawled);
      this.#refreshes.crawled(feed);
      return 'done';
    } catch (error) {
      if (this.#member.wasShutOut(error)) return 'back';
      const coded = codedTrouble(error);
      this.#refreshes.crawled(feed, coded);
      if (error instanceof StoreTrouble) {
        this.#inTrouble(error);
        return 'back';
      }
      // A fault of ours with this one feed, which stays due: it is not asked again for a while.
      tally(this.#metrics, { kind: 'failed', error: coded, bytes: 0, ms: 0 });
      this.#setAside.add(feed, this.#options.clock());
      return 'done';
    }
  }

  #isDue(record: FeedRecord): boolean {
    return record.state === 'active' && record.nextAt <= this.#options.clock();
  }

  #inTrouble(error: unknown): void {
    if (this.#isStopping()) return;
    this.#pump.stop();
    this.#state = 'waiting';
    if (this.#trouble === null) this.wake();
    this.#setTrouble(codedTrouble(error));
  }

  #setTrouble(error: CodedError | null): void {
    const same = this.#trouble?.code === error?.code;
    this.#trouble = error;
    if (!same) this.#options.onTrouble?.(error);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
