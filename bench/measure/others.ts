import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { machineCpuSeconds, treeCpuSeconds } from './proc.ts';

/** What share of the machine (0 to 1) programs took that have nothing to do with the bench; null: not known. */
export type OthersShare = () => number | null;

/**
 * Starts watching. Everything that the bench starts is its child or grandchild, so all that the machine worked beyond
 * this process and its descendants was done by others.
 */
export function watchOthers(): OthersShare {
  const [machineBefore, oursBefore] = [machineCpuSeconds(), ourCpuSeconds()];
  const began = performance.now();
  return () => {
    const machine = machineCpuSeconds();
    if (machine === undefined || machineBefore === undefined) return null;
    const seconds = ((performance.now() - began) / 1000) * cpus().length;
    const others = machine - machineBefore - (ourCpuSeconds() - oursBefore);
    return Math.max(0, others / seconds);
  };
}

function ourCpuSeconds(): number {
  return treeCpuSeconds(process.pid);
}

const LOOK_MS = 5000;
const CALM_LOOKS = 3;
const CALM_SHARE = 0.05;

/** Waits until others have left the machine alone for a while, but no longer than `msMax`. True: it is calm. */
export async function untilCalm(msMax: number): Promise<boolean> {
  const until = performance.now() + msMax;
  let calm = 0;
  while (calm < CALM_LOOKS && performance.now() < until) {
    const share = watchOthers();
    await delay(LOOK_MS);
    calm = (share() ?? 0) <= CALM_SHARE ? calm + 1 : 0;
  }
  return calm >= CALM_LOOKS;
}
