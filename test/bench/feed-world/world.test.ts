import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import { XMLValidator } from 'fast-xml-parser';
import t from 'tap';
import type { WorldFeed } from '../../../bench/feed-world/feed.ts';
import { FEED_KINDS, type FeedKind } from '../../../bench/feed-world/kinds.ts';
import type { WorldOptions } from '../../../bench/feed-world/options.ts';
import { entriesAt, renderFeed } from '../../../bench/feed-world/render.ts';
import { makeWorld, type World } from '../../../bench/feed-world/world.ts';

const ORIGIN = 'http://127.16.0.1:8088';
const SMALL = { feeds: 40, entries: 6, bytes: 9000 } as const;

function digest(world: World): string {
  const bodies = world.feeds.map((feed) => renderFeed(world.options, feed, world.step(feed), ORIGIN).body);
  return hash('sha256', Buffer.concat(bodies));
}

function only(kind: FeedKind, more: Partial<WorldOptions> = {}): { world: World; feed: WorldFeed; body: Buffer } {
  const world = makeWorld({ feeds: 1, entries: 6, bytes: 9000, shares: { [kind]: 1 }, formats: {}, ...more });
  const feed = first(world.feeds);
  return { world, feed, body: renderFeed(world.options, feed, world.step(feed), ORIGIN).body };
}

function first<T>(list: readonly T[]): T {
  const [item] = list;
  if (item === undefined) throw new Error('an empty list');
  return item;
}

t.test('the same seed makes the same bytes, another seed other ones', async (t) => {
  t.equal(digest(makeWorld(SMALL)), digest(makeWorld(SMALL)));
  t.not(digest(makeWorld(SMALL)), digest(makeWorld({ ...SMALL, seed: 2 })));
});

t.test('these bytes are the same on every machine and in every later version', async (t) => {
  // If this fails on purpose, figures measured before and after cannot be compared: say so in docs/performance.md.
  t.equal(
    digest(makeWorld({ ...SMALL, shares: { junk: 0.1, truncated: 0.1 } })),
    '2699e5312537f615396e29d7683d9bc9b3225e50279c04cc00a1e06b75e36488',
  );
});

t.test('a document depends on the step alone, not on the way to it', async (t) => {
  const [published, advanced] = [makeWorld(SMALL), makeWorld(SMALL)];
  published.publish(2);
  published.publish(1);
  const feed = first(advanced.feeds);
  advanced.advance(feed.intervalMs * 3);
  t.equal(advanced.step(feed), published.step(feed));
  t.strictSame(
    renderFeed(advanced.options, feed, advanced.step(feed), ORIGIN),
    renderFeed(published.options, first(published.feeds), published.step(feed), ORIGIN),
  );
});

t.test(
  'publishing brings exactly so many new entries to every feed that publishes, on top of the others',
  async (t) => {
    const world = makeWorld({ ...SMALL, shares: { quiet: 0.25 } });
    const guids = (feed: WorldFeed): string[] =>
      entriesAt(world.options, feed, world.step(feed), ORIGIN).map((entry) => entry.guid);
    const before = world.feeds.map(guids);
    world.publish(2);
    for (const [i, feed] of world.feeds.entries()) {
      const old = before[i] ?? [];
      const now = guids(feed);
      t.equal(now.length, SMALL.entries);
      if (feed.kind === 'quiet') t.strictSame(now, old, 'a quiet feed stays as it was');
      else t.strictSame(now.slice(2), old.slice(0, -2), 'the older entries follow the two new ones');
    }
  },
);

t.test('as time goes on every feed publishes at its own rate', async (t) => {
  const world = makeWorld({ ...SMALL, intervalMinMs: 60_000, intervalMaxMs: 600_000 });
  const before = world.feeds.map((feed) => world.step(feed));
  world.advance(6_000_000);
  for (const [i, feed] of world.feeds.entries()) {
    const came = world.step(feed) - (before[i] ?? 0);
    t.ok(Math.abs(came - 6_000_000 / feed.intervalMs) <= 1, `${came} entries at one in ${feed.intervalMs} ms`);
  }
  t.ok(new Set(world.feeds.map((feed) => feed.intervalMs)).size > 30, 'the rates differ');
  t.equal(world.now(), world.options.startMs + 6_000_000);
});

t.test('what has come out by now is not dated in the future, and newer entries have later dates', async (t) => {
  const world = makeWorld(SMALL);
  world.advance(500 * 3_600_000);
  for (const feed of world.feeds) {
    const dates = entriesAt(world.options, feed, world.step(feed), ORIGIN).map((entry) => entry.publishedMs);
    t.ok((dates[0] ?? 0) <= world.now());
    t.strictSame(
      dates,
      [...dates].sort((a, b) => b - a),
    );
  }
});

