import { type ChildProcess, spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_POLICIES } from '../../replicator/policy.ts';
import { httpsTarget } from '../../replicator/remote/https-target.ts';
import type { Packing } from '../../replicator/remote/wire/frame.ts';
import { realRuntime } from '../../replicator/runtime.ts';
import { startDestination } from '../../replicator/sending/destination.ts';
import { DEFAULT_LIMITS } from '../../replicator/sending/limits.ts';
import type { Store } from '../../store/contract.ts';
import { openStore } from '../../store/open.ts';
import { type Certificates, makeCertificates } from '../../test/rig/certificates.ts';
import { freshStore } from '../crawl/store-url.ts';
import { watchOthers } from '../measure/others.ts';
import { BenchFailure, say } from '../measure/progress.ts';
import { rounded, spread } from '../measure/statistics.ts';
import { fill } from './articles.ts';
import type { LinkSettings } from './link-process.ts';
import type { Case } from './options.ts';
import type { ReceiverSettings } from './receiver-process.ts';

const ROUND_TRIP_MS = 80;
const BITS_PER_SECOND = 100_000_000;
const TOKEN = 'a-token-that-only-benches-have';

/** Plain connections that fill the line, and how long they are measured, in ms. */
const RAW_CONNECTIONS = 8;
const RAW_CHUNK = Buffer.alloc(64 * 1024, 'x');
const WARM_UP_MS = 1_000;
const RAW_MS = 4_000;

/** Of a copy, the first and the last part are left out: connections begin slowly, and the end waits for answers. */
const WARM_SHARE = 0.15;

interface Told {
  readonly port: number;
  readonly at: number;
  readonly requestBytes: number;
}

/**
 * How full an 80 ms, 100 Mbit/s line is kept, which a proxy in a process of its own is: by plain TCP connections, then by a copy
 * over it, through `feedferry receive` with TLS, of documents as they are, and of compressed ones, as replication sends them.
 * Those fill the line less and arrive faster: then it is not the line that holds them up, but the way there and back.
 */
export const link: Case = async (options) => {
  const certificates = await makeCertificates(['IP:127.0.0.1']);
  await using sourceUrl = await freshStore('sqlite');
  await using source = await openStore(sourceUrl.url);
  say(`filling a source with ${options.docs} articles`);
  await fill(source, options.docs, options.seed);
  const others = watchOthers();
  const raw: number[] = [];
  const plain: Run[] = [];
  const compressed: Run[] = [];
  for (let run = 1; run <= options.runs; run += 1) {
    raw.push(await fillLine());
    plain.push(await measure(source, options.docs, certificates, 'plain'));
    compressed.push(await measure(source, options.docs, certificates, 'zstd'));
  }
  return {
    ...{
      roundTripMs: ROUND_TRIP_MS,
      bitsPerSecond: BITS_PER_SECOND,
      docs: options.docs,
      tls: certificates !== undefined,
    },
    rawBytesPerSecond: spread(raw),
    uncompressed: report(plain, raw),
    compressed: report(compressed, raw),
    othersShare: rounded(others() ?? Number.NaN),
  };
};

/** All per second. */
interface Run {
  readonly wire: number;
  readonly docs: number;
  /** Of canonical JSON, that arrived. */
  readonly documentBytes: number;
}

/** Shares pair by pair: a machine's speed drifts, ratios drift less. */
function report(runs: readonly Run[], raw: readonly number[]): object {
  return {
    docsPerSecond: spread(runs.map(({ docs }) => docs)),
    wireBytesPerSecond: spread(runs.map(({ wire }) => wire)),
    documentBytesPerSecond: spread(runs.map(({ documentBytes }) => documentBytes)),
    wireBytesPerDoc: spread(runs.map(({ wire, docs }) => wire / docs)),
    documentBytesPerDoc: spread(runs.map(({ documentBytes, docs }) => documentBytes / docs)),
    wireShareOfRaw: spread(runs.map(({ wire }, i) => wire / (raw[i] ?? Number.NaN))),
    documentShareOfRaw: spread(runs.map(({ documentBytes }, i) => documentBytes / (raw[i] ?? Number.NaN))),
  };
}

