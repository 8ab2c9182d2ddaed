import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from '../../store/contract.ts';
import { openStore } from '../../store/open.ts';
import { freshStore } from '../crawl/store-url.ts';
import { watchOthers } from '../measure/others.ts';
import { say } from '../measure/progress.ts';
import { rounded, spread } from '../measure/statistics.ts';
import { alternate } from './alternate.ts';
import { fill } from './articles.ts';
import type { Case } from './options.ts';
import { Sender } from './run-sender.ts';

/** A page of a reading list. */
const PAGE = 50;
/** Between two pages: up to 100 a second, more than all readers of most sites ask for. */
const PAUSE_MS = 10;
const WARM_UP_MS = 2000;

/**
 * What readers of the source notice of a backfill beside them: p99 of a page of articles with it and without. The
 * replicator knows the process that reads, as that of `serve` knows its own.
 */
export const foregroundReads: Case = async (options) => {
  const { docs, seed } = options;
  await using sourceUrl = await freshStore('sqlite');
  await using source = await openStore(sourceUrl.url);
  say(`filling a source with ${docs} articles`);
  await fill(source, docs, seed);
  const others = watchOthers();
  const rates: number[] = [];
  await read(source, WARM_UP_MS, () => true);
  const measured = await alternate(options, async (which, seconds) => {
    if (which === 'without') return await read(source, seconds * 1000, () => true);
    await using targetUrl = await freshStore('sqlite');
    await using sender = new Sender({
      ...{ from: sourceUrl.url, to: targetUrl.url, isBlackHole: false, servedBy: process.pid },
    });
    const before = await sender.until((status) => status.docs > 0, 'sending');
    const began = performance.now();
    const taken = await read(source, seconds * 1000, () => sender.status?.state === 'backfilling');
    const sent = (sender.status?.docs ?? 0) - before.docs;
    rates.push((sent / (performance.now() - began)) * 1000);
    return taken;
  });
  return {
    ...{ docs, page: PAGE, ...measured, backfillArticlesPerSecond: spread(rates) },
    othersShare: rounded(others() ?? Number.NaN),
  };
};

/** Pages of the timeline with their articles, from all over the store. In ms each. */
async function read({ articles }: Store, msMax: number, isOn: () => boolean): Promise<number[]> {
  const taken: number[] = [];
  const until = performance.now() + msMax;
  let before: { at: number; num: number } | undefined;
  while (performance.now() < until && isOn()) {
    const began = performance.now();
    const page = await articles.timeline({ ...(before && { before }), limit: PAGE });
    await articles.getMany(page.map(({ id }) => id));
    taken.push(performance.now() - began);
    before = page.at(-1);
    await delay(PAUSE_MS);
  }
  return taken;
}