t.test('an edited entry keeps its id and changes its text and its date', async (t) => {
  const { world, feed } = only('steady', { editShare: 1 });
  const before = first(entriesAt(world.options, feed, world.step(feed), ORIGIN));
  world.publish(1);
  const after = entriesAt(world.options, feed, world.step(feed), ORIGIN)[1];
  t.equal(after?.guid, before.guid);
  t.not(after?.html, before.html);
  t.ok((after?.updatedMs ?? 0) > before.updatedMs);
  t.equal(after?.publishedMs, before.publishedMs);
});

t.test('shares of kinds and formats are met exactly', async (t) => {
  const shares = { 'not-found': 0.05, slow: 0.1, truncated: 0.15 } as const;
  const world = makeWorld({ feeds: 200, shares, formats: { atom: 0.3, json: 0.1 } });
  const count = (test: (feed: WorldFeed) => boolean): number => world.feeds.filter(test).length;
  t.equal(
    count((feed) => feed.kind === 'not-found'),
    10,
  );
  t.equal(
    count((feed) => feed.kind === 'slow'),
    20,
  );
  t.equal(
    count((feed) => feed.kind === 'truncated'),
    30,
  );
  t.equal(
    count((feed) => feed.kind === 'steady'),
    140,
  );
  t.equal(
    count((feed) => feed.format === 'atom'),
    60,
  );
  t.equal(
    count((feed) => feed.format === 'json'),
    20,
  );
});

t.test('documents are about as long as was asked for', async (t) => {
  const world = makeWorld({ feeds: 150, entries: 30, bytes: 60_000 });
  const lengths = world.feeds.map((feed) => renderFeed(world.options, feed, world.step(feed), ORIGIN).body.length);
  const mean = lengths.reduce((sum, length) => sum + length) / lengths.length;
  t.ok(mean > 55_000 && mean < 65_000, `${mean} bytes on average`);
});

t.test('sound documents are well-formed, whatever their format and style', async (t) => {
  const world = makeWorld({ feeds: 120, entries: 6, bytes: 9000, formats: { atom: 0.4, json: 0.1 } });
  for (const feed of world.feeds) {
    const text = renderFeed(world.options, feed, world.step(feed), ORIGIN).body.toString('utf8');
    if (feed.format === 'json') t.equal(JSON.parse(text).items.length, 6);
    else t.equal(XMLValidator.validate(text), true, `${feed.format}, ${feed.style}`);
  }
});

t.test('malformed documents are what their kind says', async (t) => {
  const clean = only('steady').body;
  const { body: truncated } = only('truncated');
  t.ok(truncated.length < clean.length);
  t.strictSame(truncated, clean.subarray(0, truncated.length), 'truncated: the head of a sound document');
  t.match(only('html').body.toString(), /^<!DOCTYPE html>/, 'html: a web page');
  t.equal(only('empty').body.length, 0, 'empty: nothing');
  t.not(XMLValidator.validate(only('broken-markup').body.toString()), true, 'broken-markup: not well-formed');
  const { body: latin } = only('bad-encoding');
  t.ok(latin.includes('encoding="UTF-8"') && !isUtf8(latin), 'bad-encoding: UTF-8 in name only');
  t.equal(XMLValidator.validate(latin.toString('latin1')), true, 'bad-encoding: nothing else is wrong');
  const { body: junk } = only('junk');
  t.ok(junk.length > 5000 && !isUtf8(junk) && new Set(junk).size > 200, 'junk: any byte at all');
  t.equal(only('oversized', { oversizedBytes: 300_000 }).body.length, 300_000, 'oversized: as long as asked for');
  t.throws(() => JSON.parse(only('broken-markup', { formats: { json: 1 } }).body.toString()), SyntaxError);
});

t.test('options out of range are refused with a code', async (t) => {
  const wrong: Partial<WorldOptions>[] = [
    { feeds: 0 },
    { entries: 1.5 },
    { editShare: 2 },
    { shares: { slow: 0.6, gone: 0.6 } },
    { shares: { slow: -0.1 } },
    { shares: { nonsense: 0.1 } as Partial<Record<FeedKind, number>> },
    { startMs: Number.NaN },
    { intervalMinMs: 5000, intervalMaxMs: 4000 },
  ];
  for (const options of wrong) t.throws(() => makeWorld(options), { code: 'WORLD_OPTION_INVALID' });
  t.doesNotThrow(() => makeWorld({ shares: Object.fromEntries(FEED_KINDS.slice(0, 10).map((kind) => [kind, 0.1])) }));
});
