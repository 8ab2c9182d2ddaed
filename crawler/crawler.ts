/** One pass over the feeds: `feedferry crawl --once`. */
import type { Clock, Store } from '../store/contract.ts';
import { CodedError } from '../store/errors.ts';
import { type CrawlFeedOptions, crawlFeed } from './crawl-feed.ts';
import { type Digester, openDigester } from './digester.ts';
import { type Choice, isWanted, WAITING_MAX, wantedFeeds } from './due-feeds.ts';
import { crawlerError } from './errors.ts';
import { bringBack } from './far-ahead.ts';
import type { Fetcher } from './fetch.ts';
import { HostPatience } from './host-patience.ts';
import { type CrawlerMetrics, newMetrics } from './metrics.ts';
import { Member, UNKNOWN_KIND } from './pause/member.ts';
import { pausedError } from './pause/note.ts';
import type { ProcessKind } from './pause/processes.ts';
import { Pump } from './pump.ts';
import { type Claim, type Job, type Queue, untilLost } from './queue/contract.ts';
import { LocalQueue } from './queue/local.ts';
import { StoreSession, StoreTrouble } from './store-session.ts';
import { failures, tally } from './tally.ts';
import { wayFrom } from './way-to-host.ts';

export interface CrawlOptions {
  readonly store: Store;
  /**
   * Default: one of this pass alone. One that others share, which has its own limits for hosts: the pass also does what
   * they put into it, and they do what it does, until the queue is empty. Whoever gives it closes it.
   */
  readonly queue?: Queue | undefined;
  readonly fetcher: Fetcher;
  /** Feeds at once. */
  readonly concurrency: number;
  /** Feeds in the queue of this pass at once. Default WAITING_MAX. */
  readonly waitingMax?: number | undefined;
  /** Due or not. */
  readonly force: boolean;
  /** Ids; default: all. */
  readonly feeds?: readonly string[] | undefined;
  /** Between the starts of two requests to one host. */
  readonly hostGapMs: number;
  /** Requests at once to one host. */
  readonly hostConnections: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Aborted: nothing more is claimed; what is in flight has `FINISH_MS_MAX` to end. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: CrawlProgress) => void) | undefined;
  readonly minIntervalMs: number;
  readonly maxIntervalMs: number;
  readonly backupMsMax?: number | undefined;
  /** How long a store that does not answer is waited for. Default STORE_RETRY_MS_MAX. */
  readonly storeRetryMsMax?: number | undefined;
  /** What others are told about this process. */
  readonly process?: ProcessKind | undefined;
}

export interface CrawlProgress {
  readonly done: number;
  readonly total: number;
  readonly failed: number;
  readonly articlesNew: number;
  readonly bytes: number;
  /** Null: not known yet. */
  readonly etaMs: number | null;
  readonly feedsPerSecond: number;
}

export interface CrawlSummary {
  /** Taken up by this pass. */
  readonly feeds: number;
  readonly fetched: number;
  readonly notModified: number;
  readonly failed: Record<string, number>;
  /** In the store, but not due (or not wanted). */
  readonly skipped: number;
  /** Taken up, but not done when the pass ended early: they stay due. */
  readonly unfinished: number;
  readonly articlesNew: number;
  readonly articlesChanged: number;
  readonly articlesUnchanged: number;
  /** Over the wire. */
  readonly bytes: number;
  readonly seconds: number;
  readonly peakMemoryBytes: number;
  /** Store trouble that ended the pass, or CRAWL_PAUSED. */
  readonly error: ReturnType<CodedError['toJSON']> | null;
}

/** What is in flight when a crawl is stopped may end by itself for so long, then it is broken off. */
export const FINISH_MS_MAX = 5_000;

const PROGRESS_MS = 200;
/** A pass that is done sooner shows itself to nobody. */
const SHOW_AFTER_MS = 1_000;

/**
 * Crawls what is due and returns when all is done. Failures of feeds go into their histories. Trouble with the store and
 * a pause of the site's crawlers end the pass, in `error`, and leave every feed that was not stored due. Never throws.
 */
export async function crawl(options: CrawlOptions): Promise<CrawlSummary> {
  const pass = new Pass(options);
  return pass.run();
}

