import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { pauseIn, readPause } from '../crawler/pause/note.ts';
import { RequestsUnderWay } from '../replicator/stand-aside.ts';
import type { RunningSite } from '../site/server.ts';
import type { CodedError } from '../store/errors.ts';
import { openStore } from '../store/open.ts';
import type { CommandSpec, Invocation } from './command.ts';
import { crawlLimits, crawlQueue, logTrouble } from './crawl.ts';
import { logPause, processKind } from './crawler-hooks.ts';
import { cliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { fetcherOptions } from './fetcher-options.ts';
import { HALF_RESTORED_ADVICE, halfRestored } from './half-restored.ts';
import { probeListen } from './listen-probe.ts';
import { openLog } from './log.ts';
import { migrationText } from './opened-store.ts';
import { readReplicas } from './read-replicas.ts';
import { wishByName } from './replicate-wishes.ts';
import { startReplication } from './replication.ts';
import { type ListenAddress, listenAddress, queueUrl } from './setting-kinds.ts';
import { SETTING_NAMES, type Settings } from './setting-table.ts';
import { FENCED_ADVICE, shownRole } from './site-role.ts';
import { siteServices } from './site-services.ts';
import { stopSignals } from './stop-signals.ts';
import { TEST_CRAWLED_ADVICE, testCrawled } from './test-crawled.ts';

/** Longest orderly end, in ms. A service manager that kills after 10 s finds nobody. */
const SHUTDOWN_MS_MAX = 9_500;

export const serveCommand: CommandSpec = {
  usage: 'serve',
  about: 'serve the web pages and crawl, until stopped',
  json: 'log lines as JSON (also where the output is no terminal)',
  settings: SETTING_NAMES,
  examples: [
    'feedferry serve                       # http://localhost:8080, store in ./data',
    'feedferry serve --listen 0.0.0.0:9000 --hosts reader.example.org',
  ],
  async run(invocation) {
    const settings = invocation.settings();
    const log = openLog(invocation.io.stdout, settings.logLevel, invocation.json);
    for (const warning of invocation.resolved.warnings) log.warn(warning);
    using stop = stopSignals();
    await requirePort(settings.listen);
    const stack = new AsyncDisposableStack();
    try {
      await start(invocation, settings, log, stack);
    } catch (error) {
      await stack.disposeAsync().catch(() => {});
      throw error;
    }
    log.info(`${await stop.stopped}: finishing what is in flight; again to stop at once`);
    // Awaited here, so that a second signal still finds its handler.
    return await endWithin(stack, log);
  },
};

/** Asked before the store is opened: an upgrade of a store that another process serves would be a bad surprise. */
async function requirePort(listen: ListenAddress): Promise<void> {
  const probe = await probeListen(listen);
  if (probe.kind === 'refused') throw probe.error;
  if (probe.kind === 'free') return;
  const where = listenAddress.show(listen);
  throw cliError('PORT_IN_USE', `Feedferry runs already on ${where}`, {
    input: where,
    advice: `Open http://${where}/, or choose another port: feedferry serve --listen 8081`,
  });
}

/** Everything that must be closed again goes onto the stack, in the order of starting. */
async function start({ io }: Invocation, settings: Settings, log: Logger, stack: AsyncDisposableStack): Promise<void> {
  const [{ openFetcher }, { startCrawler }, { openHubs }, { startSite }, { metricsText }] = await Promise.all([
    import('../crawler/fetch.ts'),
    import('../crawler/run.ts'),
    import('./hubs.ts'),
    import('../site/server.ts'),
    import('./metrics.ts'),
  ]);
  const { clock, random } = io;
  const store = stack.use(
    await openStore(settings.store, { clock, onMigration: (event) => log.info(migrationText(event)) }),
  );
  const half = await halfRestored(store);
  if (half !== null) log.warn({ advice: HALF_RESTORED_ADVICE }, half);
  const test = await testCrawled(store);
  if (test !== null) log.warn({ advice: TEST_CRAWLED_ADVICE }, test);
  const role = await shownRole(store);
  if (role?.isFenced) log.warn({ advice: FENCED_ADVICE }, `This site was ${role.text}`);
  else if (role?.isReplica) log.info(`This site is a ${role.text}: readers can read, and nothing is crawled or edited`);
  const fetcher = stack.use(openFetcher(fetcherOptions(settings, store, clock)));
  const queue = await crawlQueue(settings, store, clock);
  if (queue !== undefined) stack.use(queue);
  const options = {
    ...{ store, fetcher, queue, clock, random, ...crawlLimits(settings) },
    process: processKind('serve', settings),
  };
  const onTrouble = (error: CodedError | null): void => logTrouble(log, error);
  const requests = new RequestsUnderWay();
  const thread = { store: settings.store, cwd: io.cwd, requests: requests.cell };
  const replication = stack.use(startReplication(store.control, thread, log));
  const hubs = stack.use(openHubs(settings, { store, fetcher, clock, random }));
  const crawler = settings.crawler
    ? startCrawler({
        ...{ ...options, onTrouble, subscriber: hubs.subscriber },
        onPause: (pause) => logPause(log, pause),
      })
    : null;
  hubs.onDue(() => crawler?.wake());
  const replicas = readReplicas(settings.readFrom, store.site, clock, stack);
  let site: RunningSite | undefined;
  stack.defer(async () => {
    await Promise.all([crawler?.stop(), site?.close()]);
  });
  const services = siteServices({ ...options, onPolled: hubs.onPolled }, crawler);
  site = await startSite({
    ...{ store, clock, log, listen: settings.listen, hosts: [...settings.hosts, ...hubs.hosts] },
    ...services,
    ...{ hubs: hubs.callbacks, hubOf: hubs.shown },
    crawlerStatus: () => ({ ...services.crawlerStatus(), hubs: hubs.status() }),
    readReplicas: replicas,
    readStalenessMsMax: settings.readStaleness,
    requestBegan: requests.begin,
    replicationStatus: () => replication.statuses(),
    replicationWish: (name, action, wished) => wishByName(store.control, name, action, wished),
    metricsText: metricsText({
      crawler: () => crawler?.status().metrics,
      isPaused: async () => pauseIn(await readPause(store.control)) !== null,
      hubs: () => hubs.status(),
      site: () => site?.metrics,
      replication: () => replication.statuses(),
    }),
  });
  const crawling = settings.crawler ? 'on' : 'off';
  const about = { store: store.url, queue: queueUrl.show(settings.queue), crawler: crawling };
  log.info(about, `Feedferry is ready at ${friendlyUrl(site.url)}`);
}

async function endWithin(stack: AsyncDisposableStack, log: Logger): Promise<ExitCode> {
  const patience = new AbortController();
  const late = delay(SHUTDOWN_MS_MAX, 'late', { signal: patience.signal }).catch(() => 'in time');
  try {
    const ended = await Promise.race([stack.disposeAsync(), late]);
    if (ended === 'late') throw cliError('SHUTDOWN_TIMEOUT', `Not everything ended within ${SHUTDOWN_MS_MAX / 1000} s`);
  } finally {
    patience.abort();
  }
  log.info('Stopped');
  return EXIT.done;
}

/** People know this machine by its name. */
function friendlyUrl(url: string): string {
  return url.replace('//127.0.0.1:', '//localhost:');
}
