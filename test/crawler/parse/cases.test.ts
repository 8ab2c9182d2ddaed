import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import iconv from 'iconv-lite';
import t from 'tap';
import { parseFeed } from '../../../crawler/parse/parse.ts';
import { codeOf } from '../../../store/errors.ts';
import { differences } from './differences.ts';

/**
 * One folder a case: `feed.xml` (or `feed.json`), `expected.json` with what must come out (only the fields it names are
 * compared; times as ISO 8601; or `{"error": "PARSE_..."}`), and where needed `input.json` with `url`, `contentType` and
 * `encodeAs`, the encoding that the file is converted to before it is parsed.
 */
const CASES = join(import.meta.dirname, 'cases');

interface Input {
  url?: string | null;
  contentType?: string;
  encodeAs?: string;
}

for (const name of readdirSync(CASES)) {
  t.test(name.replaceAll('-', ' '), async (t) => {
    const folder = join(CASES, name);
    const file = readdirSync(folder).find((entry) => entry.startsWith('feed.')) ?? 'feed.xml';
    const input: Input = readJson(join(folder, 'input.json'), {});
    const expected: Record<string, unknown> = readJson(join(folder, 'expected.json'));
    const bytes = readFileSync(join(folder, file));
    const got = outcome({
      body: input.encodeAs === undefined ? bytes : iconv.encode(bytes.toString('utf8'), input.encodeAs),
      ...(input.url === null ? {} : { url: input.url ?? 'https://example.org/feed.xml' }),
      ...(input.contentType === undefined ? {} : { contentType: input.contentType }),
    });
    t.strictSame(differences(got, expected), [], 'what comes out is what expected.json says');
  });
}

function outcome(input: Parameters<typeof parseFeed>[0]): unknown {
  try {
    return parseFeed(input);
  } catch (error) {
    return { error: codeOf(error) };
  }
}

function readJson<T>(path: string, fallback?: T): T {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (error) {
    if (fallback !== undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return fallback;
    throw error;
  }
}
