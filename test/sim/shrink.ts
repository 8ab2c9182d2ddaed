import type { Mistake } from './mistakes.ts';
import type { Violation } from './oracle.ts';
import type { Plan, Step } from './plan.ts';
import { runPlan } from './run.ts';

/** A schedule that fails for ever is not looked at for longer. */
const TRIES_MAX = 1500;

/**
 * The shortest plan that still shows the same kind of violation: steps are left out, halves first and then one by one,
 * until none can be spared; then waits are left out. Call it in a turn of its own (`inTurn`).
 */
export function shrink(plan: Plan, kind: Violation['kind'], mistake: Mistake): Plan {
  let tries = 0;
  const fails = (steps: readonly Step[], change: Partial<Plan> = {}): boolean => {
    tries += 1;
    if (tries > TRIES_MAX) return false;
    return runPlan({ ...plan, ...change, steps }, mistake).violations.some((violation) => violation.kind === kind);
  };
  let { steps } = plan;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < steps.length; ) {
      const rest = [...steps.slice(0, at), ...steps.slice(at + size)];
      if (fails(rest)) {
        steps = rest;
        if (size === 1) at = Math.max(0, at - 1);
      } else at += size;
    }
  }
  for (const [at, step] of steps.entries()) {
    for (const gapMs of [0, 5]) {
      if (step.gapMs <= gapMs) break;
      const calmer = steps.with(at, { ...step, gapMs });
      if (!fails(calmer)) continue;
      steps = calmer;
      break;
    }
  }
  let simple: Plan = { ...plan, steps };
  for (const change of [{ concurrency: 1 }, { batchDocs: 1 }, { isDirect: false }, { durability: 'sync' }] as const) {
    if (fails(steps, { ...simple, ...change })) simple = { ...simple, ...change };
  }
  return simple;
}
