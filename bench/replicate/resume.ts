import { setTimeout as delay } from 'node:timers/promises';
import { openStore } from '../../store/open.ts';
import { freshStore } from '../crawl/store-url.ts';
import { BenchFailure, say } from '../measure/progress.ts';
import { rounded, spread } from '../measure/statistics.ts';
import { fill } from './articles.ts';
import type { Case } from './options.ts';
import { Sender } from './run-sender.ts';

/** `kill -9` in the middle of a backfill: seconds until the next document arrives, and how many are sent again. */
export const resume: Case = async ({ docs, runs, seed }) => {
  await using sourceUrl = await freshStore('sqlite');
  {
    say(`filling a source with ${docs} articles`);
    await using source = await openStore(sourceUrl.url);
    await fill(source, docs, seed);
  }
  const seconds: number[] = [];
  const startSeconds: number[] = [];
  const again: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    await using targetUrl = await freshStore('sqlite');
    const there = async (): Promise<number> => {
      await using target = await openStore(targetUrl.url);
      return await target.articles.count();
    };
    await using first = new Sender({ from: sourceUrl.url, to: targetUrl.url, isBlackHole: false });
    await first.until((status) => status.docs > docs / 3, 'a third done');
    await first.kill();
    const before = await there();
    if (before >= docs) throw new BenchFailure('it was done before it could be killed: take more --docs');
    const began = performance.now();
    await using second = new Sender({ from: sourceUrl.url, to: targetUrl.url, isBlackHole: false });
    await second.until(() => true, 'started');
    startSeconds.push((performance.now() - began) / 1000);
    await using target = await openStore(targetUrl.url);
    while ((await target.articles.count()) === before) await delay(5);
    seconds.push((performance.now() - began) / 1000);
    await second.until(({ state, docsToDo }) => state === 'tailing' && docsToDo === 0, 'up to date');
    await second.stop();
    const sentAgain = second.summary?.metrics.stale ?? Number.NaN;
    if ((await target.articles.count()) !== docs) throw new BenchFailure('documents are missing');
    say(`killed at ${before} of ${docs}: ${rounded(seconds.at(-1) ?? 0)} s, ${sentAgain} sent again`);
    again.push(sentAgain);
  }
  return {
    docs,
    /** From starting the process to the first new document at the destination. */
    secondsToResume: spread(seconds),
    /** Of these, until the process tells a status at all. */
    secondsToStart: spread(startSeconds),
    sentAgain: spread(again),
  };
};
