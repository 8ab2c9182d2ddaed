import { openStore } from '../../store/open.ts';
import { freshStore } from '../crawl/store-url.ts';
import { watchOthers } from '../measure/others.ts';
import { rounded } from '../measure/statistics.ts';
import { alternate } from './alternate.ts';
import type { Case } from './options.ts';
import { writeAtRate } from './paced-writes.ts';
import { Sender } from './run-sender.ts';

const PER_SECOND = 500;
const WARM_UP_SECONDS = 2;

/** What writers notice of a destination that takes everything and never answers: p99 of a write with it and without. */
export const blackHole: Case = async (options) => {
  await using sourceUrl = await freshStore('sqlite');
  await using source = await openStore(sourceUrl.url);
  const others = watchOthers();
  await writeAtRate(source, PER_SECOND, WARM_UP_SECONDS, options.seed);
  const measured = await alternate(options, async (which, seconds, pair) => {
    await using targetUrl = await freshStore('sqlite');
    await using sender =
      which === 'with' ? new Sender({ from: sourceUrl.url, to: targetUrl.url, isBlackHole: true }) : null;
    await sender?.until(({ state }) => state === 'tailing' || state === 'backfilling', 'connected');
    const seed = options.seed + 2 * pair + (which === 'with' ? 1 : 2);
    return (await writeAtRate(source, PER_SECOND, seconds, seed)).latencies;
  });
  return { writesPerSecond: PER_SECOND, ...measured, othersShare: rounded(others() ?? Number.NaN) };
};
