import t from 'tap';
import { decodeEntities } from '../../../crawler/parse/entities.ts';
import { addPerson, personName } from '../../../crawler/parse/reading.ts';
import { characters, cut, htmlOf, line, plainTitle, textAsHtml } from '../../../crawler/parse/text.ts';
import { absoluteUrl, innerBase } from '../../../crawler/parse/url.ts';

t.test('references are replaced, what is none stays', async (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['&amp;&lt;&gt;&quot;&apos;', '&<>"\''],
    ['&eacute;&hearts;&NotEqualTilde;', 'é♥≂̸'],
    ['&#233;&#xE9;&#XE9;', 'ééé'],
    ['&#150;&#x80;', '–€'],
    ['&#xD800;&#x110000;&#0;', '���'],
    ['&#1;&#x1f;', ''],
    ['a & b && c &', 'a & b && c &'],
    ['&copy &unknown; &;', '&copy &unknown; &;'],
    ['&amp;lt;', '&lt;'],
    ['&#;&#x;&#xZZ;', '&#;&#x;&#xZZ;'],
  ];
  for (const [text, wanted] of rows) t.equal(decodeEntities(text), wanted, text);
});

t.test('a body is the same HTML whether escaped, in CDATA, or written as it is', async (t) => {
  for (const raw of [
    '&lt;p&gt;a &amp;amp; b&lt;/p&gt;',
    '<![CDATA[<p>a &amp; b</p>]]>',
    ' <![CDATA[<p>a &amp; b</p>]]> ',
    '<p>a &amp; b</p>',
  ]) {
    t.equal(htmlOf(raw, null).trim(), '<p>a &amp; b</p>', raw);
  }
});

t.test('characters are the text without its tags', async (t) => {
  t.equal(characters('a <b>b</b> &lt;c&gt; <!-- no --> <?no?> <![CDATA[<d>]]>', null), 'a b <c>   <d>');
});

t.test('titles are one line of text, in which unknown tags are text', async (t) => {
  t.equal(plainTitle(' a <b>b</b>\n<br/>c &amp;lt; <T> ', 100), 'a b c &lt; <T>');
  t.equal(line('a\u00a0\u2028 b\0c', 100), 'a b c');
});

t.test('a cut never leaves half a character', async (t) => {
  t.equal(cut('🚢🚢', 3), '🚢');
  t.equal(cut('ab', 3), 'ab');
});

t.test('plain text becomes HTML with its paragraphs', async (t) => {
  t.equal(textAsHtml(' a < b '), 'a &lt; b');
  t.equal(textAsHtml('a\nb\n\nc'), '<p>a<br>b</p>\n<p>c</p>');
});

t.test('a person is called by name, by address where there is none', async (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['Jo Quay', 'Jo Quay'],
    ['jo@x.example (Jo Quay)', 'Jo Quay'],
    ['Jo Quay <jo@x.example>', 'Jo Quay'],
    ['"Quay, Jo" <jo@x.example>', 'Quay, Jo'],
    ['Jo Quay (jo@x.example)', 'Jo Quay'],
    ['jo@x.example', 'jo@x.example'],
    ['<jo@x.example>', 'jo@x.example'],
    ['jo@x.example ()', 'jo@x.example'],
    ['Jo (at the quay)', 'Jo (at the quay)'],
  ];
  for (const [text, wanted] of rows) t.equal(personName(text), wanted, text);
  const authors: string[] = [];
  for (const text of ['Jo', ' ', 'Jo', '<b>Bo</b>']) addPerson(authors, text);
  t.strictSame(authors, ['Jo', 'Bo']);
});

t.test('addresses are absolute http(s) or none', async (t) => {
  const base = 'https://x.example/a/b';
  const rows: readonly (readonly [string, string | null])[] = [
    ['https://y.example/', 'https://y.example/'],
    ['https://Y.example', 'https://y.example/'],
    ['https://y.example:443/a/../b', 'https://y.example/b'],
    ['https://y.example/./a', 'https://y.example/a'],
    ['http://1.2.3/', 'http://1.2.0.3/'],
    ['https://y.example/ä b', 'https://y.example/%C3%A4%20b'],
    ['/c', 'https://x.example/c'],
    ['c?d#e', 'https://x.example/a/c?d#e'],
    ['//z.example/', 'https://z.example/'],
    ['https://y.example/?a=1&amp;b=2', 'https://y.example/?a=1&b=2'],
    ['javascript:alert(1)', null],
    ['JaVaScRiPt:alert(1)', null],
    ['data:text/html,x', null],
    ['ftp://y.example/', null],
    ['mailto:a@b.example', null],
    ['http://', null],
    ['', null],
    ['  ', null],
  ];
  for (const [text, wanted] of rows) t.equal(absoluteUrl(text, base), wanted, text);
  t.equal(absoluteUrl('/c', null), null);
  t.equal(innerBase('../', 'https://x.example/a/b/c'), 'https://x.example/a/');
  t.equal(innerBase('javascript:x', base), base);
});

t.test('addresses that are taken as they stand are what the URL parser gives back', async (t) => {
  const parts = [
    'a',
    'b-c',
    'x1',
    '%20',
    '%2e',
    '..',
    '.',
    '~',
    '@',
    ':',
    '*',
    "'",
    ';',
    '=',
    '+',
    '$',
    '!',
    '(',
    ')',
    ',',
    '?',
    '#',
    '&',
    '//',
  ];
  for (const a of parts) {
    for (const b of parts) {
      const text = `https://x.example/${a}/${b}${a}`;
      t.equal(absoluteUrl(text, null), new URL(text).href, text);
    }
  }
  for (const host of [
    'x.example',
    'a.b-c.example',
    'xn--bcher-kva.example',
    '1.2.3.4',
    '0x7f.1',
    '127.1',
    'x.0x1',
    'a..b',
    'x.e-',
    'localhost',
    'xn--.example',
    'x.example.',
    'a_b.example',
  ]) {
    t.equal(absoluteUrl(`http://${host}/`, null), URL.parse(`http://${host}/`)?.href ?? null, host);
  }
});
