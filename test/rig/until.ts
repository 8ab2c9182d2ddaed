import { setTimeout as delay } from 'node:timers/promises';

/** Longer than anything takes on a slow, busy machine: only what never comes true runs into it. */
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 5;

/** Resolves once the condition holds; throws with `what` (what was waited for) after a minute without it. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${PATIENCE_MS / 1000} s in vain until ${what}`);
    await delay(LOOK_EVERY_MS);
  }
}
