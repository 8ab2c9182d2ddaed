import { Lab } from './lab.ts';
import type { Mistake } from './mistakes.ts';
import type { Violation } from './oracle.ts';
import type { Plan } from './plan.ts';

export interface RunResult {
  readonly violations: readonly Violation[];
  readonly acknowledged: number;
  readonly events: number;
  /** Milliseconds of virtual time. */
  readonly elapsedMs: number;
  readonly trace: readonly string[];
  readonly traceHash: string;
}

/** Runs one schedule, synchronously. Call it in a turn of its own (`inTurn`). */
export function runPlan(plan: Plan, mistake: Mistake = 'none', isTraced = false): RunResult {
  const lab = new Lab(plan, mistake, isTraced);
  const { stackTraceLimit } = Error;
  // Most errors here are meant to happen; where they were thrown is wanted by people only.
  if (!isTraced) Error.stackTraceLimit = 0;
  try {
    lab.run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return {
    violations: lab.oracle.violations,
    acknowledged: lab.oracle.acknowledged,
    events: lab.world.events,
    elapsedMs: lab.world.now,
    trace: lab.trace.lines,
    traceHash: isTraced ? lab.trace.hash() : '',
  };
}
