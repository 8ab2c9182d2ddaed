import { writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { startReceiver } from '../../replicator/remote/receive.ts';
import { realRuntime } from '../../replicator/runtime.ts';
import type { VerifyReport } from '../../replicator/verify/report.ts';
import type { Replica, SiteId, Store } from '../../store/contract.ts';
import type { Article } from '../../store/documents.ts';
import { openStore } from '../../store/open.ts';
import { writeVersion } from '../../store/version.ts';
import { startTcpProxy } from '../../test/rig/tcp-proxy.ts';
import { freshStore } from '../crawl/store-url.ts';
import { type Measured, measureNode } from '../measure/node-process.ts';
import { BenchFailure, say } from '../measure/progress.ts';
import { rounded, spread } from '../measure/statistics.ts';
import type { Case } from './options.ts';

const FEEDFERRY = new URL('../../cli/feedferry.ts', import.meta.url).pathname;
const RUN_MS_MAX = 1_800_000;
const APPLIED_AT_ONCE = 1000;
const TOKEN = 'a-token-for-measuring-on-loopback';
const AT = 1_763_726_400_000;

const DOCS = 1_000_000;

export interface VerifyBenchOptions {
  readonly docs: number;
  readonly runs: number;
}

/**
 * `feedferry verify` as whole processes: two equal stores of small articles, beside a bare sum over the same index in the
 * same run; the same through a receiver, with the bytes on the wire; and against an empty store, where all differs. Memory
 * is what a process takes at its peak beyond the same command on two empty stores.
 */
export async function run({ docs, runs }: VerifyBenchOptions): Promise<object> {
  await using a = await freshStore('sqlite');
  await using b = await freshStore('sqlite');
  await using empty = await freshStore('sqlite');
  await using empty2 = await freshStore('sqlite');
  for (const [i, { url }] of [a, b].entries()) {
    say(`filling store ${i + 1} of 2 with ${docs} small articles`);
    await using store = await openStore(url);
    await fill(store, docs);
  }
  for (const { url } of [empty, empty2]) await (await openStore(url)).close();

  const rawSeconds: number[] = [];
  const sumsSeconds: number[] = [];
  const verifySeconds: number[] = [];
  const peakBytes: number[] = [];
  const baselineBytes: number[] = [];
  for (let i = 0; i < runs; i += 1) {
    rawSeconds.push(rawSum(a.url, docs));
    sumsSeconds.push(await sums(a.url, docs));
    baselineBytes.push((await verify(empty.url, empty2.url, 'equal')).peakMemoryBytes);
    const { report, peakMemoryBytes } = await verify(a.url, b.url, 'equal');
    verifySeconds.push(report.ms / 1000);
    peakBytes.push(peakMemoryBytes);
    say(`run ${i + 1}: raw ${rounded(rawSeconds.at(-1) ?? 0)} s, verify ${rounded(report.ms / 1000)} s for both sides`);
  }
  const baseline = Math.min(...baselineBytes);
  const wire = await overTheWire(a.url, b.url, empty.url);
  say('against an empty store');
  const all = await verify(a.url, empty.url, 'differing');
  say('deep');
  const deep = await verify(a.url, b.url, 'equal', ['--deep']);
  return {
    docs,
    rawSecondsASide: spread(rawSeconds),
    sumsSecondsASide: spread(sumsSeconds),
    /** Of one process that reads both stores, by turns. */
    verifySecondsBothSides: spread(verifySeconds),
    baselineMemoryBytes: baseline,
    memoryBytesAboveBaseline: spread(peakBytes.map((bytes) => bytes - baseline)),
    wire,
    allDiffering: costOf(all, baseline),
    deep: costOf(deep, baseline),
  };
}

async function overTheWire(a: string, b: string, empty: string): Promise<object> {
  await using store = await openStore(b);
  const listen = { host: '127.0.0.1', port: 0 };
  await using receiver = await startReceiver({
    ...{ store, engine: store.engine, listen, token: TOKEN, tls: null, runtime: realRuntime },
  });
  await using proxy = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(receiver.url).port) });
  const url = `http://127.0.0.1:${proxy.port}`;
  const passed = (): number => proxy.counts().requestBytes + proxy.counts().replyBytes;
  const tokenFile = `${pathOf(a)}.token`;
  await writeFile(tokenFile, TOKEN, { mode: 0o600 });
  const access = ['--token-file', tokenFile];
  say('through a receiver');
  const equal = await verify(a, url, 'equal', access);
  const equalBytes = passed();
  say('through a receiver, where all differs');
  const differing = await verify(empty, url, 'differing', access);
  return {
    bytesWhenEqual: equalBytes,
    secondsWhenEqual: rounded(equal.report.ms / 1000),
    bytesWhenAllDiffers: passed() - equalBytes,
    secondsWhenAllDiffers: rounded(differing.report.ms / 1000),
  };
}

