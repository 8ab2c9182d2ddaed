/**
 * How fast feeds are parsed and articles sanitized, beside the libraries underneath and a peer where one is installed.
 *
 * `npm run bench -- parse [--feeds 200] [--entries 30] [--bytes 60000] [--runs 7] [--seed 1] [--folder DIR]`
 * `--folder`: the feeds of this folder rather than made ones. Peers: `feedsmith`, `rss-parser`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseFeed } from '../crawler/parse/parse.ts';
import { plainText, sanitizeArticle } from '../crawler/sanitize.ts';
import { entriesAt, renderFeed } from './feed-world/render.ts';
import { makeWorld } from './feed-world/world.ts';
import { describeMachine, describeVersions } from './measure/machine.ts';
import { runBench, say } from './measure/progress.ts';
import { parseLimits, sanitizeLimit } from './raw/document-limits.ts';
import { type Limit, limitOf } from './raw/rate.ts';

const MB = 1e6;
const ORIGIN = 'http://127.16.0.1:8088';
const FORMATS = { atom: 0.3 } as const;
const URL = 'https://example.org/feed.xml';

/** Other feed parsers; none is a dependency, so that each is measured only where somebody installed it. */
const PEERS: Readonly<Record<string, (module: unknown) => (text: string) => unknown>> = {
  feedsmith: (module) => (module as { parseFeed(text: string): unknown }).parseFeed,
  'rss-parser': (module) => {
    const RssParser = (module as { default: new () => { parseString(text: string): Promise<unknown> } }).default;
    const parser = new RssParser();
    return (text) => parser.parseString(text);
  },
};

await runBench(async () => {
  const { values } = parseArgs({
    options: {
      feeds: { type: 'string', default: '200' },
      entries: { type: 'string', default: '30' },
      bytes: { type: 'string', default: '60000' },
      runs: { type: 'string', default: '7' },
      seed: { type: 'string', default: '1' },
      folder: { type: 'string' },
    },
  });
  const [feeds, entries, bytes] = [Number(values.feeds), Number(values.entries), Number(values.bytes)];
  const [runs, seed] = [Number(values.runs), Number(values.seed)];
  const { documents, articles } =
    values.folder === undefined ? made({ feeds, entries, bytes, seed, formats: FORMATS }) : found(values.folder);
  const megabytes = documents.reduce((sum, body) => sum + body.byteLength, 0) / MB;
  const texts = documents.map((body) => body.toString('utf8'));
  const limits = [
    await limitOf('Feedferry: parseFeed, from bytes', 'MB', megabytes, runs, () => {
      for (const body of documents) parseFeed({ body, url: URL });
    }),
    ...(await parseLimits(texts, runs)),
    ...(await peers(texts, megabytes, runs)),
    await limitOf('Feedferry: sanitizeArticle', 'articles', articles.length, runs, () => {
      for (const html of articles) sanitizeArticle(html, URL);
    }),
    await sanitizeLimit(articles, runs),
    await limitOf('Feedferry: plainText, 300 characters', 'articles', articles.length, runs, () => {
      for (const html of articles) plainText(html, 300);
    }),
  ];
  for (const { what, perCpuSecond, per } of limits) say(`${what}: ${perCpuSecond} ${per} in a second of CPU`);
  return {
    bench: 'parse',
    machine: describeMachine(),
    versions: describeVersions(),
    settings: { feeds: documents.length, articles: articles.length, megabytes, runs, folder: values.folder ?? null },
    limits,
  };
});

interface Input {
  readonly documents: readonly Buffer[];
  readonly articles: readonly string[];
}

function made(options: Parameters<typeof makeWorld>[0]): Input {
  const world = makeWorld(options);
  return {
    documents: world.feeds.map((feed) => Buffer.from(renderFeed(world.options, feed, world.step(feed), ORIGIN).body)),
    articles: world.feeds.flatMap((feed) =>
      entriesAt(world.options, feed, world.step(feed), ORIGIN).map((entry) => entry.html),
    ),
  };
}

/** Documents that are no feeds are left out. */
function found(folder: string): Input {
  const documents: Buffer[] = [];
  const articles: string[] = [];
  for (const name of readdirSync(folder)) {
    const body = readFileSync(join(folder, name));
    try {
      for (const entry of parseFeed({ body, url: URL }).entries) if (entry.html !== '') articles.push(entry.html);
      documents.push(body);
    } catch (error) {
      say(`${name}: ${error}`);
    }
  }
  return { documents, articles };
}

async function peers(texts: readonly string[], megabytes: number, runs: number): Promise<Limit[]> {
  const limits: Limit[] = [];
  for (const [name, make] of Object.entries(PEERS)) {
    let module: unknown;
    try {
      module = await import(name);
    } catch {
      continue;
    }
    const parse = make(module);
    limits.push(
      await limitOf(name, 'MB', megabytes, runs, async () => {
        for (const text of texts) await parse(text);
      }),
    );
  }
  return limits;
}
