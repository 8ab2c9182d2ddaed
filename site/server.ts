import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { buildApp } from './app.ts';
import { siteError } from './errors.ts';
import { Keeping } from './keeping.ts';
import { newSiteMetrics, type SiteMetrics } from './metrics.ts';
import { ReadSpread } from './read-spread.ts';
import { Reading } from './reading.ts';
import type { Site, SiteOptions } from './site.ts';
import { assetPaths } from './static-files.ts';
import { DEFAULT_USER } from './subscriptions.ts';

export type { SiteOptions } from './site.ts';

/** Requests in flight get so long to finish when the site closes. */
const CLOSE_MS_MAX = 5_000;
/** How far a replica that is read from may be behind, where nothing else is said. */
const READ_STALENESS_MS = 5_000;

export interface RunningSite extends AsyncDisposable {
  /** For people: `http://localhost:8080`. */
  readonly url: string;
  readonly address: AddressInfo;
  readonly metrics: SiteMetrics;
  /** Takes no more connections, finishes requests in flight, gives the writers back. */
  close(): Promise<void>;
}

/** Starts the readers' site. Throws SITE_PORT_TAKEN, SITE_PORT_FORBIDDEN, SITE_ADDRESS_UNKNOWN and STORE_*. */
export async function startSite(options: SiteOptions): Promise<RunningSite> {
  const metrics = newSiteMetrics();
  const { store, clock } = options;
  const { readReplicas = [], readStalenessMsMax = READ_STALENESS_MS } = options;
  const spread = { primary: store.articles, replicas: readReplicas, stalenessMsMax: readStalenessMsMax };
  const reads = new ReadSpread({ ...spread, clock, metrics });
  const reading = await Reading.open({ store, user: DEFAULT_USER, clock, metrics, reads });
  await reads.start();
  const keeping = await Keeping.open(store);
  const site: Site = { options, reading, keeping, metrics, asset: assetPaths(), imports: new Map() };
  const app = await buildApp(site);
  await listen(app, options.listen).catch(async (error: unknown) => {
    reads[Symbol.dispose]();
    await app.close();
    throw error;
  });
  const address = app.server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= closeSite(app, reading);
    return closing;
  };
  return { url: urlOf(options.listen.host, address), address, metrics, close, [Symbol.asyncDispose]: close };
}

async function listen(app: FastifyInstance, { host, port }: SiteOptions['listen']): Promise<void> {
  const { level } = app.log;
  // Who starts the site tells where it listens.
  app.log.level = 'silent';
  try {
    await app.listen({ host, port });
    app.log.level = level;
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    const input = `${host}:${port}`;
    const details = { input, cause: error };
    if (reason === 'EADDRINUSE') throw siteError('SITE_PORT_TAKEN', `Port ${port} is in use on ${host}.`, details);
    if (reason === 'EACCES') throw siteError('SITE_PORT_FORBIDDEN', `Port ${port} may not be used.`, details);
    if (reason === 'EADDRNOTAVAIL' || reason === 'ENOTFOUND' || reason === 'EAI_AGAIN') {
      throw siteError('SITE_ADDRESS_UNKNOWN', `${host} is no address of this machine.`, details);
    }
    throw error;
  }
}

async function closeSite(app: FastifyInstance, reading: Reading): Promise<void> {
  const patience = new AbortController();
  const tooLong = delay(CLOSE_MS_MAX, undefined, { signal: patience.signal }).then(
    () => app.server.closeAllConnections(),
    () => {},
  );
  const closed = app.close();
  await Promise.race([closed, tooLong]);
  await closed;
  patience.abort();
  reading.reads[Symbol.dispose]();
  await reading.close();
}

/** A browser on this machine reaches a site that listens everywhere by `localhost`. */
function urlOf(host: string, { address, port, family }: AddressInfo): string {
  const isEverywhere = address === '0.0.0.0' || address === '::';
  if (isEverywhere || host === 'localhost') return `http://localhost:${port}`;
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}
