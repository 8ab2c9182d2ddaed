import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { HEAP_FLAGS } from '../../../cli/heap-flags.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { entries, feedSite } from '../feed-site.ts';
import { scriptedServer, socketServer } from '../servers.ts';
import { HOSTILE, type Hostile } from './hostile-answers.ts';

const MIB = 1024 * 1024;
/** Enough that the caches of the store and the young heaps are as large as they get. */
const GOOD = 40;
const LONG = process.env.FEEDFERRY_TEST_LONG === '1';
/** Of a fetch. */
const TIMEOUT_MS = 30_000;
const SLOW_TIMEOUT_MS = LONG ? TIMEOUT_MS : 2_000;
/** What one of them may cost; and one of which ten or twenty megabytes are taken for articles, with all that is made of them. */
const EXTRA_BYTES_MAX = 20 * MIB;
const FEED_BYTES_MAX = 80 * MIB;
/**
 * By so much two runs of the very same crawl differ, and twenty hostile answers one after the other differ from one: what
 * heaps keep is not told from what is in use. A document that is read whole, as large ones once were, costs 110 MiB and more.
 */
const NOISE_BYTES = 44 * MIB;
const TRIES_MAX = 4;

interface Crawled {
  readonly feeds: { readonly outcome: string; readonly ms: number }[];
  readonly seconds: number;
  readonly rssMax: number;
}

if (existsSync('/proc/self/status')) tests();
else t.test('hostile servers', async (t) => skipLoudly(t, 'the memory of a process is read from /proc'));

function tests(): void {
  const kinds: [Hostile['kind'], string, number, number][] = [
    ['slow', 'servers that never come to an end', 16, EXTRA_BYTES_MAX],
    ['sent', 'servers that send what nobody asked for', 1, EXTRA_BYTES_MAX],
    ['packed', 'bodies that swell', 1, EXTRA_BYTES_MAX],
    ['document', 'documents made to be costly', 1, EXTRA_BYTES_MAX],
    ['feed', 'feeds as large as is let in', 1, FEED_BYTES_MAX],
    ['document', 'eight costly documents at a time', 8, 8 * EXTRA_BYTES_MAX],
  ];
  for (const [kind, title, concurrency, bytesMax] of kinds) {
    t.test(`${title} cost a crawl little time and memory, and the other feeds nothing`, (t) =>
      costLittle(t, kind, concurrency, bytesMax),
    );
  }
}

/** The most memory of a crawl of the good ones alone, by how many are crawled at once. */
const usual = new Map<number, number>();

/** All of a kind in one crawl, one after the other or so many at a time, so that what is true of all of them is true of each. */
async function costLittle(t: Test, kind: Hostile['kind'], concurrency: number, bytesMax: number): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const cases = Object.entries(HOSTILE).filter(([, hostile]) => hostile.kind === kind);
  const urls: string[] = [];
  for (const [i, [, { answer, scheme }]] of cases.entries()) {
    const server = stack.use(
      await (scheme === 'https' ? socketServer((socket) => answer(socket, '')) : scriptedServer(answer)),
    );
    const url = server.at(`127.0.9.${i + 1}`, '/');
    urls.push(scheme === 'https' ? url.replace('http:', 'https:') : url);
  }
  const html = 'A sentence or two. '.repeat(150);
  const site = stack.use(await feedSite({ good: { entries: entries(200).map((entry) => ({ ...entry, html })) } }));
  const good = Array.from({ length: GOOD }, (_, i) => site.at(`127.0.8.${i + 1}`, '/good'));
  const timeoutMs = kind === 'slow' ? SLOW_TIMEOUT_MS : TIMEOUT_MS;

  const crawled = await crawlOnce([...urls, ...good], concurrency, timeoutMs);
  for (const [i, [name, { codes }]] of cases.entries()) {
    const { outcome = '', ms = 0 } = crawled.feeds[i] ?? {};
    t.ok(codes.includes(outcome), `one ${name}: ${outcome} after ${ms} ms`);
    t.ok(ms < TIMEOUT_MS + 3_000, `one ${name}: within 30 s`);
  }
  t.same(
    crawled.feeds.slice(cases.length).map(({ outcome }) => outcome),
    good.map(() => 'ok'),
    'the others are crawled',
  );
  let extra = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES_MAX && extra > bytesMax + NOISE_BYTES; tries += 1) {
    const { rssMax } = tries === 0 ? crawled : await crawlOnce([...urls, ...good], concurrency, timeoutMs);
    const known = usual.get(concurrency) ?? 0;
    const { rssMax: now } =
      known > 0 && tries === 0 ? { rssMax: known } : await crawlOnce(good, concurrency, timeoutMs);
    usual.set(concurrency, Math.max(known, now));
    extra = Math.min(extra, rssMax - Math.max(known, now));
  }
  t.ok(extra <= bytesMax + NOISE_BYTES, `${(extra / MIB).toFixed(1)} MiB of extra memory, ${crawled.seconds} s`);
}

async function crawlOnce(urls: readonly string[], concurrency: number, timeoutMs: number): Promise<Crawled> {
  const script = join(import.meta.dirname, 'hostile-child.ts');
  const args = JSON.stringify({ urls, timeoutMs, concurrency });
  const child = spawn(process.execPath, [...HEAP_FLAGS, script, args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  await once(child, 'close');
  return JSON.parse(printed) as Crawled;
}
