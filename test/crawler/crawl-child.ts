/** A crawl in a process of its own, to be killed: `node crawl-child.ts STORE`. SIGTERM stops it as the command line does. */
import { crawl } from '../../crawler/crawler.ts';
import { openFetcher } from '../../crawler/fetch.ts';
import { openStore } from '../../store/open.ts';

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
const store = await openStore(process.argv[2] ?? '');
const fetcher = openFetcher({ userAgent: 'Feedferry-Test/1.0', allowPrivate: ['127.0.0.0/8'] });
const summary = await crawl({
  store,
  fetcher,
  concurrency: 6,
  force: false,
  hostGapMs: 0,
  hostConnections: 2,
  clock: Date.now,
  random: Math.random,
  minIntervalMs: 900_000,
  maxIntervalMs: 86_400_000,
  signal: stop.signal,
});
await fetcher[Symbol.asyncDispose]();
await store.close();
console.log(JSON.stringify(summary));
