import type { FastifyBaseLogger } from 'fastify';
import type { Clock, Store } from '../store/contract.ts';
import type { Keeping } from './keeping.ts';
import type { SiteMetrics } from './metrics.ts';
import type { ReadReplica } from './read-looks.ts';
import type { Reading } from './reading.ts';

/** What the site needs of others. Discovery, OPML and refreshing are the crawler's; the caller passes them in. */
export interface SiteOptions {
  readonly store: Store;
  readonly listen: { readonly host: string; readonly port: number };
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  /** Names by which the site is reached, besides IP addresses and `localhost`. */
  readonly hosts: readonly string[];
  /** Takes a feed's or a site's address. Throws coded errors; one with `candidates` asks the reader to choose. */
  readonly addFeed: (input: string) => Promise<AddedFeed>;
  /** Makes feeds of an OPML file; the site makes the subscriptions. */
  readonly importOpml: (body: Uint8Array) => Promise<ImportedOpml>;
  readonly exportOpml: (feeds: ExportedFeed[]) => string;
  /** Resolves when the feed was fetched. */
  readonly refresh: (feedId: string) => Promise<void>;
  /** JSON, shown on the status page. */
  readonly crawlerStatus: () => object;
  /** All crawlers of this site: what they do, and what an operator wishes of them. Throws coded errors. */
  readonly crawlers?: CrawlersSide;
  /** Called when a request begins; what it returns is called when that was answered, or given up. */
  readonly requestBegan?: () => () => void;
  /** What the replicator does, for each destination; more than this is told as JSON. */
  readonly replicationStatus?: () => readonly ReplicationShown[];
  /** `pause`, `resume`, `set` or `reseed` for one destination. Throws coded errors. */
  readonly replicationWish?: (name: string, action: string, options: Record<string, unknown>) => Promise<unknown>;
  /** What hubs are answered that call back. Absent: there is no such place. */
  readonly hubs?: HubCallbacks;
  /** Whether a hub pushes this feed; JSON, null: nothing to tell. */
  readonly hubOf?: (feedId: string) => Promise<HubShown | null>;
  /** Prometheus text. */
  readonly metricsText: () => Promise<string>;
  /** Copies of the articles to read from, where they are no further behind than this, in ms. Default: none. */
  readonly readReplicas?: readonly ReadReplica[];
  readonly readStalenessMsMax?: number;
}

/** `path`: what follows HUB_PATH. */
export interface HubCallbacks {
  readonly bodyBytesMax: number;
  confirm(path: string, query: Readonly<Record<string, unknown>>): Promise<HubAnswer>;
  /** Before the body of a push is received. */
  admit(path: string): Promise<HubAnswer | HubDelivery>;
}

export interface HubAnswer {
  readonly status: number;
  /** Plain text. */
  readonly body: string;
  readonly retryAfterS?: number;
}

export interface HubDelivery {
  push(
    headers: { readonly signature: string | undefined; readonly contentType: string | null },
    body: Uint8Array,
  ): Promise<HubAnswer>;
  /** However it ended. */
  end(): void;
}

/** What the page of a feed shows of its hub. */
export interface HubShown {
  readonly state: 'subscribed' | 'waiting' | 'leaving';
  readonly hub: string | null;
  readonly until: number | null;
  readonly lastPushAt: number | null;
  readonly lastError: { readonly code: string; readonly message: string; readonly at: number } | null;
}

/** What the status page shows of a destination. */
export interface ReplicationShown {
  readonly name: string;
  readonly url: string;
  readonly state: string;
  readonly why: string;
  readonly docsToDo: number;
  readonly behindMs: number;
  readonly lagMs: { readonly p50: number; readonly p99: number } | null;
  readonly docsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly conflicts: number;
  readonly lastError: { readonly code: string; readonly at: number } | null;
}

export interface CrawlersSide {
  readonly status: () => Promise<CrawlersShown>;
  readonly pause: (options: Record<string, string>) => Promise<unknown>;
  readonly resume: (options: Record<string, string>) => Promise<unknown>;
}

/** What the status page shows; more than this is told as JSON. */
export interface CrawlersShown {
  readonly state: string;
  readonly sentence: string;
  readonly note: { readonly since: number; readonly by: string; readonly why: string } | null;
  /** Why a queue that processes share does not answer. */
  readonly queueError: { readonly code: string; readonly message: string } | null;
  readonly processes: readonly {
    readonly command: string;
    readonly host: string;
    readonly pid: number;
    readonly state: string;
    readonly inFlight: number;
    readonly seenAt: number;
    readonly isSeen: boolean;
  }[];
}

export interface AddedFeed {
  readonly id: string;
  readonly title: string;
  readonly articles: number;
  readonly created: boolean;
  /** The crawlers are paused: its articles come when they go on. */
  readonly waits?: boolean;
}

export interface ImportedOpml {
  readonly entries: readonly { readonly id: string; readonly folder: string | null; readonly title: string }[];
  readonly invalid: readonly { readonly url: string; readonly message: string }[];
}

export interface ExportedFeed {
  url: string;
  title: string;
  siteUrl: string | null;
  folder: string | null;
}

export interface ImportResult {
  readonly entries: number;
  readonly added: number;
  /** The first of those that could not be taken, and how many there are. */
  readonly invalid: ImportedOpml['invalid'];
  readonly invalidCount: number;
}

/** The running site, as pages and actions see it. */
export interface Site {
  readonly options: SiteOptions;
  readonly reading: Reading;
  readonly keeping: Keeping;
  readonly metrics: SiteMetrics;
  /** Address of a file in `static/`, with a tag that changes with its content. */
  readonly asset: (name: string) => string;
  /** Results of the last imports, for the page after each. */
  readonly imports: Map<string, ImportResult>;
}
