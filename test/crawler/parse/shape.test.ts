import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PARSE_WARNINGS } from '../../../crawler/parse/errors.ts';
import { parseFeed } from '../../../crawler/parse/parse.ts';
import { CodedError } from '../../../store/errors.ts';
import { SAMPLES } from './samples.ts';
import { againstSchema } from './schema.ts';

const CASES = join(import.meta.dirname, 'cases');

t.test('what comes out of every sample and case is what the JSON Schema says', async (t) => {
  const bodies = SAMPLES.map((text) => Buffer.from(text));
  for (const name of readdirSync(CASES)) {
    const file = readdirSync(join(CASES, name)).find((entry) => entry.startsWith('feed.')) ?? '';
    bodies.push(readFileSync(join(CASES, name, file)));
  }
  let parsed = 0;
  for (const body of bodies) {
    try {
      const feed = parseFeed({ body });
      t.strictSame(againstSchema(feed), []);
      for (const { code } of feed.warnings) t.ok(code in PARSE_WARNINGS, `${code} is a documented warning`);
      parsed += 1;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
    }
  }
  t.ok(parsed > SAMPLES.length);
});

t.test('the JSON Schema refuses what is no parsed feed', async (t) => {
  const feed = parseFeed({ body: Buffer.from(SAMPLES[0] ?? '') });
  t.strictSame(againstSchema(feed), []);
  t.not(againstSchema({ ...feed, extra: 1 }).length, 0);
  t.not(againstSchema({ ...feed, siteUrl: 'javascript:alert(1)' }).length, 0);
  t.not(againstSchema({ ...feed, entries: [{}] }).length, 0);
});
