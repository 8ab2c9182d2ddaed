import type { DatabaseName } from '../../store/documents.ts';
import type { Runtime } from '../runtime.ts';

/**
 * - `sums`: both sides add up their buckets.
 * - `listing`: documents of buckets that differ.
 * - `checking`: looking again at what seems to differ.
 * - `hashing`: all bodies of both sides.
 */
export type VerifyPhase = 'sums' | 'listing' | 'checking' | 'hashing';

export interface VerifyProgress {
  readonly database: DatabaseName;
  readonly phase: VerifyPhase;
  /** Documents of this phase; `total` 0: not known. */
  readonly done: number;
  readonly total: number;
  readonly docsPerSecond: number;
  /** Null: not known yet. */
  readonly etaMs: number | null;
}

export type ProgressOf = (phase: VerifyPhase, done: number, total: number) => void;

/** A rate is told once it was measured for so long. */
const RATE_MS_MIN = 200;

export function progressTeller(
  database: DatabaseName,
  runtime: Runtime,
  onProgress: ((progress: VerifyProgress) => void) | undefined,
): ProgressOf {
  let current = '';
  let began = 0;
  return (phase, done, total) => {
    // Checking is part of listing: the time goes on.
    const now = phase === 'checking' ? 'listing' : phase;
    if (now !== current) began = runtime.elapsed();
    current = now;
    const ms = runtime.elapsed() - began;
    const perMs = ms >= RATE_MS_MIN ? done / ms : 0;
    const etaMs = perMs > 0 ? Math.max(0, total - done) / perMs : null;
    onProgress?.({ database, phase, done: Math.min(done, total), total, docsPerSecond: perMs * 1000, etaMs });
  };
}
