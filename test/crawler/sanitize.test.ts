import fc from 'fast-check';
import t from 'tap';
import { sanitizeTidy } from '../../crawler/sanitize/tidy.ts';
import { plainText, sanitizeArticle, sanitizeUntidy } from '../../crawler/sanitize.ts';
import { cpuMs } from './parse/cpu-time.ts';
import { ATTACKS } from './sanitize/attacks.ts';
import { dangers } from './sanitize/dangers.ts';

const BASE = 'https://site.example/posts/1';
const seed = Number(process.env.FEEDFERRY_TEST_SEED ?? Date.now() % 2 ** 31);
t.comment(`FEEDFERRY_TEST_SEED=${seed}`);

const LINK = 'rel="noopener noreferrer" target="_blank"';
const IMG = 'loading="lazy" referrerpolicy="no-referrer"';

/** One row a rule: what a feed says, and what a reader gets. */
const ROWS: readonly (readonly [string, string, string])[] = [
  ['plain text is escaped', 'a < b & c', 'a &lt; b &amp; c'],
  ['text without tags keeps its references', 'a &lt;b&gt; &eacute;', 'a &lt;b&gt; é'],
  [
    'structure stays',
    '<h2>A</h2><p>b <em>c</em></p><ul><li>d</li></ul>',
    '<h2>A</h2><p>b <em>c</em></p><ul><li>d</li></ul>',
  ],
  ['tables stay', '<table><tr><td colspan="2">a</td></tr></table>', '<table><tr><td colspan="2">a</td></tr></table>'],
  ['code stays', '<pre><code>a &lt; b</code></pre>', '<pre><code>a &lt; b</code></pre>'],
  [
    'links are absolute and tell nobody',
    '<a href="/a?b=1&amp;c=2">x</a>',
    `<a href="https://site.example/a?b=1&amp;c=2" ${LINK}>x</a>`,
  ],
  [
    'links inside the page lead to the page',
    '<a href="#note">1</a>',
    `<a href="https://site.example/posts/1#note" ${LINK}>1</a>`,
  ],
  ['mail links stay', '<a href="mailto:jo@site.example">x</a>', `<a href="mailto:jo@site.example" ${LINK}>x</a>`],
  ['other schemes go', '<a href="javascript:alert(1)">x</a><a href="ftp://x/">y</a>', '<a>x</a><a>y</a>'],
  [
    'images are absolute and lazy',
    '<img src="i.png" alt="I" width="10" height="20">',
    `<img src="https://site.example/posts/i.png" alt="I" width="10" height="20" ${IMG} />`,
  ],
  [
    'every candidate of an image is absolute',
    '<img src="a.png" srcset="a.png 1x, /b,c.png 2x,d.png 300w" sizes="50vw">',
    `<img src="https://site.example/posts/a.png" srcset="https://site.example/posts/a.png 1x, https://site.example/b%2Cc.png 2x, https://site.example/posts/d.png 300w" sizes="50vw" alt="" ${IMG} />`,
  ],
  ['images without an address go', '<img alt="x"><img src="data:image/png;base64,AAAA">', ''],
  [
    'lazy images of other pages show',
    '<img src="data:image/gif;base64,AA" data-src="/real.png">',
    `<img src="https://site.example/real.png" alt="" ${IMG} />`,
  ],
  [
    'the image for browsers without scripts counts once',
    '<img data-src="/real.png"><noscript><img src="/real.png"></noscript>',
    `<img src="https://site.example/real.png" alt="" ${IMG} />`,
  ],
  [
    'tracking pixels go',
    '<p>a<img src="https://t.example/p.gif" width="1" height="1"><img src="/q" height=0><img src="/r" style="display:none"></p>',
    '<p>a</p>',
  ],
  [
    'players wait for a click',
    '<video src="/v.mp4" poster="p.jpg" autoplay loop onplay="x()"></video>',
    '<video controls preload="none" src="https://site.example/v.mp4" poster="https://site.example/posts/p.jpg"></video>',
  ],
  [
    'sources are absolute',
    '<audio><source src="a.mp3" type="audio/mpeg"></audio>',
    '<audio controls preload="none"><source src="https://site.example/posts/a.mp3" type="audio/mpeg" /></audio>',
  ],
  [
    'frames of video hosts become links',
    '<iframe src="https://www.youtube.com/embed/x" title="A film">no frames</iframe>',
    `<a href="https://www.youtube.com/embed/x" ${LINK}>A film</a>`,
  ],
  ['other frames go', '<p>a<iframe src="https://ads.example/"></iframe>b</p>', '<p>ab</p>'],
  ['styles, classes and ids go', '<p style="position:fixed" class="x" id="y" data-z="1">a</p>', '<p>a</p>'],
  [
    'forms go, their text stays',
    '<form action="/x"><label>Name</label><input value="1"><button>Go</button></form>',
    'NameGo',
  ],
  [
    'pictures drawn in SVG and formulas in MathML go',
    'a<svg><a href="x"><text>t</text></a></svg><math><mi>x</mi></math>b',
    'ab',
  ],
  ['scripts and styles go with what is in them', 'a<script>alert(1)</script><style>p{}</style>b', 'ab'],
  ['comments go', 'a<!-- <b>x</b> -->b<b>c</b>', 'ab<b>c</b>'],
  ['end tags that lack are added', '<p>a<b>b', '<p>a<b>b</b></p>'],
  ['language and direction stay', '<p lang="he" dir="rtl">a</p>', '<p lang="he" dir="rtl">a</p>'],
];