class Pass {
  readonly #options: CrawlOptions;
  readonly #choice: Choice;
  readonly #waitingMax: number;
  readonly #metrics: CrawlerMetrics = newMetrics();
  readonly #queue: Queue;
  readonly #pump: Pump;
  readonly #member: Member;
  readonly #session: StoreSession;
  readonly #digester: Digester;
  readonly #crawling: CrawlFeedOptions;
  readonly #breakOff = new AbortController();
  readonly #startedAt = performance.now();
  #selected = 0;
  /** Where not all fit into the queue at once: how many there were at the beginning. */
  #counted = 0;
  #onRoom = () => {};
  #passedOver = 0;
  #done = 0;
  #trouble: unknown;
  #progressAt = 0;

  constructor(options: CrawlOptions) {
    const { store, fetcher, clock, random, minIntervalMs, maxIntervalMs, storeRetryMsMax } = options;
    this.#options = options;
    this.#choice = { now: clock(), force: options.force, feeds: options.feeds };
    this.#waitingMax = options.waitingMax ?? WAITING_MAX;
    this.#session = new StoreSession({
      store,
      owner: `crawler: ${(options.process ?? UNKNOWN_KIND).command}`,
      durability: 'lazy',
      signal: this.#breakOff.signal,
      onRetry: () => {
        this.#metrics.storeRetries += 1;
      },
      ...(storeRetryMsMax === undefined ? {} : { retryMsMax: storeRetryMsMax }),
    });
    const hosts = { connections: options.hostConnections, gapMs: options.hostGapMs };
    this.#queue = options.queue ?? new LocalQueue({ clock, hosts });
    this.#member = new Member({
      ...{ session: this.#session, queue: this.#queue, clock, kind: options.process ?? UNKNOWN_KIND },
      state: () => (this.#ended() ? 'stopping' : 'crawling'),
      pump: () => this.#pump,
      breakOff: () => this.#breakOff.abort(),
      onPause: (pause) => {
        this.#trouble ??= pausedError(pause);
        this.#onRoom();
      },
      onResume: () => {},
    });
    this.#pump = new Pump({
      queue: this.#member.queue,
      concurrency: options.concurrency,
      work: (claim) => this.#work(claim),
      onFailure: (error) => this.#end(error),
    });
    const limits = { minIntervalMs, maxIntervalMs, backupMsMax: options.backupMsMax };
    this.#digester = openDigester();
    this.#crawling = {
      ...{ session: this.#session, fetcher, digester: this.#digester, limits, clock, random },
      // Whoever forces a pass has their reasons.
      patience: options.force ? undefined : new HostPatience(this.#session, clock),
      signal: this.#breakOff.signal,
    };
  }

  async run(): Promise<CrawlSummary> {
    const { signal } = this.#options;
    const onAbort = () => this.#stop();
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#member.start(SHOW_AFTER_MS);
    try {
      await this.#member.look();
      if (!this.#ended()) this.#pump.start();
      const { limits, random } = this.#crawling;
      await bringBack(this.#session, { limits, now: this.#choice.now, random });
      await this.#count();
      for await (const jobs of this.#wanted()) {
        if (this.#ended()) break;
        await this.#add(jobs);
        this.#pump.kick();
        await this.#room();
      }
      // Others may have changed some meanwhile.
      if (!this.#ended()) this.#counted = 0;
    } catch (error) {
      this.#end(error);
    }
    await this.#pump.whenIdle();
    this.#pump.stop();
    signal?.removeEventListener('abort', onAbort);
    await this.#digester[Symbol.asyncDispose]();
    const skipped = await this.#skipped();
    await this.#member.stop();
    try {
      await this.#session.close();
    } catch (error) {
      this.#end(new StoreTrouble(error));
    }
    this.#report(true);
    return this.#summary(skipped);
  }

  #wanted(): AsyncGenerator<Job[]> {
    return wantedFeeds((operation) => this.#session.read(operation), this.#choice);
  }

  /** Of those that do not fit into the queue at once nobody would know otherwise how many there are. */
  async #count(): Promise<void> {
    if (this.#isShared() || (await this.#session.read(({ feeds }) => feeds.count())) <= this.#waitingMax) return;
    for await (const jobs of this.#wanted()) this.#counted += jobs.length;
  }

  /** Resolves when the queue of this process has room again: what does not fit stays in the store. */
  async #room(): Promise<void> {
    while (this.#isFull() && !this.#ended()) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
      });
    }
  }

  #isFull(): boolean {
    return !this.#isShared() && this.#queue.waiting >= this.#waitingMax;
  }

  #isShared(): boolean {
    return this.#queue.pollMs !== null;
  }

  /** Where others share the queue, they may take these, and this pass theirs: it counts what it claims. */
  async #add(jobs: readonly Job[]): Promise<void> {
    const forced = this.#isShared() && this.#choice.force;
    const added = await this.#queue.add(forced ? jobs.map((job) => ({ ...job, force: true })) : jobs);
    if (!this.#isShared()) this.#selected += added;
  }

  async #work(claim: Claim): Promise<'done' | 'back'> {
    if (this.#isShared()) this.#selected += 1;
    this.#onRoom();
    try {
      const signal = untilLost(claim, this.#breakOff.signal);
      const crawling = { ...this.#crawling, signal, wayTo: wayFrom(claim, this.#queue, signal) };
      const force = claim.job.force === true || claim.job.urgent;
      const crawled = await crawlFeed(crawling, claim, (record) => force || isWanted(this.#choice, record));
      if (crawled.kind === 'unfinished') return 'back';
      if (crawled.kind === 'passed-over') this.#passedOver += 1;
      tally(this.#metrics, crawled);
      this.#done += 1;
      this.#report(false);
      return 'done';
    } catch (error) {
      if (this.#member.wasShutOut(error)) return 'back';
      if (error instanceof StoreTrouble) {
        this.#end(error);
        return 'back';
      }
      // A fault of ours with this one feed: it stays due, and the others go on.
      tally(this.#metrics, { kind: 'failed', error: codedTrouble(error), bytes: 0, ms: 0 });
      this.#done += 1;
      return 'done';
    }
  }

  get #total(): number {
    return Math.max(this.#counted, this.#selected);
  }

  #ended(): boolean {
    return this.#trouble !== undefined || this.#options.signal?.aborted === true;
  }

  #stop(): void {
    this.#pump.stop();
    this.#onRoom();
    setTimeout(() => this.#breakOff.abort(), FINISH_MS_MAX).unref();
  }

  /** Trouble that concerns all feeds: what is in flight could not be stored any more. */
  #end(error: unknown): void {
    this.#trouble ??= error;
    this.#pump.stop();
    this.#breakOff.abort();
    this.#onRoom();
  }

  async #skipped(): Promise<number> {
    if (this.#trouble !== undefined) return 0;
    const total = this.#options.feeds?.length ?? (await this.#options.store.feeds.count().catch(() => this.#selected));
    return Math.max(0, total - this.#total) + this.#passedOver;
  }

  #report(last: boolean): void {
    const { onProgress } = this.#options;
    const now = performance.now();
    if (onProgress === undefined || (!last && now - this.#progressAt < PROGRESS_MS)) return;
    this.#progressAt = now;
    const elapsedMs = now - this.#startedAt;
    const left = this.#total - this.#done;
    onProgress({
      done: this.#done,
      total: this.#total,
      failed: Object.values(failures(this.#metrics)).reduce((sum, count) => sum + count, 0),
      articlesNew: this.#metrics.articlesNew,
      bytes: this.#metrics.bytes,
      etaMs: this.#done === 0 ? null : Math.round((elapsedMs / this.#done) * left),
      feedsPerSecond: elapsedMs === 0 ? 0 : this.#done / (elapsedMs / 1_000),
    });
  }

  #summary(skipped: number): CrawlSummary {
    const metrics = this.#metrics;
    return {
      feeds: this.#total - this.#passedOver,
      fetched: metrics.fetches.ok ?? 0,
      notModified: metrics.fetches['not-modified'] ?? 0,
      failed: failures(metrics),
      skipped,
      unfinished: this.#total - this.#done,
      articlesNew: metrics.articlesNew,
      articlesChanged: metrics.articlesChanged,
      articlesUnchanged: metrics.articlesUnchanged,
      bytes: metrics.bytes,
      seconds: Math.round(performance.now() - this.#startedAt) / 1_000,
      peakMemoryBytes: process.resourceUsage().maxRSS * 1_024,
      error: this.#trouble === undefined ? null : codedTrouble(this.#trouble).toJSON(),
    };
  }
}

/** What the store said, or what went wrong in the crawl itself. */
export function codedTrouble(error: unknown): CodedError {
  const cause = error instanceof StoreTrouble ? error.cause : error;
  if (cause instanceof CodedError) return cause;
  return crawlerError('CRAWL_INTERNAL', cause instanceof Error ? cause.message : String(cause), { cause });
}
