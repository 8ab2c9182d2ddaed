import type { Test } from 'tap';

/** Ends a test as skipped, with the reason; the test command repeats all reasons at its end, so that none is missed. */
export function skipLoudly(t: Test, reason: string): void {
  t.pass('skipped', { skip: reason });
}
