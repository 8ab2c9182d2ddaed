/** The stage on loopback: real HTTP, in simulated time. Everything that is asked is written down. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { openListeners } from '../feed-world/listeners.ts';
import { renderFeed } from '../feed-world/render.ts';
import type { Ask, Place, Reply } from './publisher.ts';
import type { SimulatedClock } from './simulated-clock.ts';
import { hostOfPlace, joinedMs, type Publisher, pathOfPlace, placeAt, type Stage } from './stage.ts';
import type { Visit } from './visit.ts';

export interface ServedStage extends AsyncDisposable {
  url(publisher: Publisher, place: Place): string;
  readonly visits: readonly Visit[];
  /** Requests whose answer waits for simulated time to pass. */
  holding(): number;
  /** What came from this publisher from this request on was never kept. */
  forget(publisher: number, fromSeq: number): void;
}

/** Simulated, or only fast. */
export type PlayClock = Pick<SimulatedClock, 'now' | 'sleep'>;

type Draft = { -readonly [Name in keyof Visit]: Visit[Name] };
type Document = Extract<Reply, { kind: 'document' }>;

const HOUR_MS = 3_600_000;
const KEEP_ALIVE_MS = 30_000;

/** Throws WORLD_NO_ADDRESS. */
export async function serveStage(stage: Stage, clock: PlayClock): Promise<ServedStage> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true });
  const sockets = new Map<Socket, number>();
  const listeners = await openListeners(stage.hosts, 0, (socket, host) => {
    sockets.set(socket, host);
    socket.on('close', () => sockets.delete(socket));
    // A client that goes away in the middle is nobody's trouble here.
    socket.on('error', () => {});
    server.emit('connection', socket);
  });
  const origins = listeners.places.map(({ address, port }) => `http://${address}:${port}`);
  const play = new Play(stage, clock, origins);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void play.take(request, response, sockets.get(request.socket) ?? 0);
  });
  return {
    url: (publisher, place) => play.url(publisher, place),
    visits: play.visits,
    holding: () => play.holding,
    forget: (publisher, fromSeq) => {
      for (const visit of play.visits) if (visit.seq >= fromSeq && visit.publisher === publisher) visit.lost = true;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets.keys()) socket.destroy();
      await listeners.close();
    },
  };
}

class Play {
  readonly visits: Draft[] = [];
  holding = 0;
  readonly #stage: Stage;
  readonly #clock: PlayClock;
  readonly #origins: readonly string[];
  readonly #inHand = new Map<number, number>();
  readonly #asked = new Map<number, number>();
  /** Publisher -> step that it gave last. */
  readonly #given = new Map<number, number>();

  constructor(stage: Stage, clock: PlayClock, origins: readonly string[]) {
    this.#stage = stage;
    this.#clock = clock;
    this.#origins = origins;
  }

  url(publisher: Publisher, place: Place): string {
    return `${this.#origins[hostOfPlace(publisher, place)] ?? ''}${pathOfPlace(publisher, place)}`;
  }