t.test('articles keep what a reader needs and lose the rest', async (t) => {
  for (const [rule, html, wanted] of ROWS) t.equal(sanitizeArticle(html, BASE), wanted, rule);
});

t.test('without a base, relative links lose their address', async (t) => {
  t.equal(
    sanitizeArticle('<a href="/a">x</a><img src="i.png"><a href="https://y.example/">z</a>', null),
    `<a>x</a><a href="https://y.example/" ${LINK}>z</a>`,
  );
});

t.test('known attacks come out harmless', async (t) => {
  for (const html of ATTACKS) t.strictSame(dangers(sanitizeArticle(html, BASE)), [], html);
});

t.test('the check for dangers sees them where they are', async (t) => {
  const seen = ATTACKS.filter((html) => dangers(html).length > 0);
  t.ok(seen.length > ATTACKS.length * 0.8, `${seen.length} of ${ATTACKS.length} attacks are seen unsanitized`);
});

const PIECES = [
  ...ATTACKS,
  ...[
    '<p>',
    '</p>',
    '<div>',
    '<b',
    '>',
    '"',
    "'",
    '`',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '<noscript>',
    '</noscript>',
    '<svg>',
    '</svg>',
  ],
  ...[
    '<math>',
    '<table>',
    '<style>',
    '</style>',
    '<textarea>',
    '</textarea>',
    '<title>',
    '<a href="',
    ' onerror=alert(1) ',
    'javascript:',
  ],
  ...[
    '&lt;',
    '&#x3c;script&#x3e;',
    '<plaintext>',
    '<iframe',
    '<template>',
    '<x-y onfoo=1>',
    '\0',
    '\u2028',
    '/>',
    '</',
    '<img src="',
  ],
];

t.test('random mixtures of attacks come out harmless, and stay so when sanitized again', async () => {
  const soup = fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 8 })), { maxLength: 12 });
  fc.assert(
    fc.property(soup, (pieces) => {
      const html = sanitizeArticle(pieces.join(''), BASE);
      const found = dangers(html);
      if (found.length > 0) throw new Error(`${JSON.stringify(found)} in ${html}`);
      if (dangers(sanitizeArticle(html, BASE)).length > 0) throw new Error(`harmful when sanitized again: ${html}`);
    }),
    { seed, numRuns: 3_000 },
  );
});

/** Of which tidy articles are made, and what makes them untidy. */
const TIDY_PIECES = [
  ...[
    '<p>',
    '</p>',
    '<P class="x">',
    '<div id=y>',
    '</div>',
    '<b>',
    '</b>',
    '</B>',
    '<i >',
    '</i>',
    '<font size="4">',
    '</font>',
    '<br>',
    '<br/>',
    '</br>',
  ],
  ...[
    '<ul>',
    '</ul>',
    '<li>',
    '</li>',
    '<h1>',
    '</h1>',
    '<h2>',
    '<table>',
    '</table>',
    '<thead>',
    '<tbody>',
    '<tr>',
    '<td colspan="2">',
    '<th>',
    '</td>',
  ],
  ...[
    '<dl>',
    '<dt>',
    '<dd>',
    '</dl>',
    '<blockquote cite="/c">',
    '</blockquote>',
    '<pre>',
    '</pre>',
    '<span title="a &amp; b">',
    '</span>',
    '<hr>',
    '</hr>',
  ],
  ...[
    '<a href="/a?b=1&c=2">',
    '<a href="javascript:x">',
    "<a href='x.html' title='t\"u'>",
    '<a href=y/>',
    '<a>',
    '</a>',
    '<a name="n" href="#f" HREF="/2">',
  ],
  ...[
    '<img src="i.png">',
    '<img src="i.png" alt="A > b" width=1>',
    '<img src="i.png" srcset="a 1x, b 2x" sizes="1px"/>',
    '<img src="data:x">',
    '</img>',
  ],
  ...[
    '<picture>',
    '<source srcset="a.webp 100w">',
    '<source>',
    '</picture>',
    '<figure>',
    '<figcaption>',
    '</figure>',
    '<td title="">',
    '<p lang="de" dir="ltr" style="color:red">',
  ],
  ...[
    '<!-- c -->',
    '<!-->',
    '<!--->',
    '<!-- a --!> b -->',
    '<!doctype x>',
    '<?x?>',
    '<script>x</script>',
    '<SCRIPT async src="/x.js">a < b && c</script >',
    '<script>"</p><b>" </scripts> </style>',
    '<script>',
    '</script>',
    '</script x>',
    '<script/>',
    '<script type="x"><!-- </script> -->',
    '<script>"<noscript>"</script>',
    '<style>p > b { color: red }</style>',
    '<style media=x>',
    '</STYLE>',
    '<svg>',
    '<o:p>',
    '</o:p>',
    '<p constructor="1">',
    '<p a"b>',
    '<p title="x" title="y">',
  ],
  ...[
    'text',
    ' ',
    '\n',
    'a > b',
    'a < b',
    'R&D',
    'a & b',
    '&amp;',
    '&lt;b&gt;',
    '&eacute;',
    '&nbsp;',
    '&notit;',
    '&copy 1',
    '&#8217;',
    '&#x1F6A2;',
    '&#0;',
    '&#150;',
    '&unknown;',
    '"',
    '☃',
  ],
];

