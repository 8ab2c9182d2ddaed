import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type DigestInput, type Digestion, digestFeed, digestWhole } from '../../crawler/digest.ts';
import { digestPieces } from '../../crawler/digest-pieces.ts';
import { digest } from '../../crawler/identity.ts';
import { BodySink, bytesOfPacked, type PackedBody, unpacked } from '../../crawler/packed-body.ts';
import { bytesInMemory } from '../../crawler/parse/byte-source.ts';
import { ENTRIES_MAX, ENTRY_BYTES_MAX, UNCUT_BYTES_MAX, WHOLE_BYTES_MAX } from '../../crawler/parse/limits.ts';
import { layoutOf } from '../../crawler/parse/windows.ts';
import { CodedError } from '../../store/errors.ts';
import { entries, rss } from './feed-site.ts';

const CASES = join(import.meta.dirname, 'parse/cases');
const CORPORA = process.env.FEEDFERRY_TEST_CORPORA;

const input = (body: string | Uint8Array): DigestInput => ({
  ...{ feed: 'f-1', body: Buffer.from(body), url: 'https://example.org/feed', contentType: null },
});

/** All that can be had of it, or the code of the error. */
function all(digest: () => Digestion | Uint8Array): unknown {
  try {
    const digestion = digest();
    if (digestion instanceof Uint8Array) return null;
    const { digested, articles } = digestion;
    const items = digested.items.map(({ chars, ...item }) => item);
    // From the last one up, as they are stored.
    const wanted = items.map((_, index) => ({ index, num: index + 1, arrived: 1_000 })).toReversed();
    return { ...digested, items, articles: articles(wanted) };
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

t.test('a document in pieces says what it says whole', async (t) => {
  let inPieces = 0;
  for (const path of [...documents(CASES), ...(CORPORA === undefined ? [] : documents(CORPORA))]) {
    const body = readFileSync(path);
    for (const bytes of [1, 3_000]) {
      const found = all(() => digestPieces(input(body), bytes));
      if (found === null) continue;
      const whole = all(() => digestWhole(input(body)));
      if (JSON.stringify(found) !== JSON.stringify(whole)) t.same(found, whole, `${path} in pieces of ${bytes}`);
      else if (typeof found === 'object' && (layoutOf(bytesInMemory(body), null, bytes)?.stretches.length ?? 0) > 1)
        inPieces += 1;
    }
  }
  t.ok(inPieces > 10, `${inPieces} times in pieces`);
});

function documents(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(?:xml|rss|atom|rdf|json)$/.test(path) && !path.endsWith('expected.json'))
    .map((path) => join(folder, path));
}

const LONG = 'words and words '.repeat(200);

t.test(
  'what looks like an entry in a section or a comment is none, and the feed may speak between its entries',
  async (t) => {
    const trap = '<![CDATA[</item><item><title>no</title></item>]]>';
    const item = (i: number) => `<item><guid>g${i}</guid><title>${i}</title><description>${trap}</description></item>`;
    const text = `<?xml version="1.0"?><!-- <item> --><rss version="2.0"><channel>${item(1)}<!-- <item> -->${item(2)}<title>T</title>${item(
      3,
    )}<ttl>60</ttl></channel></rss>`;
    t.equal(layoutOf(bytesInMemory(Buffer.from(text)), null, 1)?.stretches.length, 3);
    t.same(
      all(() => digestPieces(input(text), 1)),
      all(() => digestWhole(input(text))),
    );
  },
);

t.test('where bytes may mean something else than in ASCII, nothing is cut', async (t) => {
  const text = '<?xml version="1.0" encoding="ISO-2022-JP"?><rss><channel><item/></channel></rss>';
  t.equal(layoutOf(bytesInMemory(Buffer.from(text)), null, 1), null);
  t.equal(layoutOf(bytesInMemory(Buffer.from(rss({ entries: [] }))), 'text/xml; charset=utf-7', 1), null);
});

t.test('an id that comes twice is seen in whatever pieces it comes', async (t) => {
  const item = (guid: string, link: string) =>
    `<item><guid isPermaLink="false">${guid}</guid><link>https://example.org/${link}</link></item>`;
  const text = `<rss><channel>${item('a', '1')}${item('b', '2')}${item('a', '3')}${item('a', '1')}</channel></rss>`;
  t.same(
    all(() => digestPieces(input(text), 1)),
    all(() => digestWhole(input(text))),
  );
});

t.test('JSON is cut between its items', async (t) => {
  const items = Array.from({ length: 20 }, (_, i) => ({ id: `${i}`, title: '], {"items":[', content_text: `\\"${i}` }));
  const version = 'https://jsonfeed.org/version/1.1';
  for (const feed of [
    { version, title: 'T', items, language: 'en', authors: [{ name: 'A' }] },
    { items, version },
    { version, title: 'T', more: { items: [1, 2] }, items: [] },
    { version, title: 'T', feeds: [] },
  ]) {
    const text = ` ${JSON.stringify(feed)} `;
    t.same(
      all(() => digestPieces(input(text), 1)),
      all(() => digestWhole(input(text))),
    );
  }
  t.equal(layoutOf(bytesInMemory(Buffer.from(JSON.stringify({ version, items }))), null, 1)?.stretches.length, 20);
});

t.test('a feed that is large is read in pieces, each article once', async (t) => {
  const site = entries(1_000).map((entry) => ({ ...entry, html: LONG }));
  const text = rss({ entries: site });
  t.ok(text.length > 3 * WHOLE_BYTES_MAX);
  t.ok(digestFeed(input(text)).digested.items[0]?.chars, 'in pieces');
  t.same(
    all(() => digestFeed(input(text))),
    all(() => digestWhole(input(text))),
  );
  const cut = text.slice(0, -5_000);
  t.same(
    all(() => digestFeed(input(cut))),
    all(() => digestWhole(input(cut))),
  );
});

t.test('a packed body gives what it was packed from', async (t) => {
  const text = rss({ entries: entries(900).map((entry) => ({ ...entry, html: `${LONG}${entry.guid} é` })) });
  const json = JSON.stringify({
    version: 'https://jsonfeed.org/version/1.1',
    items: Array.from({ length: 900 }, (_, i) => ({ id: `${i}`, content_text: `${LONG} \\" { [ é` })),
  });
  for (const body of [Buffer.from(text), Buffer.from(json)]) {
    const packed = pack(body);
    t.ok(packed.pieces.reduce((sum, { length }) => sum + length, 0) < body.length / 5);
    t.equal(packed.digest, digest([body]));
    t.ok(Buffer.from(unpacked(packed)).equals(body));
    const there = { ...input(body), packed, body: new Uint8Array() };
    t.same(
      all(() => digestFeed(there)),
      all(() => digestWhole(input(body))),
    );
    const source = bytesOfPacked(packed);
    for (const at of [0, 262_140, 262_143, 262_144, body.length - 5]) {
      const mark = body.toString('latin1', at, at + 5);
      t.equal(source.indexOf(mark, at), at, 'found across the edge of two pieces');
      t.ok(source.slice(at, at + 900_000).equals(body.subarray(at, at + 900_000)));
    }
    t.equal(source.indexOf('nowhere to be found', 0), -1);
  }
});

function pack(body: Buffer): PackedBody {
  const sink = new BodySink();
  for (let at = 0; at < body.length; at += 50_000) sink.write(body.subarray(at, at + 50_000));
  const packed = sink.end();
  if (packed instanceof Uint8Array) throw new Error('too small to be packed');
  return packed;
}

t.test('of too many entries the first ones are kept', async (t) => {
  const text = rss({ entries: entries(ENTRIES_MAX + 1_000) });
  const { items } = digestFeed(input(text)).digested;
  t.equal(items.length, ENTRIES_MAX);
  t.same(
    items.map(({ id }) => id),
    digestWhole(input(text)).digested.items.map(({ id }) => id),
  );
});

t.test('an entry that is longer than any should be is left out, and the others are not', async (t) => {
  const longest = { guid: 'long', html: 'x'.repeat(ENTRY_BYTES_MAX) };
  for (const at of [0, 1, 3]) {
    const site = entries(3);
    const text = rss({ entries: site.toSpliced(at, 0, longest) });
    const ids = digestFeed(input(text)).digested.items.map(({ id }) => id);
    t.same(
      ids,
      digestWhole(input(rss({ entries: site }))).digested.items.map(({ id }) => id),
    );
  }
});

t.test('what is large and has no entries is refused with a code that tells what it is', async (t) => {
  const padding = ' '.repeat(UNCUT_BYTES_MAX);
  const code = (text: string | Buffer) => all(() => digestFeed(input(text)));
  t.equal(code(`<!doctype html><html><body>${padding}</body></html>`), 'PARSE_HTML');
  t.equal(code(`hello${padding}`), 'PARSE_NOT_A_FEED');
  t.equal(code(`${padding}${padding}`), 'PARSE_EMPTY');
  t.equal(code(`<rss><channel><title>x</title>${padding}${padding}</channel></rss>`), 'PARSE_TOO_LARGE');
  t.equal(code(Buffer.from(`\ufeff${rss({ entries: entries(5) })}${padding}`, 'utf16le')), 'PARSE_TOO_LARGE');
  const small = Buffer.from(`\ufeff${rss({ entries: entries(5_000).slice(0, 3_000) })}`, 'utf16le');
  t.ok(small.length > WHOLE_BYTES_MAX && small.length < UNCUT_BYTES_MAX);
  t.equal(digestFeed(input(small)).digested.items.length, 3_000);
});
