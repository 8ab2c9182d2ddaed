/** Requests beyond the first of a claim: each waits until the host that it goes to may be asked. */
import { setTimeout as pause } from 'node:timers/promises';
import { hostOf } from './host-budget.ts';
import type { Claim, Queue } from './queue/contract.ts';

/**
 * How long a feed waits for a host that redirects lead to; then it failed this time, and is tried again later. A host that
 * very many feeds are led to serves one in a second, and holds up so many fetches at most.
 */
export const HOST_WAIT_MS_MAX = 30_000;

/** Resolves after so many ms, or when `signal` is aborted. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** Waits for the turn at the host of a URL. False: it did not come. */
export type WayTo = (url: string) => Promise<boolean>;

const sleepReally: Sleep = (ms, signal) => pause(ms, undefined, { signal }).catch(() => {});

/** For the requests of one claim. The first, at the host that was claimed, may be sent at once. */
export function wayFrom(claim: Claim, queue: Pick<Queue, 'goOn'>, signal: AbortSignal, sleep = sleepReally): WayTo {
  let isFirst = true;
  return async (url) => {
    const host = hostOf(url);
    const isThere = isFirst && host === claim.host;
    isFirst = false;
    if (isThere) return true;
    for (let waitedMs = 0; ; ) {
      // A queue that is away keeps no budgets: nobody is asked until it is back.
      const ms = await queue.goOn(claim, host).catch(() => null);
      if (ms === null) return false;
      if (ms === 0 || signal.aborted) return true;
      if (waitedMs >= HOST_WAIT_MS_MAX) return false;
      await sleep(ms, signal);
      waitedMs += ms;
    }
  };
}
