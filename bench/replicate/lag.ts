import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from '../../store/contract.ts';
import { openStore } from '../../store/open.ts';
import { freshStore } from '../crawl/store-url.ts';
import { watchOthers } from '../measure/others.ts';
import { BenchFailure, say } from '../measure/progress.ts';
import { rounded } from '../measure/statistics.ts';
import type { Case } from './options.ts';
import { writeAtRate } from './paced-writes.ts';
import { percentiles } from './percentiles.ts';
import { Sender } from './run-sender.ts';

const PER_SECOND = 1000;
/** How often the destination is looked at from outside. */
const LOOK_MS = 10;

type Engine = 'sqlite' | 'mongodb';

/**
 * How long a document takes from the acknowledgement of its writing at the source until somebody who reads the destination's own change feed
 * sees it there, at 1,000 writes a second; and what the replicator says of itself.
 */
export function lag(from: Engine, to: Engine): Case {
  return async ({ seconds, seed }) => {
    await using sourceUrl = await freshStore(from);
    await using targetUrl = await freshStore(to);
    await using source = await openStore(sourceUrl.url);
    await using target = await openStore(targetUrl.url);
    await using sender = new Sender({ from: sourceUrl.url, to: targetUrl.url, isBlackHole: false });
    await sender.until(({ state }) => state === 'tailing', 'tailing');
    say(`${PER_SECOND} writes a second for ${seconds} s`);
    const others = watchOthers();
    const watching = new AbortController();
    const seen = watch(target, watching.signal);
    const { count, acknowledgedAt } = await writeAtRate(source, PER_SECOND, seconds, seed);
    await sender.until(({ docs }) => docs >= count, 'all sent');
    await delay(LOOK_MS * 10);
    watching.abort();
    const seenAt = await seen;
    if (seenAt.size < count) throw new BenchFailure(`${seenAt.size} of ${count} documents were seen`);
    const lags = [...acknowledgedAt].map(([id, at]) => (seenAt.get(id) ?? Number.NaN) - at);
    return {
      ...{ from, to, writesPerSecond: PER_SECOND, seconds },
      lagMs: percentiles(lags),
      toldMs: sender.status?.lagMs,
      othersShare: rounded(others() ?? Number.NaN),
    };
  };
}

/** When each document was first seen, of `performance.now`. */
async function watch(store: Store, signal: AbortSignal): Promise<Map<string, number>> {
  const seenAt = new Map<string, number>();
  const positions = new Map<number, number>();
  while (!signal.aborted) {
    for (const { slot, stable } of await store.articles.changes.slots()) {
      const after = positions.get(slot) ?? 0;
      if (stable <= after) continue;
      const page = await store.articles.changes.read(slot, after, 1000);
      for (const { id } of page.docs) seenAt.set(id, performance.now());
      positions.set(slot, page.through);
    }
    await delay(LOOK_MS);
  }
  return seenAt;
}
