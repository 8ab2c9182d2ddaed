import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Access, AccessLog, type AccessStats } from './access-log.ts';
import { openControl } from './control.ts';
import type { WorldFeed } from './feed.ts';
import type { FeedFormat, FeedKind } from './kinds.ts';
import { openListeners } from './listeners.ts';
import { makeRoutes } from './routes.ts';
import { Shelf } from './shelf.ts';
import type { World } from './world.ts';
import { worldOpml } from './world-opml.ts';

export interface ServeOptions {
  /** Of every host; 0: a free one. Default 0. */
  readonly port?: number;
  /** Also answer `/__world/...` on 127.0.0.1. Default true. */
  readonly control?: boolean;
  /** Requests remembered. Default 20,000. */
  readonly logMax?: number;
  readonly onAccess?: (access: Access) => void;
}

export interface ServedFeed {
  readonly index: number;
  /** The address that subscribers know. */
  readonly url: string;
  readonly siteUrl: string;
  readonly title: string;
  readonly folder: string | null;
  readonly kind: FeedKind;
  readonly format: FeedFormat;
}

/** What a world can be told and asked while it is served. */
export interface Handles {
  readonly world: World;
  readonly feeds: readonly ServedFeed[];
  opml(): string;
  /** Time goes on by so many ms. */
  advance(ms: number): void;
  /** Every feed that publishes gets so many new entries. */
  publish(entries: number): void;
  /** Makes every document, plain and compressed, ahead of the requests. */
  prepare(): Promise<void>;
  /** Oldest first. */
  log(): readonly Access[];
  clearLog(): void;
  stats(): AccessStats;
}

export interface RunningWorld extends Handles, AsyncDisposable {
  /** `http://127.0.0.1:PORT/__world/`; null without control. */
  readonly control: string | null;
  /** Ends every connection, those that wait for an answer too. */
  close(): Promise<void>;
}

const LOG_MAX = 20_000;
const KEEP_ALIVE_MS = 30_000;
/** Documents made in one go before requests get their turn. */
const PREPARE_BATCH = 20;

/** Serves a world on loopback addresses only. Throws WORLD_NO_ADDRESS. */
export async function serveWorld(world: World, options: ServeOptions = {}): Promise<RunningWorld> {
  const log = new AccessLog(options.logMax ?? LOG_MAX, options.onAccess);
  const sockets = new Map<Socket, number>();
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true });
  const listeners = await openListeners(world.options.hosts, options.port ?? 0, (socket, host) => {
    sockets.set(socket, host);
    socket.on('close', () => sockets.delete(socket));
    // A client that goes away in the middle is nobody's trouble here.
    socket.on('error', () => {});
    server.emit('connection', socket);
  });
  const origins = listeners.places.map(({ address, port }) => `http://${address}:${port}`);
  const shelf = new Shelf(world, (feed) => origins[feed.host] ?? '');
  const delayed = answerRequests(server, world, shelf, origins, sockets, log);
  const handles = handlesOf(world, shelf, origins, log);
  const control = options.control === false ? null : await openControl(handles, listeners.places[0]?.port ?? 0);
  const close = async (): Promise<void> => {
    for (const timer of delayed) clearTimeout(timer);
    for (const socket of sockets.keys()) socket.destroy();
    await Promise.all([listeners.close(), control?.close()]);
  };
  return { ...handles, control: control?.url ?? null, close, [Symbol.asyncDispose]: close };
}

/** Returns the timers of answers that are held back. */
function answerRequests(
  server: ReturnType<typeof createServer>,
  world: World,
  shelf: Shelf,
  origins: readonly string[],
  sockets: ReadonlyMap<Socket, number>,
  log: AccessLog,
): ReadonlySet<NodeJS.Timeout> {
  const routeTo = makeRoutes(world, shelf, origins);
  const delayed = new Set<NodeJS.Timeout>();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const host = sockets.get(request.socket) ?? 0;
    const path = request.url ?? '/';
    const route = routeTo(host, path.split(/[?#]/, 1)[0] ?? '/');
    const finish = (): void => {
      log.add({
        at: Date.now(),
        worldMs: world.now(),
        host: origins[host]?.slice('http://'.length) ?? '',
        feed: route.feed?.index ?? null,
        method: request.method ?? '',
        path,
        headers: request.headers,
        ...route.answer(request, response),
      });
    };
    if (route.delayMs === 0) return finish();
    const timer = setTimeout(() => {
      delayed.delete(timer);
      if (!response.destroyed) finish();
    }, route.delayMs);
    delayed.add(timer);
  });
  return delayed;
}

function handlesOf(world: World, shelf: Shelf, origins: readonly string[], log: AccessLog): Handles {
  const feeds = world.feeds.map((feed) => servedFeed(feed, origins[feed.host] ?? ''));
  return {
    world,
    feeds,
    opml: () => worldOpml(feeds),
    advance: (ms) => world.advance(ms),
    publish: (entries) => world.publish(entries),
    prepare: () => prepareAll(world, shelf),
    log: () => log.entries(),
    clearLog: () => log.clear(),
    stats: () => log.stats(),
  };
}

function servedFeed(feed: WorldFeed, origin: string): ServedFeed {
  return {
    index: feed.index,
    url: origin + feed.listedPath,
    siteUrl: `${origin}/${feed.slug}/`,
    title: feed.title,
    folder: feed.folder,
    kind: feed.kind,
    format: feed.format,
  };
}

async function prepareAll(world: World, shelf: Shelf): Promise<void> {
  for (const [i, feed] of world.feeds.entries()) {
    shelf.get(feed, false);
    if (world.options.gzip) shelf.get(feed, true);
    if (i % PREPARE_BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}
