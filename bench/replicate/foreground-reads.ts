import type { Store } from '../../store/contract.ts';
import { openStore } from '../../store/open.ts';
import { freshStore } from '../crawl/store-url.ts';
import { watchOthers } from '../measure/others.ts';
import { say } from '../measure/progress.ts';
import { median, rounded, spread } from '../measure/statistics.ts';
import { fill } from './articles.ts';
import type { Case } from './options.ts';
import { percentiles } from './percentiles.ts';
import { Sender } from './run-sender.ts';

/** A page of a reading list. */
const PAGE = 50;
const PAUSE_MS = 2;

/** What readers of the source notice of a backfill in another process: p99 of a page of articles with it and without. */
export const foregroundReads: Case = async ({ docs, runs, seconds, seed }) => {
  await using sourceUrl = await freshStore('sqlite');
  await using source = await openStore(sourceUrl.url);
  say(`filling a source with ${docs} articles`);
  await fill(source, docs, seed);
  const others = watchOthers();
  const latencies: Record<'without' | 'with', number[][]> = { without: [], with: [] };
  const shares: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    for (const which of run % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const)) {
      await using targetUrl = await freshStore('sqlite');
      await using sender =
        which === 'with' ? new Sender({ from: sourceUrl.url, to: targetUrl.url, isBlackHole: false }) : null;
      await sender?.until((status) => status.docs > 0, 'sending');
      const until = performance.now() + seconds * 1000;
      const isOn = (): boolean =>
        performance.now() < until && (sender?.status?.state ?? 'backfilling') === 'backfilling';
      const measured = await read(source, isOn);
      latencies[which].push(measured);
      if (sender?.status) shares.push(sender.status.docs);
      say(`${which} a backfill: p99 ${percentiles(measured).p99} ms of ${measured.length}`);
    }
  }
  const p99 = (which: 'without' | 'with'): number[] => latencies[which].map((each) => percentiles(each).p99);
  return {
    ...{ docs, page: PAGE, sentMeanwhile: spread(shares) },
    without: percentiles(latencies.without.flat()),
    with: percentiles(latencies.with.flat()),
    p99MsWithout: spread(p99('without')),
    p99MsWith: spread(p99('with')),
    p99Ratio: rounded(median(p99('with')) / median(p99('without'))),
    othersShare: rounded(others() ?? Number.NaN),
  };
};

/** Pages of the timeline with their articles, from all over the store. In ms each. */
async function read({ articles }: Store, isOn: () => boolean): Promise<number[]> {
  const taken: number[] = [];
  let before: { at: number; num: number } | undefined;
  while (isOn()) {
    const began = performance.now();
    const page = await articles.timeline({ ...(before && { before }), limit: PAGE });
    await articles.getMany(page.map(({ id }) => id));
    taken.push(performance.now() - began);
    before = page.at(-1);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return taken;
}