type Run = Measured & { readonly report: VerifyReport };

async function verify(
  from: string,
  to: string,
  verdict: VerifyReport['verdict'],
  flags: readonly string[] = [],
): Promise<Run> {
  const args = [FEEDFERRY, 'verify', '--from', from, '--to', to, '--databases', 'articles', '--json', ...flags];
  const measured = await measureNode(args, { msMax: RUN_MS_MAX });
  if (measured.stdout === '') throw new BenchFailure(measured.stderr);
  const report = JSON.parse(measured.stdout) as VerifyReport;
  if (report.verdict !== verdict) throw new BenchFailure(`it said ${report.verdict}, not ${verdict}`);
  return { ...measured, report };
}

function costOf({ report, peakMemoryBytes, cpuSeconds }: Run, baseline: number): object {
  return {
    seconds: rounded(report.ms / 1000),
    cpuSeconds: rounded(cpuSeconds),
    memoryBytesAboveBaseline: peakMemoryBytes - baseline,
  };
}

/** What SQLite alone needs to read the same columns off the same index. */
function rawSum(url: string, docs: number): number {
  using db = new DatabaseSync(pathOf(url), { readOnly: true });
  const sql = 'SELECT count(*) AS docs, sum(h1), sum(h2), sum(h3), sum(b) FROM articles INDEXED BY articles_sums';
  const began = performance.now();
  const row = db.prepare(sql).get();
  const seconds = (performance.now() - began) / 1000;
  if (row?.docs !== docs) throw new BenchFailure(`${row?.docs} documents, not ${docs}`);
  return seconds;
}

async function sums(url: string, docs: number): Promise<number> {
  await using store = await openStore(url);
  const began = performance.now();
  const rows = await store.articles.bucketSums();
  const seconds = (performance.now() - began) / 1000;
  const counted = rows.reduce((sum, { count }) => sum + count, 0);
  if (counted !== docs) throw new BenchFailure(`${counted} documents, not ${docs}`);
  return seconds;
}

/** The same documents in every store. */
async function fill(store: Store, docs: number): Promise<void> {
  await store.articles.setIndexes('deferred');
  {
    await using writer = await store.articles.openWriter({ owner: 'bench', durability: 'lazy', bulk: true });
    for (let from = 0; from < docs; from += APPLIED_AT_ONCE) {
      const count = Math.min(APPLIED_AT_ONCE, docs - from);
      await writer.apply(Array.from({ length: count }, (_, i) => replica(from + i)));
    }
  }
  await store.articles.setIndexes('kept');
}

function replica(i: number): Replica<Article> {
  const feed = `${1_000_000_000_000_000 + Math.floor(i / 30)}`;
  const org = 'benchsit' as SiteId;
  const content: Article = {
    ...{ feed, num: i + 1, guid: `urn:${i}`, url: `https://example.org/${i}`, title: `The title of article ${i}` },
    ...{ authors: ['Ada'], html: `<p>Article ${i}</p>`, summary: `Article ${i}`, categories: [], enclosures: [] },
    ...{ published: AT + i, updated: null, arrived: AT + i, at: AT + i, fingerprint: String(i) },
  };
  const id = `${feed}.${2_000_000_000_000_000 + i}`;
  return { id, ver: writeVersion(AT + i, 0, org), org, vv: null, delAt: null, content };
}

function pathOf(url: string): string {
  return url.slice('sqlite:'.length);
}

/** Always of a million: that is what is promised. */
export const verifying: Case = ({ runs }) => run({ docs: DOCS, runs });
