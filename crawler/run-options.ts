import type { Clock, Store } from '../store/contract.ts';
import type { CodedError } from '../store/errors.ts';
import type { Fetcher } from './fetch.ts';
import type { Pause } from './pause/note.ts';
import type { ProcessKind } from './pause/processes.ts';
import type { Queue } from './queue/contract.ts';
import type { CrawlerStatus } from './run-status.ts';
import type { Sleep } from './way-to-host.ts';
import type { Subscriber } from './websub/subscriber.ts';

export interface RunOptions {
  readonly store: Store;
  /** Default: one of this process alone. One that others share has its own limits for hosts. Whoever gives it closes it. */
  readonly queue?: Queue | undefined;
  readonly fetcher: Fetcher;
  readonly concurrency: number;
  readonly hostGapMs: number;
  readonly hostConnections: number;
  readonly minIntervalMs: number;
  readonly maxIntervalMs: number;
  readonly backupMsMax?: number | undefined;
  readonly clock: Clock;
  /** For a simulated clock: how waiting for a host on the way is done by it. Default: in real time. */
  readonly sleep?: Sleep | undefined;
  readonly random: () => number;
  /** Told when trouble with the store begins, changes or ends (null): to be logged, once. */
  readonly onTrouble?: ((error: CodedError | null) => void) | undefined;
  /** Told when the crawlers of the site are paused, and when they go on (null): to be logged, once. */
  readonly onPause?: ((pause: Pause | null) => void) | undefined;
  /** Subscribes to the hubs that feeds name. Default: nobody does. */
  readonly subscriber?: Subscriber | undefined;
  /** What others are told about this process. */
  readonly process?: ProcessKind | undefined;
}

export interface RunningCrawler {
  /**
   * Fetches one feed before all others. Resolves when it is stored, also where the fetch failed (its history tells).
   * A feed that was fetched a moment ago, or whose publisher has asked for patience, is left as it is.
   * Throws CRAWL_FEED_UNKNOWN, CRAWL_PAUSED, CRAWL_STOPPED, CRAWL_SLOW and store errors.
   */
  refresh(feedId: string): Promise<void>;
  /** There may be new feeds: look at once. */
  wake(): void;
  status(): CrawlerStatus;
  /** Within 10 s. What was not stored stays due. */
  stop(): Promise<void>;
}
