import fc from 'fast-check';
import t from 'tap';
import { PARSE_ERRORS } from '../../../crawler/parse/errors.ts';
import type { ParsedFeed } from '../../../crawler/parse/model.ts';
import { parseFeed } from '../../../crawler/parse/parse.ts';
import { CodedError } from '../../../store/errors.ts';
import { SAMPLES } from './samples.ts';
import { againstSchema } from './schema.ts';

const seed = Number(process.env.FEEDFERRY_TEST_SEED ?? Date.now() % 2 ** 31);
t.comment(`FEEDFERRY_TEST_SEED=${seed}`);
const RUNS = { seed, numRuns: 500 };
/** What one small document may cost at most; a busy machine included. */
const MS_MAX = 2_000;

/** Pieces that upset parsers. */
const PIECES = [
  ...[
    '<',
    '>',
    '</',
    '/>',
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
    '<?xml ',
    '?>',
    '&',
    '&#0;',
    '&#xD800;',
    '&amp;',
    '"',
    "'",
  ],
  ...[
    '<item>',
    '</item>',
    '<entry>',
    '</entry>',
    '<title>',
    '</title>',
    '<description>',
    '</channel>',
    '</rss>',
    '</feed>',
  ],
  ...[
    '<!DOCTYPE x [<!ENTITY a "b">]>',
    '\0',
    '\u0001',
    '\ufffe',
    '\ud800',
    '<constructor>',
    '<__proto__ __proto__="1">',
  ],
  ...[
    '<content type="xhtml"><div>',
    ' xml:base="javascript:x"',
    'xmlns:dc="x"',
    '<a href="',
    '=',
    '{',
    ']',
    '\u00a0',
    '☃',
  ],
];

const mutation = fc.oneof(
  fc.record({
    kind: fc.constant('insert' as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    piece: fc.constantFrom(...PIECES),
  }),
  fc.record({
    kind: fc.constant('delete' as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat(40),
  }),
  fc.record({
    kind: fc.constant('repeat' as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat(300),
  }),
  fc.record({ kind: fc.constant('truncate' as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

function mutate(text: string, change: Mutation): string {
  const at = Math.floor(change.at * text.length);
  switch (change.kind) {
    case 'insert':
      return text.slice(0, at) + change.piece + text.slice(at);
    case 'delete':
      return text.slice(0, at) + text.slice(at + change.length);
    case 'repeat':
      return text.slice(0, at + change.length) + text.slice(at);
    case 'truncate':
      return text.slice(0, at);
  }
}

/** The feed, or the coded error; anything else that is thrown fails the test. */
function parse(body: Uint8Array): ParsedFeed | string {
  const start = performance.now();
  const got = parseOrRefuse(body);
  const ms = performance.now() - start;
  if (ms > MS_MAX) throw new Error(`took ${ms} ms`);
  return got;
}

function parseOrRefuse(body: Uint8Array): ParsedFeed | string {
  try {
    return parseFeed({ body, url: 'https://example.org/feed.xml' });
  } catch (error) {
    if (error instanceof CodedError && error.code in PARSE_ERRORS) return error.code;
    throw error;
  }
}

/** True of whatever comes out, however broken the document was. */
function holds(body: Uint8Array): void {
  const got = parse(body);
  if (typeof got === 'string') return;
  t.strictSame(againstSchema(got), [], 'the shape is the documented one') || fail(got);
  const json = JSON.stringify(got);
  if (!json.isWellFormed() || json.includes('\\u0000') || /\\ud[89ab]/.test(json))
    fail('half a character or a NUL came out');
  if (json.length > body.byteLength * 12 + 10_000) fail(`${body.byteLength} bytes became ${json.length} characters`);
  if (JSON.stringify(parse(body)) !== json) fail('the same bytes gave another feed');
}

function fail(what: unknown): never {
  throw new Error(JSON.stringify(what));
}

t.test('random bytes are parsed or refused with a code', async () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2_000 }), holds), RUNS);
});

t.test('random bytes inside a feed are parsed or refused with a code', async () => {
  const around = fc.tuple(
    fc.constantFrom(...SAMPLES),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.uint8Array({ maxLength: 200 }),
  );
  fc.assert(
    fc.property(around, ([sample, where, bytes]) => {
      const at = Math.floor(where * sample.length);
      holds(Buffer.concat([Buffer.from(sample.slice(0, at)), bytes, Buffer.from(sample.slice(at))]));
    }),
    RUNS,
  );
});

t.test('mutated feeds are parsed or refused with a code', async () => {
  const broken = fc.tuple(fc.constantFrom(...SAMPLES), fc.array(mutation, { minLength: 1, maxLength: 6 }));
  fc.assert(
    fc.property(broken, ([sample, changes]) => holds(Buffer.from(changes.reduce(mutate, sample)))),
    { ...RUNS, numRuns: 2_000 },
  );
});

t.test('markup made of the pieces that upset parsers is parsed or refused with a code', async () => {
  const soup = fc.tuple(
    fc.constantFrom('<rss version="2.0"><channel>', '<feed xmlns="http://www.w3.org/2005/Atom">', '{"version":'),
    fc.array(fc.constantFrom(...PIECES), { maxLength: 60 }),
  );
  fc.assert(
    fc.property(soup, ([start, pieces]) => holds(Buffer.from(start + pieces.join('')))),
    { ...RUNS, numRuns: 2_000 },
  );
});

t.test('a feed cut anywhere keeps exactly its whole entries, in order', async (t) => {
  const [rss = '', atom = ''] = SAMPLES;
  for (const sample of [rss, atom]) {
    const whole = parse(Buffer.from(sample));
    if (typeof whole === 'string') return t.fail(whole);
    const end = sample.includes('<rss') ? '</item>' : '</entry>';
    for (let length = 1; length < sample.length; length += 1) {
      const text = sample.slice(0, length);
      const got = parse(Buffer.from(text));
      const ended = text.split(end).length - 1;
      if (typeof got === 'string') {
        if (ended > 0) t.fail(`cut at ${length}: ${got}, though ${ended} entries are whole`);
      } else {
        const wanted = whole.entries.slice(0, ended).map((entry) => entry.guid);
        if (JSON.stringify(got.entries.map((entry) => entry.guid)) !== JSON.stringify(wanted))
          t.fail(`cut at ${length}`);
      }
    }
  }
});
