import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { CrawlerMetrics } from '../crawler/metrics.ts';
import type { WebSubMetrics } from '../crawler/websub/metrics.ts';
import type { DestinationStatus } from '../replicator/status.ts';
import type { SiteMetrics } from '../site/metrics.ts';

export interface MetricSources {
  /** Undefined: nothing is crawled in this process. */
  readonly crawler: () => CrawlerMetrics | undefined;
  /** Of the whole site. Throws where the store does not answer. */
  readonly isPaused: () => Promise<boolean>;
  readonly hubs: () => HubsStatus;
  readonly site: () => SiteMetrics | undefined;
  readonly replication: () => readonly DestinationStatus[];
}

/** `subscribed` and `waiting`: feeds, as far as this process knows. */
export interface HubsStatus {
  readonly subscribed: number;
  readonly waiting: number;
  readonly metrics: WebSubMetrics;
}

type Row = readonly [labels: Record<string, string>, value: number];

/** What `/metrics` says, in Prometheus' text format: the process, the crawler, the site, replication. docs/operating.md lists them. */
export function metricsText(sources: MetricSources): () => Promise<string> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addCrawler(registry, sources.crawler);
  addPause(registry, sources.isPaused);
  addHubs(registry, sources.hubs);
  addSite(registry, sources.site);
  addReplication(registry, sources.replication);
  return () => registry.metrics();
}

function addCrawler(registry: Registry, source: MetricSources['crawler']): void {
  const counter = counterFor(registry, source);
  const fetches = ({ fetches }: CrawlerMetrics) => Object.entries(fetches).map(([outcome, n]): Row => [{ outcome }, n]);
  counter('feedferry_fetches_total', 'Fetches by how they ended', fetches, ['outcome']);
  const articles = (m: CrawlerMetrics): Row[] => [
    [{ what: 'new' }, m.articlesNew],
    [{ what: 'changed' }, m.articlesChanged],
    [{ what: 'unchanged' }, m.articlesUnchanged],
  ];
  counter('feedferry_articles_total', 'Entries of fetched feeds', articles, ['what']);
  counter('feedferry_fetch_bytes_total', 'Bytes received for feeds', (m) => [[{}, m.bytes]]);
  counter('feedferry_fetch_seconds_total', 'Time of all fetches together', (m) => [[{}, m.fetchMs / 1000]]);
  counter('feedferry_crawler_store_retries_total', 'Calls to the store repeated', (m) => [[{}, m.storeRetries]]);
  gauge(registry, 'feedferry_fetches_in_flight', 'Feeds being fetched now', () => source()?.inFlight);
  gauge(registry, 'feedferry_feeds_queued', 'Due feeds that wait for their turn', () => source()?.waiting);
}

function addHubs(registry: Registry, source: MetricSources['hubs']): void {
  const counter = counterFor(registry, source);
  const rows = (counts: Record<string, number>): Row[] =>
    Object.entries(counts).map(([outcome, n]) => [{ outcome }, n]);
  const labels = ['outcome'];
  counter(
    'feedferry_websub_pushes_total',
    'Pushes of hubs by what became of them',
    (s) => rows(s.metrics.pushes),
    labels,
  );
  counter('feedferry_websub_requests_total', 'Requests to hubs', (s) => rows(s.metrics.requests), labels);
  counter('feedferry_websub_questions_total', 'Questions of hubs', (s) => rows(s.metrics.questions), labels);
  const articles = ({ metrics }: HubsStatus): Row[] => [
    [{ what: 'new' }, metrics.articlesNew],
    [{ what: 'changed' }, metrics.articlesChanged],
  ];
  counter('feedferry_websub_articles_total', 'Entries that hubs pushed', articles, ['what']);
  gauge(registry, 'feedferry_websub_subscribed', 'Feeds that a hub pushes', () => source().subscribed);
  gauge(registry, 'feedferry_websub_waiting', 'Feeds with a hub that does not push them now', () => source().waiting);
}

/** As it was known last, where the store does not answer. */
function addPause(registry: Registry, isPaused: MetricSources['isPaused']): void {
  const name = 'feedferry_crawlers_paused';
  new Gauge({
    ...{ name, help: '1 while the crawlers of the site are paused', registers: [registry] },
    async collect() {
      const paused = await isPaused().catch(() => undefined);
      if (paused !== undefined) this.set(paused ? 1 : 0);
    },
  });
}