  async take(request: IncomingMessage, response: ServerResponse, host: number): Promise<void> {
    const inHand = (this.#inHand.get(host) ?? 0) + 1;
    this.#inHand.set(host, inHand);
    const found = placeAt(this.#stage, host, request.url ?? '/');
    const visit = this.#noted(request, host, inHand, found);
    response.once('close', () => {
      this.#inHand.set(host, (this.#inHand.get(host) ?? 1) - 1);
      visit.endMs ??= this.#clock.now();
    });
    if (found === null) {
      visit.status = 404;
      return void response.writeHead(404).end();
    }
    const { publisher, place } = found;
    const ask = this.#ask(request, publisher, place);
    const reply = publisher.kind.answer(ask);
    if (reply.takesMs !== undefined) {
      const gone = new AbortController();
      response.once('close', () => gone.abort());
      this.holding += 1;
      await this.#clock.sleep(reply.takesMs, gone.signal);
      this.holding -= 1;
    }
    visit.asksMs = reply.asksMs ?? 0;
    visit.hostAsksMs = reply.hostAsksMs ?? 0;
    if (!response.destroyed) this.#answer(visit, ask, response, reply, publisher);
  }

  #noted(request: IncomingMessage, host: number, inHand: number, found: ReturnType<typeof placeAt>): Draft {
    const origin = this.#origins[host] ?? '';
    const visit: Draft = {
      ...{ seq: this.visits.length, at: Date.now(), worldMs: this.#clock.now(), endMs: null, inHand },
      ...{ host: origin.slice('http://'.length), address: new URL(origin).hostname },
      ...{ publisher: found?.publisher.index ?? null, place: found?.place ?? null },
      feed: found === null || found.place === 'page' ? null : found.publisher.index,
      ...{ method: request.method ?? '', path: request.url ?? '/', headers: request.headers },
      ...{ status: null, bytes: 0, location: null, gave: null, unreadable: false },
      ...{ asksMs: 0, hostAsksMs: 0, lost: false },
    };
    this.visits.push(visit);
    return visit;
  }

  #ask(request: IncomingMessage, publisher: Publisher, at: Place): Ask {
    const { endMs, world } = this.#stage;
    const now = this.#clock.now();
    world.advance(now - world.now());
    const joined = joinedMs(this.#stage, publisher);
    const nth = this.#asked.get(publisher.index) ?? 0;
    this.#asked.set(publisher.index, nth + 1);
    const step = world.step(publisher.feed);
    const { modifiedMs } = renderFeed(world.options, publisher.feed, step, this.#origins[publisher.homeHost] ?? '');
    const day = (now - joined) / (24 * HOUR_MS);
    return {
      ...{ headers: request.headers, now, nth, at, step, modifiedMs, day },
      part: (now - joined) / (endMs - joined),
      hour: (now % (24 * HOUR_MS)) / HOUR_MS,
    };
  }

  #answer(visit: Draft, ask: Ask, response: ServerResponse, reply: Reply, publisher: Publisher): void {
    visit.endMs = this.#clock.now();
    const headers: Record<string, string | string[]> = {};
    for (const [name, value] of Object.entries(reply.headers ?? {})) {
      headers[name] = typeof value === 'string' ? value : [...value];
    }
    switch (reply.kind) {
      case 'silence':
        visit.endMs = null;
        return;
      case 'status':
        visit.status = reply.status;
        return void response.writeHead(reply.status, headers).end(`${reply.status}\n`);
      case 'redirect':
        visit.status = reply.status;
        visit.location = this.url(publisher, reply.to);
        return void response.writeHead(reply.status, { ...headers, location: visit.location }).end();
      case 'page':
        visit.status = 200;
        return void response
          .writeHead(200, { ...headers, 'content-type': 'text/html' })
          .end(this.#page(publisher, reply));
      case 'document':
        this.#document(visit, ask, response, reply, headers, publisher);
    }
  }

  #document(
    visit: Draft,
    ask: Ask,
    response: ServerResponse,
    reply: Document,
    headers: Record<string, string | string[]>,
    publisher: Publisher,
  ): void {
    const { etag = null, lastModified = null } = reply;
    const validators = {
      ...(etag === null ? {} : { etag }),
      ...(lastModified === null ? {} : { 'last-modified': lastModified }),
    };
    const { index } = publisher;
    if (isUnmodified(ask, reply, this.#given.get(index))) {
      visit.status = 304;
      const bare = reply.bare304 === true;
      visit.gave = bare ? { etag: null, lastModified: null } : { etag, lastModified };
      return void response.writeHead(304, { ...headers, ...(bare ? {} : validators) }).end();
    }
    const body = this.#body(publisher, ask.step, reply);
    visit.status = 200;
    visit.bytes = body.length;
    visit.unreadable = reply.unreadable === true;
    const type = reply.unreadable === true ? 'text/html' : 'application/rss+xml; charset=utf-8';
    response.writeHead(200, { ...headers, ...validators, 'content-type': type, 'content-length': body.length });
    if (reply.breaks === true) {
      return void response.write(body.subarray(0, body.length / 2), () => response.socket?.resetAndDestroy());
    }
    visit.gave = { etag, lastModified };
    this.#given.set(index, ask.step);
    response.end(body);
  }

  #body({ feed, homeHost }: Publisher, step: number, reply: Document): Buffer {
    if (reply.unreadable === true) return Buffer.from('<!DOCTYPE html><title>Parked</title><h1>Buy this name</h1>');
    const { body } = renderFeed(this.#stage.world.options, feed, step, this.#origins[homeHost] ?? '');
    if (reply.channel === undefined) return body;
    return Buffer.from(body.toString().replace('<language>', `${reply.channel}\n<language>`));
  }

  #page(publisher: Publisher, { feed }: Extract<Reply, { kind: 'page' }>): string {
    const url = feed === null ? null : this.url(publisher, feed);
    const link = url === null ? '' : `<link rel="alternate" type="application/rss+xml" title="Feed" href="${url}">`;
    return `<!DOCTYPE html><html><head><title>A site</title>${link}</head><body><h1>A site</h1></body></html>`;
  }
}

/** ETags compare weakly, all else byte for byte: what a publisher gave is what must come back. */
function isUnmodified({ headers, step }: Ask, reply: Document, given: number | undefined): boolean {
  if (reply.deaf === true) return false;
  const noneMatch = headers['if-none-match'];
  const since = headers['if-modified-since'];
  if (reply.renews === true) return (noneMatch !== undefined || since !== undefined) && given === step;
  if (noneMatch !== undefined) return reply.etag != null && opaque(noneMatch) === opaque(reply.etag);
  return since !== undefined && since === reply.lastModified;
}

function opaque(etag: string): string {
  return etag.startsWith('W/') ? etag.slice(2) : etag;
}
