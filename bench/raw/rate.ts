import { median, rounded } from '../measure/statistics.ts';

/** What one library can do on one core, alone. */
export interface Limit {
  readonly what: string;
  /** Of `per`, in a second of CPU time; the median of the runs. */
  readonly perCpuSecond: number;
  readonly perSecond: number;
  readonly per: string;
  /** CPU seconds for all of it once. */
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly amount: number;
}

/**
 * Runs the same work several times. CPU seconds are those of the whole process, garbage collection included; they say more
 * than wall time where other programs run too.
 */
export async function limitOf(
  what: string,
  per: string,
  amount: number,
  runs: number,
  work: () => void | Promise<void>,
): Promise<Limit> {
  const cpu: number[] = [];
  const wall: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const before = process.cpuUsage();
    const began = performance.now();
    await work();
    wall.push((performance.now() - began) / 1000);
    const { user, system } = process.cpuUsage(before);
    cpu.push((user + system) / 1e6);
  }
  const [cpuSeconds, wallSeconds] = [median(cpu), median(wall)];
  return {
    what,
    perCpuSecond: rounded(amount / cpuSeconds),
    perSecond: rounded(amount / wallSeconds),
    per,
    cpuSeconds: rounded(cpuSeconds),
    wallSeconds: rounded(wallSeconds),
    amount: rounded(amount),
  };
}
