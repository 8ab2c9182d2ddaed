/**
 * The crawler's connections: one undici agent whose sockets all pass the address guard, with limits on how many there
 * are, in all and to one origin.
 */
import type { Socket } from 'node:net';
import { Agent, buildConnector, type Dispatcher, errors } from 'undici';
import type { CodedError } from '../store/errors.ts';
import { type AddressGuard, forbidden, isForbiddenAddress } from './address-guard.ts';
import { crawlerError } from './errors.ts';
import { Proxies } from './proxies.ts';

export interface ConnectionOptions {
  readonly guard: AddressGuard;
  /** In use at once, in all. */
  readonly connectionsMax: number;
  readonly perOriginMax: number;
  readonly connectTimeoutMs: number;
  /** Between two pieces of a body. */
  readonly idleTimeoutMs: number;
  /** Of one body, as it comes over the wire. */
  readonly bodyBytesMax: number;
  /** PEM certificates to trust besides the public ones. */
  readonly ca?: string;
}

export interface Connections extends AsyncDisposable {
  readonly agent: Agent;
  /** By way of a proxy, which looks names up itself and is trusted to know where it may connect. */
  through(proxy: string): Dispatcher;
  /** Why this IP address must not be asked for; undefined: it may, or it is a name. */
  refusal(host: string): CodedError | undefined;
  /** True where so many are open that the next one should not be kept for later. */
  crowded(): boolean;
  /**
   * True where a kept connection was closed by the server just when it was used again: nothing is wrong, and the
   * request may be repeated on a new one (RFC 9112 section 9.3.1).
   */
  wasStale(error: unknown): boolean;
}

/** Servers close idle connections after 5 s or more; a host is asked again after a second. */
const KEEP_ALIVE_MS = 4_000;

/** Open at once, idle ones included; beyond that none is kept. Well below what systems allow a process (4,096 files). */
const KEPT_CONNECTIONS_MAX = 1_024;

/** Node's default of 16 KiB is less than some content security policies. */
const HEADER_BYTES_MAX = 64 * 1024;

/** What frames a large body (chunks) is much less than the body. */
const BYTES_PER_BODY_BYTE = 1.25;

export function openConnections(options: ConnectionOptions): Connections {
  const { guard } = options;
  const bytesReadAtError = new WeakMap<Error, number>();
  let open = 0;

  const connect = buildConnector({
    timeout: options.connectTimeoutMs,
    allowH2: false,
    // Both families are tried, the next after 250 ms (RFC 8305), each address behind the guard.
    autoSelectFamily: true,
    lookup: guard.lookup,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });

  const watch = (socket: Socket) => {
    open += 1;
    socket.once('close', () => {
      open -= 1;
    });
    socket.prependListener('error', (error: Error) => bytesReadAtError.set(error, socket.bytesRead));
  };

  const guarded: buildConnector.connector = (target, callback) => {
    // `net.connect` looks no IP address up, so the guard is asked here.
    if (isForbiddenAddress(guard, target.hostname)) {
      queueMicrotask(() => callback(forbidden(target.hostname, target.hostname), null));
      return;
    }
    connect(target, (...result) => {
      // At run time the second argument is missing where there is an error.
      if (result[0] === null) {
        watch(result[1]);
        limitAnswer(result[1], BYTES_PER_BODY_BYTE * options.bodyBytesMax + HEADER_BYTES_MAX);
      }
      callback(...result);
    });
  };

  const agent = new Agent({
    connect: guarded,
    connections: options.perOriginMax,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    headersTimeout: 0,
    bodyTimeout: options.idleTimeoutMs,
    maxHeaderSize: HEADER_BYTES_MAX,
  });

  const { perOriginMax, connectTimeoutMs, idleTimeoutMs, ca } = options;
  const proxies = new Proxies({
    ...{ perOriginMax, connectTimeoutMs, idleTimeoutMs, headerBytesMax: HEADER_BYTES_MAX },
    ...(ca === undefined ? {} : { ca }),
  });

  return {
    agent,
    through: (proxy) => proxies.agent(proxy),
    refusal: (host) => (isForbiddenAddress(guard, host) ? forbidden(host, host) : undefined),
    crowded: () => open >= Math.max(options.connectionsMax, KEPT_CONNECTIONS_MAX),
    wasStale: (error) => {
      if (error instanceof errors.SocketError) return (error.socket?.bytesRead ?? 0) > 0;
      return error instanceof Error && (bytesReadAtError.get(error) ?? 0) > 0;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([agent.destroy(), proxies[Symbol.asyncDispose]()]);
    },
  };
}

/**
 * Ends a connection on which one answer takes more bytes than any body may have: what is neither header nor body, such as
 * an endless chunk extension, is counted nowhere else.
 */
function limitAnswer(socket: Socket, bytesMax: number): void {
  let requests = -1;
  let from = 0;
  socket.prependListener('readable', () => {
    // Something was written since: this is the answer to another request.
    if (socket.bytesWritten !== requests) {
      requests = socket.bytesWritten;
      from = socket.bytesRead;
    } else if (socket.bytesRead - from > bytesMax) {
      socket.destroy(crawlerError('FETCH_TOO_LARGE', `The answer takes more than ${bytesMax} bytes`));
    }
  });
}
