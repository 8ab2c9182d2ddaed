/**
 * A TCP proxy on loopback that misbehaves on demand: delay, a rate, cut, reset, refusal, requests that arrive twice, and
 * connections that stay open while nothing passes (a half-open peer, a lost acknowledgement). For tests of what survives a
 * bad network.
 */

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Bytes that wait for their delay in one direction of a connection; past this the sender is held. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;

/** Longest wait for a port that was given up to be free again. */
const PORT_MS_MAX = 20_000;

export interface Behaviour {
  /** Each chunk arrives this much later, each way. */
  readonly delayMs: number;
  /** Which way nothing passes while connections stay open. What is swallowed is lost. */
  readonly mute: 'none' | 'requests' | 'replies' | 'both';
  /** New connections are refused (ECONNREFUSED); those that are there go on. */
  readonly refuse: boolean;
  /** A connection is reset (ECONNRESET) once so many bytes of replies have passed; null: never. */
  readonly resetAfterBytes: number | null;
  /** As `resetAfterBytes`, of requests. */
  readonly resetAfterRequestBytes: number | null;
  /** All connections together, each way: as on one line. Null: no limit. */
  readonly bytesPerSecondMax: number | null;
  /** What comes on new connections goes to the server a second time, on a connection whose replies nobody gets. */
  readonly double: boolean;
}

export const WELL_BEHAVED: Behaviour = {
  ...{ delayMs: 0, mute: 'none', refuse: false, resetAfterBytes: null, resetAfterRequestBytes: null },
  ...{ bytesPerSecondMax: null, double: false },
};

export interface TcpProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Changes what is given; holds for connections that are there, too. Resolves when it is in force. */
  behave(change: Partial<Behaviour>): Promise<void>;
  /** Ends all connections: `cut` as a peer that closes, `reset` as one that crashed. Returns how many. */
  drop(how: 'cut' | 'reset'): number;
  counts(): ProxyCounts;
}

export interface ProxyCounts {
  /** Connections that are open, and that were ever accepted. */
  readonly open: number;
  readonly accepted: number;
  /** Bytes that were lost to `mute`; a test can wait for them. */
  readonly lostBytes: number;
  /** Bytes that passed. */
  readonly requestBytes: number;
  readonly replyBytes: number;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let behaviour = WELL_BEHAVED;
  let accepted = 0;
  const bytes = { lost: 0, requests: 0, replies: 0 };
  const lines = { requests: new Line(() => behaviour), replies: new Line(() => behaviour) };

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    accepted += 1;
    const pair = { client, server: connect({ ...target, allowHalfOpen: true, noDelay: true }) };
    pairs.add(pair);
    if (behaviour.double) double(client, target);
    join(pair, {
      ...{ behaviour: () => behaviour, lines },
      count: (what, length) => {
        bytes[what] += length;
      },
      gone: () => pairs.delete(pair),
    });
  });
  await listen(listener, 0);
  const { port } = listener.address() as AddressInfo;

  return {
    host: '127.0.0.1',
    port,
    async behave(change) {
      behaviour = { ...behaviour, ...change };
      if (behaviour.refuse && listener.listening) await closeListener(listener);
      if (!behaviour.refuse && !listener.listening) await listenAgain(listener, port);
    },
    drop(how) {
      const dropped = [...pairs];
      for (const pair of dropped) end(pair, how);
      return dropped.length;
    },
    counts: () => ({
      ...{ open: pairs.size, accepted, lostBytes: bytes.lost },
      ...{ requestBytes: bytes.requests, replyBytes: bytes.replies },
    }),
    async [Symbol.asyncDispose]() {
      for (const pair of pairs) end(pair, 'cut');
      if (listener.listening) await closeListener(listener);
    },
  };
}

interface Host {
  behaviour(): Behaviour;
  readonly lines: Readonly<Record<'requests' | 'replies', Line>>;
  count(what: 'requests' | 'replies' | 'lost', bytes: number): void;
  /** Called once, when both sides are closed. */
  gone(): void;
}

