import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../store/contract.ts';
import type { Foreground } from './foreground.ts';

/** What the replicator takes from the world, so that tests and the simulator can drive it. */
export interface Runtime {
  /** Milliseconds since 1970; it may jump. Only for what people read, and for versions. */
  readonly clock: Clock;
  /** Milliseconds from some moment; never runs backwards. All limits and rates are measured with it. */
  readonly elapsed: () => number;
  /** 0 <= x < 1. */
  readonly random: () => number;
  /** Resolves after `ms`, or as soon as `signal` aborts. Never rejects. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Those a backfill gives way to. Absent: nobody. */
  readonly foreground?: Foreground;
}

export const realRuntime: Runtime = {
  clock: Date.now,
  elapsed: () => performance.now(),
  random: Math.random,
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  },
};
