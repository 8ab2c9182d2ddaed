/**
 * One pass in a process of its own, so that its memory can be told: `node hostile-child.ts JSON`, with the feeds in the order in
 * which they are due. Prints what became of each and the most memory that the process ever had.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crawl } from '../../../crawler/crawler.ts';
import { openFetcher } from '../../../crawler/fetch.ts';
import { openStore } from '../../../store/open.ts';
import { addDue } from './stored.ts';

const { urls, timeoutMs, concurrency } = JSON.parse(process.argv[2] ?? '{}') as {
  urls: string[];
  timeoutMs: number;
  concurrency: number;
};
const folder = await mkdtemp(join(tmpdir(), 'feedferry-hostile-'));
const store = await openStore(`sqlite:${join(folder, 'feedferry.db')}`);
const fetcher = openFetcher({ userAgent: 'Feedferry-Test/1.0', allowPrivate: ['127.0.0.0/8'], timeoutMs });
const ids = await addDue(store, urls);
const summary = await crawl({
  ...{ store, fetcher, concurrency, force: false, hostGapMs: 0, hostConnections: 1, clock: Date.now },
  ...{ random: Math.random, minIntervalMs: 900_000, maxIntervalMs: 86_400_000 },
});
const records = await store.feeds.getMany(ids);
const feeds = ids.map((id) => {
  const attempt = records.get(id)?.content.history[0];
  return { outcome: attempt?.outcome ?? 'not tried', ms: attempt?.ms ?? 0 };
});
// Not `resourceUsage().maxRSS`: that begins with what the parent had when it made this process.
const rssMax = Number(/^VmHWM:\s+(\d+) kB/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1]) * 1_024;
await fetcher[Symbol.asyncDispose]();
await store.close();
await rm(folder, { recursive: true, force: true });
console.log(JSON.stringify({ feeds, seconds: summary.seconds, rssMax }));
