import { setTimeout as pause } from 'node:timers/promises';
import { storeError } from '../errors.ts';
import { asStoreError, isBusy } from './failures.ts';

/** How long SQLite itself waits for a lock, while the event loop stands still. Longer waits are ours, and async. */
export const BUSY_TIMEOUT_MS = 5;

/** Between two attempts at a lock that another process holds. */
export const PAUSE_MS_MIN = 1;
export const PAUSE_MS_MAX = 30;

export interface Patience {
  readonly path: string;
  readonly waitMsMax: number;
  /** Throws where waiting makes no sense any more. */
  readonly check?: () => void;
}

/** Tries until no other process holds the lock. Throws STORE_*. */
export async function whileBusy<T>(patience: Patience, attempt: () => T): Promise<T> {
  const started = performance.now();
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
    patience.check?.();
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw asStoreError(error, patience.path);
      const waitedMs = performance.now() - started;
      if (waitedMs >= patience.waitMsMax) throw locked(patience.path, waitedMs, error);
    }
    await pause(withJitter(pauseMs));
  }
}

/** So that several that wait don't meet again. */
export function withJitter(pauseMs: number): number {
  return pauseMs * (0.5 + Math.random());
}

export function locked(path: string, waitedMs: number, cause: unknown): Error {
  const message = `The store ${path} stayed locked by another process for ${(waitedMs / 1000).toFixed(1)} s.`;
  return storeError('STORE_LOCKED', message, { input: path, cause, retryable: true });
}
