import t from 'tap';
import * as limits from '../../../crawler/parse/limits.ts';
import type { ParsedFeed } from '../../../crawler/parse/model.ts';
import { parseFeed } from '../../../crawler/parse/parse.ts';
import { cpuMs } from './cpu-time.ts';

/** What any of the documents here may cost at most. */
const CPU_MS_MAX = 15_000;

function parse(text: string): ParsedFeed {
  return parseFeed({ body: Buffer.from(text), url: 'https://example.org/feed.xml' });
}

const rss = (inside: string): string => `<rss version="2.0"><channel><title>T</title>${inside}</channel></rss>`;
const codes = (feed: ParsedFeed): string[] => feed.warnings.map((warning) => warning.code);

t.test('a document over the size limit is refused', async (t) => {
  t.throws(() => parseFeed({ body: new Uint8Array(limits.BODY_BYTES_MAX + 1) }), { code: 'PARSE_TOO_LARGE' });
});

t.test('of too many entries the first ones are kept', async (t) => {
  const feed = parse(rss('<item><title>x</title></item>'.repeat(limits.ENTRIES_MAX + 3)));
  t.equal(feed.entries.length, limits.ENTRIES_MAX);
  t.strictSame(codes(feed), ['PARSE_ENTRIES_LEFT_OUT']);
});

t.test('of more elements than the limit, the entries before it are kept', async (t) => {
  const item = `<item><title>x</title>${'<a/>'.repeat(98)}</item>`;
  for (const broken of ['', '<b>']) {
    const feed = parse(rss(`${item.repeat(2_000)}${broken}`));
    t.ok(feed.entries.length > 1_400 && feed.entries.length <= limits.ELEMENTS_MAX / 100, `${feed.entries.length}`);
    t.ok(codes(feed).includes('PARSE_ENTRIES_LEFT_OUT'));
  }
});

t.test('of a broken document with too many entries the first ones are kept', async (t) => {
  const feed = parse(rss(`<item><b></item>${'<item><title>x</title></item>'.repeat(limits.ENTRIES_MAX + 3)}`));
  t.equal(feed.entries.length, limits.ENTRIES_MAX);
  t.ok(codes(feed).includes('PARSE_ENTRIES_LEFT_OUT'));
});

t.test('JSON of too many values, or nested too deep, is refused before it is read', async (t) => {
  const json = (items: string): string => `{"version":"https://jsonfeed.org/version/1.1","title":"x","items":${items}}`;
  t.throws(() => parse(json(`[${'{},'.repeat(limits.JSON_VALUES_MAX)}{}]`)), { code: 'PARSE_TOO_LARGE' });
  t.throws(() => parse(json('['.repeat(limits.JSON_DEPTH_MAX + 1))), { code: 'PARSE_TOO_DEEP' });
  const quoted = JSON.stringify(`${'[{,'.repeat(limits.JSON_VALUES_MAX)}\\`);
  t.equal(parse(json(`[{"id":"1","title":${quoted}}]`)).entries.length, 1, 'what stands in texts counts for nothing');
});

t.test('elements nested too deep are refused, in feeds that are well-formed and in those that are not', async (t) => {
  t.throws(() => parse(rss(`${'<a>'.repeat(1_000)}${'</a>'.repeat(1_000)}`)), { code: 'PARSE_TOO_DEEP' });
  t.throws(() => parse(`<feed>${'<a>'.repeat(200_000)}`), { code: 'PARSE_TOO_DEEP' });
});

t.test('bodies may nest as they like: they are read as text', async (t) => {
  const html = `${'<div>'.repeat(1_000)}deep${'</div>'.repeat(1_000)}`;
  t.equal(parse(rss(`<item><description>${html}</description></item>`)).entries[0]?.html, html);
});

t.test('long texts are cut, never in the middle of a character', async (t) => {
  const long = '☃🚢'.repeat(limits.HTML_CHARS_MAX / 2);
  const feed = parse(
    rss(`<description>${long}</description><item><title>${long}</title><guid isPermaLink="false">${long}</guid>
    <category>${long}</category><description>${long}</description><link>https://x.example/${long}</link></item>`),
  );
  const [entry] = feed.entries;
  if (entry === undefined) return t.fail('no entry');
  t.ok(feed.description.length <= limits.DESCRIPTION_CHARS_MAX);
  t.ok(entry.title.length <= limits.TITLE_CHARS_MAX && entry.title.length > limits.TITLE_CHARS_MAX - 3);
  t.ok((entry.guid?.length ?? 0) <= limits.GUID_CHARS_MAX);
  t.ok((entry.categories[0]?.length ?? 0) <= limits.LABEL_CHARS_MAX);
  t.ok(entry.html.length <= limits.HTML_CHARS_MAX);
  t.equal(entry.url, null, 'a cut address leads elsewhere');
  t.ok(JSON.stringify(feed).isWellFormed());
  t.ok(codes(feed).includes('PARSE_TEXT_CUT'));
});

