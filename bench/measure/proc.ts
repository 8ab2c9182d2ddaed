import { readdirSync, readFileSync } from 'node:fs';

/** Of /proc/PID/stat; `getconf CLK_TCK` is 100 on every Linux that Node runs on. */
const TICKS_A_SECOND = 100;

interface Stat {
  readonly parent: number;
  readonly own: number;
  /** Of children that have ended and were waited for. */
  readonly ofChildren: number;
}

/** CPU seconds of a process and all its descendants so far, those that have ended included. */
export function treeCpuSeconds(root: number): number {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readStat(Number(name)) : undefined;
    if (stat) stats.set(Number(name), stat);
  }
  const isInside = (pid: number): boolean => {
    if (pid === root) return true;
    const parent = stats.get(pid)?.parent ?? 0;
    return parent > 0 && isInside(parent);
  };
  let ticks = 0;
  for (const [pid, stat] of stats) if (isInside(pid)) ticks += stat.own + stat.ofChildren;
  return ticks / TICKS_A_SECOND;
}

/** CPU seconds of all children of this process that have ended. */
export function endedChildrenCpuSeconds(): number {
  return (readStat(process.pid)?.ofChildren ?? 0) / TICKS_A_SECOND;
}

/** The most memory that a process has had resident; undefined: it has ended. */
export function peakMemoryOf(pid: number): number | undefined {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/** CPU seconds that the whole machine has spent on programs since it started; undefined: not on Linux. */
export function machineCpuSeconds(): number | undefined {
  const fields = /^cpu +(.*)$/m.exec(read('/proc/stat'))?.[1]?.split(' ').map(Number);
  if (fields === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = fields;
  return (user + nice + system + irq + softirq) / TICKS_A_SECOND;
}

function readStat(pid: number): Stat | undefined {
  const text = read(`/proc/${pid}/stat`);
  // The name of the program stands in brackets and may hold blanks and brackets (proc_pid_stat(5)).
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const at = (field: number): number => fields[field - 3] ?? 0;
  return text === '' ? undefined : { parent: at(4), own: at(14) + at(15), ofChildren: at(16) + at(17) };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
