import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { FEED_KINDS, type FeedKind, KINDS } from '../../../bench/feed-world/kinds.ts';
import { serveWorld } from '../../../bench/feed-world/server.ts';
import { makeWorld } from '../../../bench/feed-world/world.ts';
import { openStore } from '../../../store/open.ts';
import { feedferry } from '../../e2e/feedferry-process.ts';

const EACH = 2;
const ENTRIES = 6;

/** The code that a feed's history must show; several where the moment of the failure decides. */
const CODES: Partial<Record<FeedKind, RegExp>> = {
  'redirect-loop': /^FETCH_REDIRECTS$/,
  'not-found': /^FETCH_HTTP_404$/,
  gone: /^FETCH_HTTP_410$/,
  'server-error': /^FETCH_HTTP_500$/,
  'too-many': /^FETCH_HTTP_429$/,
  timeout: /^FETCH_TIMEOUT$/,
  reset: /^FETCH_(RESET|TRUNCATED)$/,
  'short-body': /^FETCH_(RESET|TRUNCATED)$/,
  'truncated-gzip': /^FETCH_TRUNCATED$/,
  oversized: /^FETCH_TOO_LARGE$/,
  html: /^PARSE_HTML$/,
  empty: /^PARSE_EMPTY$/,
  junk: /^PARSE_NOT_A_FEED$/,
};

t.test(
  'a crawl of all kinds of feeds reads the readable, gives every other failure its code, and asks each once',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'feedferry-kinds-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const shares = Object.fromEntries(FEED_KINDS.map((kind) => [kind, 1 / FEED_KINDS.length - 1e-9]));
    await using world = await serveWorld(
      makeWorld({ feeds: EACH * FEED_KINDS.length, entries: ENTRIES, bytes: 9000, slowMs: 100, shares }),
    );
    const opml = join(folder, 'feeds.opml');
    await writeFile(opml, world.opml());
    const url = `sqlite:${join(folder, 'kinds.db')}`;
    const flags = ['--once', '--json', '--feeds', opml, '--store', url, '--host-gap', '0', '--timeout', '2s'];
    const { code, stderr } = await feedferry(['crawl', ...flags]);
    t.equal(code, 0, stderr);

    await using store = await openStore(url);
    const records = new Map(
      (await store.feeds.scan({ limit: 1000 })).map(({ id, content }) => [content.url, { id, content }]),
    );
    for (const feed of world.feeds) {
      const record = records.get(feed.url);
      const stored = await store.articles.scan({ prefix: `${record?.id}.`, limit: 100 });
      const lastError = record?.content.lastError?.code ?? 'none';
      const { articles } = KINDS[feed.kind];
      if (articles === 'always') t.equal(stored.length, ENTRIES, `${feed.kind}: all its articles`);
      if (articles === 'never') t.equal(stored.length, 0, `${feed.kind}: no article`);
      t.match(lastError, CODES[feed.kind] ?? (articles === 'always' ? /^none$/ : /^(none|PARSE_\w+)$/), feed.kind);
    }
    const asked = Map.groupBy(
      world.log().filter((access) => access.feed !== null),
      (access) => access.feed,
    );
    for (const [index, accesses] of asked) {
      const kind = world.feeds[index ?? 0]?.kind ?? 'steady';
      const wanted = kind === 'redirect-loop' ? 6 : /^moved/.test(kind) ? 2 : 1;
      t.ok(accesses.length <= wanted, `${kind}: ${accesses.length} requests`);
    }
  },
);
