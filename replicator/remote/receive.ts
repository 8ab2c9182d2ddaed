/**
 * The remote end of replication: an HTTPS server that offers a store as a `Target` (docs/receive.md). Its counterpart is
 * `https-target.ts`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { CodedError } from '../../store/errors.ts';
import { storeTarget } from '../applying/store-target.ts';
import { replicatorError } from '../errors.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import type { Runtime } from '../runtime.ts';
import { isLoopback } from './loopback.ts';
import { announcedBytes, answerWith, isOurs, readBody, sendErrorEarly } from './receive-answer.ts';
import { Guard } from './receive-guard.ts';
import { RECEIVER_LIMITS, type ReceiverLimits, TOKEN_CHARS_MIN } from './receive-limits.ts';
import { Routes } from './receive-routes.ts';
import { type SessionStatus, Sessions } from './receive-sessions.ts';
import { otherProtocol } from './wire/damage.ts';
import { PROTOCOL, PROTOCOL_HEADER } from './wire/limits.ts';

const CONNECTIONS_MAX = 512;
const HEADER_BYTES_MAX = 16 * 1024;
const HEADERS_MAX = 100;
/** A connection on which nothing moves; work that takes longer gives signs of life. */
const IDLE_MS_MAX = 120_000;
/** Longer than the client's, so that it is the client who ends idle connections. */
const KEEP_ALIVE_MS = 75_000;
/** How often requests that take too long are looked for. */
const CHECK_MS = 2_000;

/** Pino's loggers are such. */
export interface ReceiverLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface ReceiverOptions {
  readonly store: ReplicatedStore;
  readonly engine: 'sqlite' | 'mongodb';
  readonly listen: { readonly host: string; readonly port: number };
  /** What senders must have. At least `TOKEN_CHARS_MIN` characters, no blanks. */
  readonly token: string;
  /** A certificate chain and its key, both PEM. Null: plain HTTP, on loopback only. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Without TLS on any address: a proxy in front does it. */
  readonly insecure?: boolean;
  readonly runtime: Runtime;
  readonly log?: ReceiverLog;
  readonly limits?: Partial<ReceiverLimits>;
}

export interface ReceiverStatus {
  readonly url: string;
  readonly sessions: readonly SessionStatus[];
  /** Since the start. */
  readonly requests: number;
  readonly bytes: number;
  /** Came with a wrong token. */
  readonly refused: number;
}

export interface RunningReceiver extends AsyncDisposable {
  readonly url: string;
  status(): ReceiverStatus;
  /** New connections get this certificate; those that are there go on. Throws RECEIVER_TLS_INVALID. */
  renewTls(tls: { readonly cert: string; readonly key: string }): void;
  /** Takes no more requests, finishes those in flight, ends the sessions: within 10 s. The store stays open. */
  close(): Promise<void>;
}

/** Throws RECEIVER_INSECURE, RECEIVER_TOKEN_SHORT, RECEIVER_TLS_INVALID and RECEIVER_ADDRESS_UNUSABLE. */
export async function startReceiver(options: ReceiverOptions): Promise<RunningReceiver> {
  checkOptions(options);
  const receiver = new Receiver(options);
  await receiver.listen();
  return receiver;
}