function join(pair: Pair, host: Host): void {
  const { client, server } = pair;
  let closed = 0;

  const pass = (way: 'requests' | 'replies'): ((chunk: Buffer) => boolean) => {
    let bytes = 0;
    return (chunk) => {
      const { mute, resetAfterBytes, resetAfterRequestBytes } = host.behaviour();
      const passed = passes(mute, way);
      host.count(passed ? way : 'lost', chunk.length);
      if (!passed) return false;
      bytes += chunk.length;
      const limit = way === 'requests' ? resetAfterRequestBytes : resetAfterBytes;
      if (limit !== null && bytes > limit) end(pair, 'reset');
      return !client.destroyed;
    };
  };
  forward(client, server, host, host.lines.requests, pass('requests'));
  forward(server, client, host, host.lines.replies, pass('replies'));
  for (const socket of [client, server]) {
    socket.on('error', () => end(pair, 'reset'));
    socket.on('close', () => {
      closed += 1;
      if (closed === 2) host.gone();
      else if (passes(host.behaviour().mute, 'both')) end(pair, 'cut');
    });
  }
}

function passes(mute: Behaviour['mute'], way: 'requests' | 'replies' | 'both'): boolean {
  if (way === 'both') return mute === 'none';
  return mute !== 'both' && mute !== way;
}

/** One direction of the line that all connections share. */
class Line {
  readonly #behaviour: () => Behaviour;
  #freeAt = 0;

  constructor(behaviour: () => Behaviour) {
    this.#behaviour = behaviour;
  }

  /** When so many bytes that are sent now have arrived, of `performance.now`. */
  arrival(bytes: number): number {
    const { delayMs, bytesPerSecondMax } = this.#behaviour();
    const now = performance.now();
    if (bytesPerSecondMax === null) return now + delayMs;
    this.#freeAt = Math.max(this.#freeAt, now) + (bytes * 1000) / bytesPerSecondMax;
    return this.#freeAt + delayMs;
  }
}

/** Chunks keep their order, as each waits for the one before; the end of the stream waits for them all. */
function forward(from: Socket, to: Socket, host: Host, line: Line, pass: (chunk: Buffer) => boolean): void {
  let waitingBytes = 0;
  let last: Promise<void> = Promise.resolve();

  const later = (bytes: number, action: () => void): void => {
    const at = line.arrival(bytes);
    last = last.then(() => until(at)).then(action);
  };
  from.on('data', (chunk) => {
    waitingBytes += chunk.length;
    if (waitingBytes > WAITING_BYTES_MAX) from.pause();
    later(chunk.length, () => {
      waitingBytes -= chunk.length;
      if (waitingBytes <= WAITING_BYTES_MAX) from.resume();
      if (pass(chunk) && to.writable && !to.write(chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
  });
  from.on('end', () =>
    later(0, () => {
      if (passes(host.behaviour().mute, 'both')) to.end();
    }),
  );
}

/** The second copy of what a client says. */
function double(client: Socket, target: { host: string; port: number }): void {
  const copy = connect({ ...target, noDelay: true });
  copy.on('error', () => {});
  copy.resume();
  client.on('data', (chunk) => copy.write(chunk));
  client.on('close', () => copy.destroySoon());
}

async function until(at: number): Promise<void> {
  const ms = at - performance.now();
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms).unref());
}

function end({ client, server }: Pair, how: 'cut' | 'reset'): void {
  for (const socket of [client, server]) {
    if (how === 'reset' && !socket.connecting && !socket.destroyed) socket.resetAndDestroy();
    else socket.destroy();
  }
}

function listen(listener: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, '127.0.0.1', () => {
      listener.off('error', reject);
      resolve();
    });
  });
}

/** The system may have lent the port to somebody's outgoing connection meanwhile. */
async function listenAgain(listener: Server, port: number): Promise<void> {
  const until = performance.now() + PORT_MS_MAX;
  for (;;) {
    try {
      return await listen(listener, port);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || performance.now() > until) throw error;
      await delay(20);
    }
  }
}

/** Stops listening without waiting for the connections that are there. */
function closeListener(listener: Server): Promise<void> {
  return new Promise((resolve) => {
    listener.close();
    setImmediate(resolve);
  });
}