t.test('the quick way gives what the library gives, or gives up', async (t) => {
  let quick = 0;
  let all = 0;
  const same = (html: string, base: string | null): void => {
    const tidy = sanitizeTidy(html, { base, hasNoscript: false });
    all += 1;
    if (tidy === null) return;
    quick += 1;
    const wanted = sanitizeUntidy(html, base);
    if (tidy !== wanted) throw new Error(`${JSON.stringify(tidy)} in place of ${JSON.stringify(wanted)}`);
  };
  for (const html of [...ATTACKS, ...ROWS.map(([, html]) => html)]) same(html, BASE);
  const piece = fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...TIDY_PIECES) },
    { weight: 1, arbitrary: fc.string({ maxLength: 5 }) },
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), fc.constantFrom(BASE, null), (pieces, base) =>
      same(pieces.join(''), base),
    ),
    { seed, numRuns: 10_000 },
  );
  t.ok(quick > all / 20, `${quick} of ${all} went the quick way`);
});

const CPU_MS_MAX = 15_000;
const HUGE: Readonly<Record<string, string>> = {
  'nested blocks': '<div>'.repeat(200_000),
  'nested inline elements': '<b>'.repeat(300_000),
  'nested tables': '<table><tr><td>'.repeat(60_000),
  'end tags': `${'<div>'.repeat(50_000)}${'</p>'.repeat(100_000)}`,
  'open tags': '<iframe'.repeat(150_000),
  'open quotes': '<a href="'.repeat(100_000),
  'less-than signs': '<'.repeat(1_000_000),
  ampersands: `<p>${'&'.repeat(1_000_000)}`,
  attributes: `<a ${'x=1 '.repeat(250_000)}>`,
  candidates: `<img srcset="${'a, '.repeat(6_000)}">`.repeat(50),
  'blanks in candidates': `<img src=x srcset="${' '.repeat(19_000)}">`.repeat(50),
  'blanks in styles': `<img src=x style="display${' '.repeat(500_000)}">`,
  scripts: '<script>'.repeat(100_000),
  'list items': '<li>'.repeat(200_000),
};

for (const [what, html] of Object.entries(HUGE)) {
  t.test(`a megabyte of ${what} costs bounded time and no stack`, async (t) => {
    const ms = cpuMs(() => {
      t.strictSame(dangers(sanitizeArticle(html, BASE)), []);
      plainText(html, 300);
      plainText(html, html.length);
    });
    t.ok(ms < CPU_MS_MAX, `${Math.round(ms)} ms`);
  });
}

t.test('the text of an article is one line, cut at a word', async (t) => {
  t.equal(plainText('<p>Hello <b>wor</b>ld</p><p>a &lt; b&nbsp;c</p>', 300), 'Hello world a < b c');
  t.equal(plainText('a<script>x()</script>b <style>p{}</style><!-- c -->d 3 < 4', 300), 'a b d 3 < 4');
  t.equal(plainText('<img alt="a > b">end', 300), 'end');
  t.equal(plainText('one two three four five', 15), 'one two three…');
  t.equal(plainText('🚢'.repeat(20), 10), `${'🚢'.repeat(4)}…`);
  t.equal(plainText('', 10), '');
});

t.test('the text of anything is well-formed, in bounds and without tags that HTML knows', async () => {
  const soup = fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: 'binary', maxLength: 30 })), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(soup, fc.integer({ min: 2, max: 400 }), (pieces, limit) => {
      const text = plainText(pieces.join(''), limit);
      if (text.length > limit || !text.isWellFormed() || /[\n\t\0]| {2}/.test(text))
        throw new Error(JSON.stringify(text));
    }),
    { seed, numRuns: 1_000 },
  );
});