class Receiver implements RunningReceiver {
  readonly #options: ReceiverOptions;
  readonly #limits: ReceiverLimits;
  readonly #server: Server;
  readonly #guard: Guard;
  readonly #sessions: Sessions;
  readonly #routes: Routes;
  readonly #end = new AbortController();
  #url = '';
  #requests = 0;
  #bytes = 0;
  #bytesInFlight = 0;
  #inFlight = 0;
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ReceiverOptions) {
    const { store, engine, token, runtime, log } = options;
    this.#options = options;
    this.#limits = { ...RECEIVER_LIMITS, ...options.limits };
    const target = storeTarget(store, { engine, runtime });
    this.#guard = new Guard(token, this.#limits.wrongTokenMs, runtime, log);
    this.#sessions = new Sessions(target, this.#limits, runtime, log);
    this.#routes = new Routes(target, this.#sessions, runtime);
    this.#server = serverFor(options, this.#limits);
    this.#server.on('request', (request, response) => void this.#handle(request, response));
  }

  get url(): string {
    return this.#url;
  }

  status(): ReceiverStatus {
    const sessions = this.#sessions.status();
    return { url: this.#url, sessions, requests: this.#requests, bytes: this.#bytes, refused: this.#guard.refused };
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options.listen;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen({ host, port }, resolve);
    try {
      await promise;
    } catch (cause) {
      const message = `Can't listen on ${host}:${port}: ${(cause as Error).message}`;
      throw replicatorError('RECEIVER_ADDRESS_UNUSABLE', message, { input: `${host}:${port}`, cause });
    }
    this.#server.off('error', reject);
    this.#server.on('error', (err) => this.#options.log?.warn({ err }, 'The server reported an error'));
    const address = this.#server.address() as AddressInfo;
    const shown = host.includes(':') ? `[${host}]` : host;
    this.#url = `${this.#options.tls ? 'https' : 'http'}://${shown}:${address.port}`;
    void this.#sessions.sweep(this.#end.signal);
  }

  renewTls(tls: { readonly cert: string; readonly key: string }): void {
    checkTls(tls);
    if (this.#server instanceof TlsServer) this.#server.setSecureContext(tls);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { runtime } = this.#options;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const patience = new AbortController();
    const orderly = this.#whenIdle().then(() => this.#sessions.closeAll());
    await Promise.race([orderly, runtime.sleep(this.#limits.closeMsMax, patience.signal)]);
    patience.abort();
    this.#end.abort();
    this.#server.closeAllConnections();
    await closed;
  }

  #whenIdle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    this.#requests += 1;
    this.#inFlight += 1;
    try {
      await this.#answer(request, response);
    } catch (error) {
      if (!(error instanceof CodedError)) this.#logError(error);
      sendErrorEarly(request, response, error);
    } finally {
      this.#inFlight -= 1;
      if (this.#inFlight === 0) this.#onIdle?.();
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET' && request.url === '/healthz') return this.#tellHealth(response);
    if (!this.#guard.knows(request.headers.authorization)) {
      const refusal = await this.#guard.refuse(request.socket.remoteAddress ?? 'unknown');
      if (refusal === undefined) request.socket.destroy();
      else sendErrorEarly(request, response, refusal);
      return;
    }
    const protocol = String(request.headers[PROTOCOL_HEADER] ?? '');
    if (protocol !== String(PROTOCOL)) throw otherProtocol(protocol);
    if (this.#closing) throw replicatorError('RECEIVER_CLOSING', 'The receiver is being stopped.', { retryable: true });
    const route = this.#routes.find(new URL(request.url ?? '/', 'http://receiver').pathname);
    const bytes = announcedBytes(request, route.bodyBytesMax);
    if (this.#bytesInFlight + bytes > this.#limits.bytesMax) {
      throw replicatorError('RECEIVER_BUSY', 'The receiver has enough to do for the moment.', { retryable: true });
    }
    this.#bytesInFlight += bytes;
    try {
      const body = await readBody(request, bytes);
      this.#bytes += bytes;
      const onError = (error: unknown): void => this.#logError(error);
      await answerWith(response, this.#limits.heartbeatMs, () => route.run(body), onError);
    } finally {
      this.#bytesInFlight -= bytes;
    }
  }

  /** For a proxy that wants to know whether to send anybody here. */
  #tellHealth(response: ServerResponse): void {
    response.writeHead(this.#closing ? 503 : 200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify({ ok: this.#closing === undefined, receiver: true }));
  }

  #logError(error: unknown): void {
    if (isOurs(error)) this.#options.log?.warn({ err: error }, 'A request failed');
  }
}

function serverFor({ tls }: ReceiverOptions, limits: ReceiverLimits): Server {
  const { requestMsMax, headersMsMax } = limits;
  const common = {
    ...{ maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: headersMsMax, requestTimeout: requestMsMax },
    ...{ keepAliveTimeout: KEEP_ALIVE_MS, connectionsCheckingInterval: Math.min(CHECK_MS, headersMsMax) },
  };
  const server = tls ? createTlsServer({ ...common, ...tls, handshakeTimeout: headersMsMax }) : createServer(common);
  server.maxConnections = CONNECTIONS_MAX;
  server.maxHeadersCount = HEADERS_MAX;
  server.setTimeout(IDLE_MS_MAX);
  return server;
}

function checkOptions({ tls, token, listen, insecure }: ReceiverOptions): void {
  if (token.length < TOKEN_CHARS_MIN || /\s/.test(token)) {
    const message = `The token must be one word of at least ${TOKEN_CHARS_MIN} characters; this one has ${token.length}.`;
    throw replicatorError('RECEIVER_TOKEN_SHORT', message);
  }
  if (tls === null) {
    if (insecure === true || isLoopback(listen.host)) return;
    const message = `Without TLS the token and all documents could be read on the way to ${listen.host}.`;
    throw replicatorError('RECEIVER_INSECURE', message, { input: listen.host });
  }
  checkTls(tls);
}

function checkTls(tls: { readonly cert: string; readonly key: string }): void {
  try {
    createSecureContext(tls);
  } catch (cause) {
    const message = `Certificate or key can't be used: ${(cause as Error).message}`;
    throw replicatorError('RECEIVER_TLS_INVALID', message, { cause });
  }
}
