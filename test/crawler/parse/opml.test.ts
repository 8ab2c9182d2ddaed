import fc from 'fast-check';
import t from 'tap';
import { OPML_BYTES_MAX, OPML_OUTLINES_MAX } from '../../../crawler/parse/limits.ts';
import { type OpmlFeed, parseOpml, writeOpml } from '../../../crawler/parse/opml.ts';
import { canonicalFeedUrl } from '../../../store/ids.ts';

const AT = new Date('2024-05-06T07:08:09Z');

function parse(text: string): ReturnType<typeof parseOpml> {
  return parseOpml(Buffer.from(text));
}

const opml = (body: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><opml version="1.0"><head><title>x</title></head><body>${body}</body></opml>`;

t.test('a list of another reader is read with its folders', async (t) => {
  const { feeds, warnings } = parse(
    opml(`
    <outline text="News" title="News">
      <outline type="rss" text="Harbour &amp; Quay" xmlUrl="https://harbour.example/feed.xml" htmlUrl="https://harbour.example/"/>
      <outline text="Local"><outline text="Pier" title="The Pier" type="rss" xmlUrl="https://pier.example/rss"/></outline>
    </outline>
    <outline text="Loose" type="atom" xmlUrl="feed://loose.example/atom"></outline>`),
  );
  t.strictSame(warnings, []);
  t.strictSame(feeds, [
    {
      url: 'https://harbour.example/feed.xml',
      title: 'Harbour & Quay',
      siteUrl: 'https://harbour.example/',
      folder: 'News',
    },
    { url: 'https://pier.example/rss', title: 'The Pier', siteUrl: null, folder: 'News/Local' },
    { url: 'http://loose.example/atom', title: 'Loose', siteUrl: null, folder: null },
  ]);
});

t.test('attributes are known in any case, entities of HTML and stray ampersands are tolerated', async (t) => {
  const { feeds } = parse(
    opml(
      `<OUTLINE TEXT="Caf&eacute; &nbsp; & more" XMLURL="https://x.example/?a=1&b=2&copy=3" HTMLURL='https://x.example/' TYPE="RSS">`,
    ),
  );
  t.match(feeds, [{ url: 'https://x.example/?a=1&b=2&copy=3', title: 'Café & more', siteUrl: 'https://x.example/' }]);
});

t.test('what is no feed or comes twice is left out and told', async (t) => {
  const { feeds, warnings } = parse(
    opml(`<outline type="rss" text="No address"/><outline type="rss" text="Bad" xmlUrl="javascript:alert(1)"/>
    <outline text="A" xmlUrl="https://a.example/f"/><outline text="A again" xmlUrl="HTTPS://A.example:443/f#x"/>
    <outline text="A page" type="link" url="https://page.example/"/>`),
  );
  t.match(feeds, [{ url: 'https://a.example/f', title: 'A' }]);
  t.equal(feeds.length, 1);
  t.strictSame(
    warnings.map((warning) => warning.code),
    ['OPML_URL', 'OPML_URL', 'OPML_DUPLICATE'],
  );
});

t.test('a list that ends early gives what is there', async (t) => {
  const { feeds, warnings } = parse(
    '<opml version="2.0"><body><outline text="A" xmlUrl="https://a.example/f"/><outline text="B" xmlUrl="https://b.exam',
  );
  t.match(feeds, [{ title: 'A' }]);
  t.match(warnings, [{ code: 'OPML_MENDED' }]);
});

t.test('encodings are those of the declaration', async (t) => {
  const text =
    '<?xml version="1.0" encoding="ISO-8859-1"?><opml><body><outline text="Caf\xe9" xmlUrl="https://a.example/f"/></body></opml>';
  t.match(parseOpml(Buffer.from(text, 'latin1')).feeds, [{ title: 'Café' }]);
});

t.test('what is no list is refused with a code', async (t) => {
  t.throws(() => parse(''), { code: 'OPML_EMPTY' });
  t.throws(() => parse(' \n '), { code: 'OPML_EMPTY' });
  t.throws(() => parse('hello'), { code: 'OPML_NOT_OPML' });
  t.throws(() => parse('<rss version="2.0"><channel><title>x</title></channel></rss>'), { code: 'OPML_NOT_OPML' });
  t.throws(() => parse('<!DOCTYPE html><html><body><p>Sign in</p></body></html>'), { code: 'OPML_NOT_OPML' });
  t.throws(() => parseOpml(new Uint8Array(OPML_BYTES_MAX + 1)), { code: 'OPML_TOO_LARGE' });
});

t.test('the number of outlines and their depth are limited', async (t) => {
  const outline = (i: number): string => `<outline text="${i}" xmlUrl="https://x.example/${i}"/>`;
  const many = parse(opml(Array.from({ length: OPML_OUTLINES_MAX + 10 }, (_, i) => outline(i)).join('')));
  t.equal(many.feeds.length, OPML_OUTLINES_MAX);
  t.match(many.warnings, [{ code: 'OPML_LIMIT' }]);
  const deep = parse(opml(`${'<outline text="f">'.repeat(100_000)}${outline(1)}`));
  t.equal(deep.feeds.length, 0);
  t.match(deep.warnings, [{ code: 'OPML_LIMIT' }]);
});

t.test('a written list says what OPML 2.0 asks for', async (t) => {
  const text = writeOpml(
    [
      {
        url: 'https://a.example/f?x=1&y="2"',
        title: 'A <b> & "c"',
        siteUrl: 'https://a.example/',
        folder: 'News & "views"',
      },
      { url: 'https://b.example/f', title: '', siteUrl: null, folder: null },
    ],
    'Mine & yours',
    AT,
  );
  t.match(text, /^<\?xml version="1.0" encoding="UTF-8"\?>\n<opml version="2.0">/);
  t.match(text, '<title>Mine &amp; yours</title>');
  t.match(text, '<dateCreated>Mon, 06 May 2024 07:08:09 GMT</dateCreated>');
  t.match(text, '<outline text="News &amp; &quot;views&quot;" title="News &amp; &quot;views&quot;">');
  t.match(
    text,
    '<outline type="rss" text="A &lt;b&gt; &amp; &quot;c&quot;" title="A &lt;b&gt; &amp; &quot;c&quot;" xmlUrl="https://a.example/f?x=1&amp;y=&quot;2&quot;" htmlUrl="https://a.example/"/>',
  );
});

t.test('a written list is read back to the same feeds', async (t) => {
  const seed = Number(process.env.FEEDFERRY_TEST_SEED ?? Date.now() % 2 ** 31);
  t.comment(`FEEDFERRY_TEST_SEED=${seed}`);
  const text = fc.string({ unit: 'grapheme', maxLength: 40 }).map((s) => s.replace(/[\s\p{C}]+/gu, ' ').trim());
  const feed: fc.Arbitrary<OpmlFeed> = fc.record({
    url: fc.webUrl({ withQueryParameters: true }).map((url) => canonicalFeedUrl(url) ?? 'https://x.example/'),
    title: text,
    siteUrl: fc.option(fc.webUrl().map((url) => new URL(url).href)),
    folder: fc.option(text.filter((name) => name !== '')),
  });
  const feeds = fc.uniqueArray(feed, { selector: (one) => one.url, maxLength: 20 });
  fc.assert(
    fc.property(feeds, (list) => {
      const { feeds: got, warnings } = parse(writeOpml(list, 't', AT));
      const byUrl = (a: OpmlFeed, b: OpmlFeed): number => (a.url < b.url ? -1 : 1);
      if (warnings.length > 0) throw new Error(JSON.stringify(warnings));
      const same = JSON.stringify(got.toSorted(byUrl)) === JSON.stringify(list.toSorted(byUrl));
      if (!same) throw new Error(`${JSON.stringify(got)} in place of ${JSON.stringify(list)}`);
    }),
    { seed, numRuns: 300 },
  );
});
