import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Test } from 'tap';
import type { Article, User } from '../../store/documents.ts';
import { canonicalJson, fingerprints } from '../../store/envelope.ts';
import type { Engine } from './engine.ts';
import { article, user } from './samples.ts';
import { put, withStore } from './with-store.ts';

const RUNS = 40;

/** Any text but half surrogate pairs. */
const text = fc.string({ unit: 'binary', maxLength: 60 });
const big = fc.nat({ max: 300_000 }).map((length) => '<p>ä\u{1f600}&amp;\\"</p>'.repeat(length / 20));
const whole = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1));
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });

const articles: fc.Arbitrary<Article> = fc.record({
  feed: fc.stringMatching(/^[a-z2-7]{16}$/),
  num: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
  guid: maybe(text),
  url: maybe(fc.webUrl()),
  title: text,
  authors: fc.array(text, { maxLength: 3 }),
  html: fc.oneof(text, big),
  summary: text,
  published: maybe(whole),
  updated: maybe(whole),
  arrived: whole,
  at: whole,
  categories: fc.array(text, { maxLength: 5 }),
  enclosures: fc.array(fc.record({ url: fc.webUrl(), type: maybe(text), length: maybe(whole) }), { maxLength: 3 }),
  fingerprint: fc.stringMatching(/^[0-9a-f]{0,40}$/),
});

/** Keys that JSON has and documents may have; `$`, `.`, NUL and names that every object has are for no engine to keep. */
const key = fc
  .string({ unit: 'grapheme', maxLength: 8 })
  .filter((name) => !/[$.\0]/.test(name) && !(name in {}) && name.isWellFormed());
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .oneof(
        text,
        fc.boolean(),
        fc.constant(null),
        whole,
        fc.integer(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
      )
      .map((leaf) => (leaf === 0 ? 0 : leaf)),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

export async function roundTrip(t: Test, engine: Engine): Promise<void> {
  const seed = Number(process.env.FEEDFERRY_TEST_SEED ?? Date.now() % 2 ** 31);
  t.comment(`FEEDFERRY_TEST_SEED=${seed}`);

  await t.test('any article comes back as it was written', async () => {
    await withStore(engine, async ({ articles: database }) => {
      await using writer = await database.openWriter({ owner: 'test', durability: 'lazy' });
      await fc.assert(
        fc.asyncProperty(articles, async (content) => {
          await writer.edit([{ id: `${content.feed}.x`, content }]);
          const doc = await database.get(`${content.feed}.x`);
          assert.equal(canonicalJson(doc?.content), canonicalJson(content));
          const known = (await database.known([`${content.feed}.x`])).get(`${content.feed}.x`);
          // The queries see the same.
          assert.deepEqual([known?.num, known?.at, known?.fingerprint], [content.num, content.at, content.fingerprint]);
        }),
        { seed, numRuns: RUNS },
      );
    });
  });

  await t.test('any nested JSON comes back, and hashes the same', async () => {
    await withStore(engine, async ({ users }) => {
      await using writer = await users.openWriter({ owner: 'test', durability: 'lazy' });
      await fc.assert(
        fc.asyncProperty(tree, async (extra) => {
          const content = { ...user({ num: 1 }), extra } as User;
          await writer.edit([{ id: 'a', content }]);
          const doc = await users.get('a');
          if (!doc) throw new Error('gone');
          const written = canonicalJson(content);
          assert.equal(canonicalJson(doc.content), written);
          const [sum] = await users.bucketSums();
          const prints = fingerprints('a', written, doc.ver, false);
          assert.deepEqual(sum, { b: prints.b, count: 1, s1: prints.h1, s2: prints.h2, s3: prints.h3 });
        }),
        { seed, numRuns: RUNS },
      );
    });
  });

  await t.test('half a surrogate pair becomes U+FFFD, in both engines alike', async (t) => {
    await withStore(engine, async ({ articles: database }) => {
      await put(database, { id: 'f.a', content: article({ title: 'a\ud83dz', html: '\\ud83d' }) });
      const doc = await database.get('f.a');
      t.equal(doc?.content.title, 'a\ufffdz');
      t.equal(doc?.content.html, '\\ud83d', 'but text that only looks like one stays');
    });
  });

  await t.test('a document of nearly 8 MiB fits', async (t) => {
    await withStore(engine, async ({ articles: database }) => {
      const html = 'x'.repeat(8 * 1024 * 1024 - 1000);
      await put(database, { id: 'f.a', content: article({ html }) });
      t.equal((await database.get('f.a'))?.content.html.length, html.length);
    });
  });
}
