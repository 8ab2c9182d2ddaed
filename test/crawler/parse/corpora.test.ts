import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseFeed } from '../../../crawler/parse/parse.ts';
import { CodedError } from '../../../store/errors.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { againstSchema } from './schema.ts';

const CORPORA = process.env.FEEDFERRY_TEST_CORPORA;
/** Feeds of `real/` that are none, or that have no entries. */
const WITHOUT_ENTRIES = new Set(['unrecognized.rss']);
const MS_MAX = 5_000;

t.test('every document of the corpora is parsed or refused with a code', async (t) => {
  if (CORPORA === undefined) return skipLoudly(t, 'FEEDFERRY_TEST_CORPORA names no folder of feeds');
  let parsed = 0;
  for (const path of documents(CORPORA)) {
    const start = performance.now();
    try {
      const feed = parseFeed({ body: readFileSync(join(CORPORA, path)), url: 'https://example.org/feed.xml' });
      t.strictSame(againstSchema(feed), [], path);
      parsed += 1;
    } catch (error) {
      if (!(error instanceof CodedError)) t.fail(`${path}: ${error}`);
    }
    if (performance.now() - start > MS_MAX) t.fail(`${path} took too long`);
  }
  t.comment(`${parsed} documents parsed`);
});

t.test('every real feed gives entries with an id, a title or a body', async (t) => {
  if (CORPORA === undefined) return skipLoudly(t, 'FEEDFERRY_TEST_CORPORA names no folder of feeds');
  const folder = join(CORPORA, 'real', 'feeds');
  for (const name of readdirSync(folder)) {
    if (WITHOUT_ENTRIES.has(name)) continue;
    const { entries } = parseFeed({ body: readFileSync(join(folder, name)), url: 'https://example.org/feed.xml' });
    t.ok(entries.length > 0, `${name}: ${entries.length} entries`);
    const bare = entries.filter((entry) => entry.title === '' && entry.html === '' && entry.guid === null);
    if (!name.includes('-fields')) t.equal(bare.length, 0, `${name}: every entry says something`);
  }
});

function documents(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (path) => /\.(?:xml|rss|atom|rdf|json)$/.test(path) && !path.endsWith('_expected.json'),
  );
}