function addSite(registry: Registry, source: MetricSources['site']): void {
  const counter = counterFor(registry, source);
  const requests = ({ requests }: SiteMetrics) => Object.entries(requests).map(([outcome, n]): Row => [{ outcome }, n]);
  counter('feedferry_http_requests_total', 'Requests by how they ended', requests, ['outcome']);
  counter('feedferry_http_seconds_total', 'Time of all requests together', (m) => [[{}, m.requestMs / 1000]]);
  counter('feedferry_articles_opened_total', 'Articles opened by readers', (m) => [[{}, m.articlesOpened]]);
  counter('feedferry_marks_written_total', 'Read marks written', (m) => [[{}, m.marksWritten]]);
  counter('feedferry_stars_written_total', 'Stars written', (m) => [[{}, m.starsWritten]]);
  const reads = ({ reads: { primary, replica } }: SiteMetrics): Row[] => [
    [{ from: 'primary' }, primary],
    [{ from: 'replica' }, replica],
  ];
  counter('feedferry_site_reads_total', 'Reads of articles, by where', reads, ['from']);
  counter('feedferry_site_read_failovers_total', 'Reads taken to another store', (m) => [[{}, m.readFailovers]]);
  const reopened = 'Writers of the site opened again after another process took them over';
  counter('feedferry_site_writers_reopened_total', reopened, (m) => [[{}, m.writersReopened]]);
}

function addReplication(registry: Registry, source: MetricSources['replication']): void {
  const counter = counterFor(registry, source);
  const each = (read: (status: DestinationStatus) => number) => (statuses: readonly DestinationStatus[]) =>
    statuses.map((status): Row => [{ destination: status.name }, read(status)]);
  const labels = ['destination'];
  counter(
    'feedferry_replicated_documents_total',
    'Documents that a destination acknowledged',
    each(({ docs }) => docs),
    labels,
  );
  counter(
    'feedferry_replicated_bytes_total',
    'Their size as JSON',
    each(({ bytes }) => bytes),
    labels,
  );
  counter(
    'feedferry_replication_retries_total',
    'Failures after which it was tried again',
    each(({ retries }) => retries),
    labels,
  );
  counter(
    'feedferry_replication_conflicts_total',
    'Concurrent edits met',
    each(({ conflicts }) => conflicts),
    labels,
  );
  const levels = (name: string, help: string, read: (status: DestinationStatus) => number): void => {
    new Gauge({
      ...{ name, help, labelNames: labels, registers: [registry] },
      collect() {
        this.reset();
        for (const status of source()) this.set({ destination: status.name }, read(status));
      },
    });
  };
  levels('feedferry_replication_behind_documents', 'Documents a destination lacks', ({ docsToDo }) => docsToDo);
  levels(
    'feedferry_replication_behind_seconds',
    'How long the oldest of them waits',
    ({ behindMs }) => behindMs / 1000,
  );
  levels('feedferry_replication_lag_seconds', 'Lag, p99 of the last', ({ lagMs }) => (lagMs?.p99 ?? 0) / 1000);
  levels('feedferry_replication_up', '1 while tailing or backfilling', ({ state }) =>
    state === 'tailing' || state === 'backfilling' ? 1 : 0,
  );
}

/** Counters that are kept elsewhere as plain numbers are read when somebody asks. */
function counterFor<M>(registry: Registry, source: () => M | undefined) {
  return (name: string, help: string, read: (metrics: M) => readonly Row[], labelNames: string[] = []): void => {
    new Counter({
      ...{ name, help, labelNames, registers: [registry] },
      collect() {
        const metrics = source();
        this.reset();
        for (const [labels, value] of metrics === undefined ? [] : read(metrics)) this.inc(labels, value);
      },
    });
  };
}

function gauge(registry: Registry, name: string, help: string, read: () => number | undefined): void {
  new Gauge({
    ...{ name, help, registers: [registry] },
    collect() {
      this.set(read() ?? 0);
    },
  });
}