async function measure(
  source: Store,
  docs: number,
  certificates: Certificates | undefined,
  packing: Packing,
): Promise<Run> {
  await using target = await freshStore('sqlite');
  const tls = certificates ? { cert: certificates.cert, key: certificates.key } : null;
  const settings: ReceiverSettings = { store: target.url, token: TOKEN, tls };
  using receiver = new Child<{ port: number }>('./receiver-process.ts', settings);
  using line = new Child<Told>('./link-process.ts', linkTo((await receiver.first()).port));
  const { port } = await line.first();
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const ca = certificates?.ca;
  const destination = startDestination({
    ...{ name: 'bench', source, databases: ['articles'], direction: 'one-way', policies: DEFAULT_POLICIES },
    ...{ adopt: false, limits: DEFAULT_LIMITS, runtime: realRuntime, once: true },
    open: async () =>
      httpsTarget(url, { token: TOKEN, packing, runtime: realRuntime, ...(ca !== undefined && { ca }) }),
  });
  const sampled = async (share: number): Promise<Sample> => {
    while (destination.status().docs < docs * share && destination.status().state !== 'stopped') await delay(5);
    const { docs: done, bytes } = destination.status();
    return { at: performance.now(), docs: done, documentBytes: bytes, wire: line.last?.requestBytes ?? 0 };
  };
  const [from, to] = [await sampled(WARM_SHARE), await sampled(1 - WARM_SHARE)];
  const summary = await destination.ended;
  if (summary.docs !== docs) throw new BenchFailure(`${summary.docs} of ${docs} documents arrived`);
  const seconds = (to.at - from.at) / 1000;
  const run = {
    ...{ wire: (to.wire - from.wire) / seconds, docs: (to.docs - from.docs) / seconds },
    documentBytes: (to.documentBytes - from.documentBytes) / seconds,
  };
  say(`Feedferry, ${packing}: ${Math.round((run.wire * 8) / 1e6)} Mbit/s, ${Math.round(run.docs)} articles/s`);
  return run;
}

interface Sample {
  readonly at: number;
  readonly docs: number;
  readonly documentBytes: number;
  readonly wire: number;
}

function linkTo(to: number): LinkSettings {
  return { to, roundTripMs: ROUND_TRIP_MS, bitsPerSecond: BITS_PER_SECOND };
}

/** Bytes a second that plain connections get through. */
async function fillLine(): Promise<number> {
  using sink = new Child<{ port: number }>('./sink-process.ts', {});
  using line = new Child<Told>('./link-process.ts', linkTo((await sink.first()).port));
  const { port } = await line.first();
  const sockets = Array.from({ length: RAW_CONNECTIONS }, () => connect(port, '127.0.0.1'));
  for (const socket of sockets) pour(socket);
  await delay(WARM_UP_MS);
  const from = line.last;
  await delay(RAW_MS);
  const to = line.last;
  for (const socket of sockets) socket.destroy();
  if (!from || !to) throw new BenchFailure('the line told nothing');
  const raw = ((to.requestBytes - from.requestBytes) * 1000) / (to.at - from.at);
  say(`plain TCP: ${Math.round((raw * 8) / 1e6)} Mbit/s`);
  return raw;
}

function pour(socket: Socket): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(RAW_CHUNK)) {}
  };
  socket.on('error', () => {});
  socket.on('drain', more);
  socket.on('connect', more);
}

/** A process of this folder that tells JSON lines. */
class Child<T> implements Disposable {
  last: T | undefined;
  readonly #child: ChildProcess;
  readonly #first = Promise.withResolvers<T>();

  constructor(file: string, settings: object) {
    this.#child = spawn(process.execPath, [new URL(file, import.meta.url).pathname, JSON.stringify(settings)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child.on('exit', (code) => this.#first.reject(new BenchFailure(`${file} ended with ${code}`)));
    if (!this.#child.stdout) throw new TypeError('no output');
    createInterface(this.#child.stdout).on('line', (text) => {
      this.last = JSON.parse(text) as T;
      this.#first.resolve(this.last);
    });
  }

  first(): Promise<T> {
    return this.#first.promise;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}
