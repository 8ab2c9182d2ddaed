import { openStore } from '../../store/open.ts';
import { freshStore } from '../crawl/store-url.ts';
import { watchOthers } from '../measure/others.ts';
import { say } from '../measure/progress.ts';
import { median, rounded, spread } from '../measure/statistics.ts';
import type { Case } from './options.ts';
import { writeAtRate } from './paced-writes.ts';
import { percentiles } from './percentiles.ts';
import { Sender } from './run-sender.ts';

const PER_SECOND = 500;

/** What writers notice of a destination that takes everything and never answers: p99 of a write with it and without. */
export const blackHole: Case = async ({ seconds, runs, seed }) => {
  await using sourceUrl = await freshStore('sqlite');
  await using source = await openStore(sourceUrl.url);
  const latencies: Record<'without' | 'with', number[][]> = { without: [], with: [] };
  const others = watchOthers();
  await writeAtRate(source, PER_SECOND, 2, seed);
  for (let run = 0; run < runs; run += 1) {
    for (const which of run % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const)) {
      await using targetUrl = await freshStore('sqlite');
      await using sender =
        which === 'with' ? new Sender({ from: sourceUrl.url, to: targetUrl.url, isBlackHole: true }) : null;
      await sender?.until(({ state }) => state === 'tailing' || state === 'backfilling', 'connected');
      const written = await writeAtRate(source, PER_SECOND, seconds, seed + 2 * run + (which === 'with' ? 1 : 2));
      latencies[which].push([...written.latencies]);
      say(`${which} a black hole: p99 ${percentiles(written.latencies).p99} ms`);
    }
  }
  const p99 = (which: 'without' | 'with'): number[] => latencies[which].map((each) => percentiles(each).p99);
  return {
    ...{ writesPerSecond: PER_SECOND, seconds },
    without: percentiles(latencies.without.flat()),
    with: percentiles(latencies.with.flat()),
    p99MsWithout: spread(p99('without')),
    p99MsWith: spread(p99('with')),
    p99Ratio: rounded(median(p99('with')) / median(p99('without'))),
    othersShare: rounded(others() ?? Number.NaN),
  };
};