t.test('lists within an entry are cut', async (t) => {
  const many = (element: (i: number) => string): string => Array.from({ length: 500 }, (_, i) => element(i)).join('');
  const feed = parse(
    rss(`<item>${many((i) => `<category>c${i}</category>`)}${many((i) => `<dc:creator>a${i}</dc:creator>`)}
    ${many((i) => `<enclosure url="https://x.example/${i}"/>`)}</item>`),
  );
  t.equal(feed.entries[0]?.categories.length, limits.CATEGORIES_MAX);
  t.equal(feed.entries[0]?.authors.length, limits.AUTHORS_MAX);
  t.equal(feed.entries[0]?.enclosures.length, limits.ENCLOSURES_MAX);
});

t.test('warnings are bounded and say how many there were', async (t) => {
  const feed = parse(rss('<item><pubDate>never</pubDate></item>'.repeat(500)));
  t.ok(feed.warnings.length <= limits.WARNINGS_MAX);
  t.match(feed.warnings.at(-1)?.message, /495 more/);
});

t.test('entities of a DOCTYPE cannot grow a document without bound', async (t) => {
  const value = 'x'.repeat(limits.OWN_ENTITY_CHARS_MAX);
  const feed = parse(
    `<!DOCTYPE rss [<!ENTITY e "${value}">]>${rss(`<item><description>${'&e;'.repeat(100_000)}</description></item>`)}`,
  );
  t.ok((feed.entries[0]?.html.length ?? 0) <= limits.OWN_EXPANSION_CHARS_MAX);
});

/** Each would take minutes if any step read on to the end again and again. */
const SLOW: Readonly<Record<string, string>> = {
  'less-than signs': `<rss>${'<'.repeat(2_000_000)}`,
  ampersands: rss(`<item><title>${'&'.repeat(2_000_000)}</title></item>`),
  'open CDATA sections': rss(`<item><description>${'<![CDATA['.repeat(200_000)}</description></item>`),
  'open comments': `<rss>${'<!--'.repeat(500_000)}`,
  'open comments in a text': rss(`<item><title>${'<!-- '.repeat(300_000)}</title></item>`),
  'open quotes': rss(`${'<a href="'.repeat(200_000)}`),
  'open quotes in a text': rss(`<item><description>${'<a href="'.repeat(200_000)}</description></item>`),
  'attributes of one element': rss(`<item ${'a="b" '.repeat(300_000)}><title>x</title></item>`),
  'different attributes of one element': rss(
    `<item ${Array.from({ length: 100_000 }, (_, i) => `a${i}="b"`).join(' ')}/>`,
  ),
  'blanks in a tag': rss(`<item ${' '.repeat(2_000_000)}/>`),
  'end tags': rss('</x>'.repeat(500_000)),
  'end tags of entries': rss('</item>'.repeat(300_000)),
  'open entries': rss('<item>'.repeat(100_000)),
  'open titles': rss('<title>'.repeat(200_000)),
  'open titles in entries': rss('<item><title>'.repeat(50_000)),
  'open CDATA in entries': rss('<item><title><![CDATA[x</title></item>'.repeat(50_000)),
  'processing instructions': rss('<?'.repeat(500_000)),
  'unknown elements of many names': rss(Array.from({ length: 100_000 }, (_, i) => `<n${i}>x</n${i}>`).join('')),
  'declared prefixes': `<rss ${Array.from({ length: 50_000 }, (_, i) => `xmlns:p${i}="http://purl.org/dc/elements/1.1/"`).join(' ')}></rss>`,
  'open DOCTYPE': `<!DOCTYPE rss [${'<!ENTITY a "'.repeat(200_000)}`,
  'blanks before the root': `${' '.repeat(3_000_000)}<rss/>`,
  'nested JSON': `{"version":"https://jsonfeed.org/version/1.1","items":${'['.repeat(500_000)}`,
  'tags in a title': rss(`<item><title>${'<b '.repeat(300_000)}</title></item>`),
  'open comments in titles': rss(`<item><title><![CDATA[${'<!--'.repeat(5_000)}]]></title></item>`.repeat(40)),
  'comments in the description': rss(`<description><![CDATA[${'<!-- -->'.repeat(25_000)}]]></description>`),
  'roots that are none': `junk ${'<rss '.repeat(50_000)}`,
  'blanks in a title': rss(`<item><title>${' \n'.repeat(1_000_000)}x</title></item>`),
  'blanks in a date': rss(`<item><pubDate>${' '.repeat(1_000_000)}x</pubDate></item>`),
};

for (const [what, text] of Object.entries(SLOW)) {
  t.test(`time stays in proportion to size: ${what}`, async (t) => {
    const ms = cpuMs(() => {
      try {
        parse(text);
      } catch (error) {
        t.match(error, { code: /^PARSE_/ });
      }
    });
    t.ok(ms < CPU_MS_MAX, `${text.length} characters took ${Math.round(ms)} ms`);
  });
}
