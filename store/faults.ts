import type { DatabaseName } from './documents.ts';

/**
 * Where a write is, for tests that make it fail there. No part of `OpenOptions`: nothing but a test passes one.
 *
 * - `numbered`: it has its number and is about to go to the server. `before-commit`: the same in an engine that numbers
 *   inside its transaction; `n` is 0, as there is none yet.
 * - `written`, `after-commit`: it landed, and the caller has not been told.
 * - `published`: `stable` covers it.
 */
export type FaultPoint = 'numbered' | 'written' | 'published' | 'before-commit' | 'after-commit';

export interface FaultInfo {
  readonly database: DatabaseName;
  readonly slot: number;
  readonly n: number;
}

export interface Faults {
  /**
   * Awaited at each point that the engine has. A promise that stays pending is a stall (for good: a crash).
   * Throwing before the write (`numbered`, `before-commit`) is a crash: the engine passes the error on and mends
   * nothing. Throwing after it (`written`, `after-commit`) is a lost acknowledgement: the engine treats the error as one
   * of the server's.
   */
  at(point: FaultPoint, info: FaultInfo): Promise<void> | void;
}
