/** Production and a test crawl of it, each with a store of its own, at a publisher who tells them apart. */
import { readFileSync } from 'node:fs';
import { openFetcher } from '../../../crawler/fetch.ts';
import { type FeedSource, storeSource } from '../../../crawler/test-crawl/feed-source.ts';
import { type TestCrawlOptions, type TestCrawlReport, testCrawl } from '../../../crawler/test-crawl/test-crawl.ts';
import { openToRead } from '../../../store/open-to-read.ts';
import { mongodbState } from '../../store/mongodb-state.ts';
import { rss, type SiteEntry } from '../feed-site.ts';
import { crawlOptions, type Setting, setting, type TestEngine } from '../harness.ts';
import { httpServer, type TestServer } from '../servers.ts';

export const OWN_NAME = 'Feedferry/3.0-rho (+https://example.org)';

/** Entries, or a status. */
type Shown = readonly SiteEntry[] | number;

export interface Publisher extends TestServer {
  /** What is at a path: the same for both, or `{production, test}`. Each with an ETag that follows from it. */
  show(path: string, to: Shown | { production: Shown; test: Shown }): void;
}

export async function publisher(): Promise<Publisher> {
  const shown = new Map<string, { production: Shown; test: Shown }>();
  const server = await httpServer((request, response) => {
    const who = request.headers['user-agent'] === OWN_NAME ? 'test' : 'production';
    const what = shown.get(request.url ?? '')?.[who] ?? 404;
    if (typeof what === 'number') return response.writeHead(what).end();
    const body = rss({ title: `Feed ${request.url}`, entries: [...what] });
    const etag = `"${Buffer.from(body).toString('base64').length}-${what.map(({ guid }) => guid).join('.')}"`;
    if (request.headers['if-none-match'] === etag) return response.writeHead(304, { etag }).end();
    return response.writeHead(200, { 'content-type': 'application/rss+xml', etag }).end(body);
  });
  const isBoth = (to: Shown | { production: Shown; test: Shown }): to is Shown =>
    typeof to === 'number' || Array.isArray(to);
  return Object.assign(server, {
    show: (path: string, to: Shown | { production: Shown; test: Shown }) =>
      void shown.set(path, isBoth(to) ? { production: to, test: to } : to),
  });
}

export interface Sides extends AsyncDisposable {
  readonly production: Setting;
  readonly own: Setting;
  /** All feeds, due or not, by the wall's clock: the numbers of articles are made from it. */
  crawlProduction(): Promise<void>;
  /** `beforeComparing`: when the test crawl has fetched all. */
  test(more?: Partial<TestCrawlOptions>, beforeComparing?: () => Promise<void>): Promise<TestCrawlReport>;
}

export async function sides(engine: TestEngine): Promise<Sides> {
  const production = await setting(engine);
  const own = await setting(engine);
  const crawlProduction = async () => {
    await production.crawl({ force: true, clock: Date.now });
  };
  return {
    production,
    own,
    crawlProduction,
    async test(more = {}, beforeComparing = async () => {}) {
      await using reading = await openToRead(production.url);
      const live = storeSource(reading);
      const source: FeedSource = {
        ...live,
        production: async (ids, signal) => {
          await beforeComparing();
          return live.production(ids, signal);
        },
      };
      await using fetcher = openFetcher({ userAgent: OWN_NAME, allowPrivate: ['127.0.0.0/8'], timeoutMs: 5_000 });
      return await testCrawl({ ...testOptions(own), source, fetcher, ...more });
    },
    async [Symbol.asyncDispose]() {
      await own[Symbol.asyncDispose]();
      await production[Symbol.asyncDispose]();
    },
  };
}

/** Of a store, to compare: file and WAL, or all documents; what readers of a file share says only who reads. */
export async function stateOf(url: string): Promise<string> {
  if (!url.startsWith('sqlite:')) return mongodbState(url);
  const path = url.slice('sqlite:'.length);
  return [path, `${path}-wal`].map((file) => readFileSync(file).toString('base64')).join('\n');
}

function testOptions(own: Setting): Omit<TestCrawlOptions, 'source'> {
  const { queue: _none, feeds: _all, signal: _never, onProgress: _quiet, ...rest } = crawlOptions(own);
  return {
    ...rest,
    clock: Date.now,
    choice: { max: null, sample: null, seed: '' },
    thresholds: { errorsPercentMax: 5, differencesPercentMax: 5 },
    ...{ rate: null, durationMs: null, signal: new AbortController().signal },
  };
}
