import fc from 'fast-check';
import t from 'tap';
import { fingerprint, identify } from '../../crawler/identity.ts';
import type { ParsedEntry } from '../../crawler/parse/model.ts';

function entry(more: Partial<ParsedEntry> = {}): ParsedEntry {
  return {
    guid: null,
    url: null,
    title: '',
    authors: [],
    html: '',
    summaryHtml: '',
    base: null,
    published: null,
    updated: null,
    categories: [],
    enclosures: [],
    commentsUrl: null,
    ...more,
  };
}

const identities = (...entries: Partial<ParsedEntry>[]) => identify(entries.map(entry)).map(({ identity }) => identity);

t.test('a guid that is unique in the feed is the identity, whatever else changes', (t) => {
  t.same(identities({ guid: 'a', url: 'http://x/1', title: 'old' }, { guid: 'b' }), ['guid:a', 'guid:b']);
  t.same(identities({ guid: 'a', url: 'https://x/other', title: 'new' }), ['guid:a']);
  t.end();
});

t.test('a guid that several entries share needs the link beside it', (t) => {
  const ids = identities(
    { guid: 'a', url: 'http://x/1' },
    { guid: 'a', url: 'http://x/2' },
    { guid: 'a' },
    { guid: 'b' },
  );
  t.same(ids, ['guid:a\nlink:http://x/1', 'guid:a\nlink:http://x/2', 'guid:a\nlink:', 'guid:b']);
  t.end();
});

t.test('without a guid the link counts, and without a link of its own the text', (t) => {
  t.same(identities({ url: 'http://x/1' }, { url: 'http://x/2' }), ['link:http://x/1', 'link:http://x/2']);
  const shared = identities({ url: 'http://x/', title: 'one' }, { url: 'http://x/', title: 'two' }, { title: 'three' });
  t.equal(new Set(shared).size, 3);
  for (const identity of shared) t.match(identity, /^text:/);
  t.not(identities({ title: 'one', html: 'a' })[0], identities({ title: 'one', html: 'b' })[0]);
  t.end();
});

t.test('a link in a guid and the same link as a link are two identities', (t) => {
  t.equal(new Set(identities({ guid: 'http://x/1' }, { url: 'http://x/1' })).size, 2);
  t.end();
});

t.test('the same entry twice is one entry: the latest', (t) => {
  const found = identify([
    entry({ guid: 'a', url: 'http://x/1', title: 'first', updated: 1 }),
    entry({ guid: 'b' }),
    entry({ guid: 'a', url: 'http://x/1', title: 'later', updated: 2 }),
    entry({ guid: 'a', url: 'http://x/1', title: 'undated' }),
  ]);
  t.same(
    found.map(({ identity, entry: { title } }) => [identity, title]),
    [
      ['guid:a', 'later'],
      ['guid:b', ''],
    ],
  );
  t.equal(identities({ title: 'x' }, { title: 'x' }).length, 1, 'alike in all');
  t.end();
});

t.test('the fingerprint changes with what a reader sees, and with nothing else', (t) => {
  const before = fingerprint(entry({ guid: 'a', title: 'T', html: '<p>x' }));
  const visible: Partial<ParsedEntry>[] = [
    { title: 'U' },
    { html: '<p>y' },
    { summaryHtml: 's' },
    { url: 'http://x/' },
    { authors: ['A'] },
    { categories: ['c'] },
    { published: 1 },
    { enclosures: [{ url: 'http://x/a.mp3', type: null, length: 1 }] },
  ];
  const seen = new Set([before]);
  for (const change of visible) seen.add(fingerprint(entry({ guid: 'a', title: 'T', html: '<p>x', ...change })));
  t.equal(seen.size, visible.length + 1);
  const hidden: Partial<ParsedEntry>[] = [
    { guid: 'b' },
    { updated: 5 },
    { base: 'http://mirror/' },
    { commentsUrl: 'http://x/c' },
  ];
  for (const change of hidden) t.equal(fingerprint(entry({ guid: 'a', title: 'T', html: '<p>x', ...change })), before);
  t.end();
});

t.test('identities are unique in a feed, and the same in whatever order it lists its entries', (t) => {
  const some = (...values: string[]) => fc.constantFrom(null, ...values);
  const entries = fc.array(
    fc.record({
      guid: some('a', 'b', 'c'),
      url: some('http://x/1', 'http://x/2'),
      title: fc.constantFrom('', 'T', 'U'),
    }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(entries, fc.nat(), (list, turn) => {
      const found = identities(...list);
      const turned = identities(...list.slice(turn % (list.length + 1)), ...list.slice(0, turn % (list.length + 1)));
      return new Set(found).size === found.length && found.toSorted().join('|') === turned.toSorted().join('|');
    }),
  );
  t.end();
});
