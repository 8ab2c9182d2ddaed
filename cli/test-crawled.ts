import { TEST_CRAWL_NOTE, type TestCrawlNote } from '../crawler/test-crawl/own-store.ts';
import type { Store } from '../store/contract.ts';
import { moment, printable } from './text.ts';

export const TEST_CRAWLED_ADVICE =
  'Look whether this is the store that you mean: one of a test crawl holds a sample, and can be thrown away.';

/** Which test crawl wrote into this store; null: none. */
export async function testCrawled({ control }: Pick<Store, 'control'>): Promise<string | null> {
  const note = (await control.get(TEST_CRAWL_NOTE))?.value as TestCrawlNote | undefined;
  if (note === undefined) return null;
  return `A test crawl of ${printable(note.source)} wrote into this store (${moment(note.startedAt)})`;
}
