import { setTimeout as sleep } from 'node:timers/promises';
import { crawlerError } from '../errors.ts';
import type { Drained, QueueCounts } from './contract.ts';

/** Between two looks at what is in flight. */
const LOOK_MS = 50;

/** Asks `step`, which pauses the queue and takes back what nobody renews, until it finds nothing in flight. */
export async function drainBy(
  step: () => Promise<QueueCounts & Pick<Drained, 'pausedBy' | 'reclaimed'>>,
  msMax: number,
): Promise<Drained> {
  const startedAt = performance.now();
  for (let reclaimed = 0; ; ) {
    const { claimed, waiting, pausedBy, reclaimed: now } = await step();
    reclaimed += now;
    if (claimed === 0) return { pausedBy, claimed, waiting, reclaimed };
    if (performance.now() - startedAt > msMax) {
      const message = `${claimed} claims did not end within ${Math.round(msMax / 1_000)} s`;
      throw crawlerError('CRAWL_QUEUE_BUSY', message, { retryable: true });
    }
    await sleep(LOOK_MS);
  }
}
