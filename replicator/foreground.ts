/** Those who wait at the site while the replicator works beside them, on the same processors. */
import { readFileSync, readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { performance } from 'node:perf_hooks';
import { type Requests, StandAside } from './stand-aside.ts';

/** What a thread has had since it began, in ms: time on a processor, and time that it was ready and had to wait for one. */
export interface ProcessorTime {
  readonly ranMs: number;
  readonly waitedMs: number;
}

/** What the replicator can see of the thread that serves readers, and of itself. */
export interface Foreground {
  /** Of that thread; undefined where the system does not tell. */
  readonly served: () => ProcessorTime | undefined;
  /** How long this very thread was at work, in ms since it began. */
  readonly workedMs: () => number;
  /** Gets this thread out of the way of requests of that one. Absent: from here they can't be seen. */
  readonly aside?: Pick<StandAside, 'now' | 'asideMs' | 'isBeside'>;
}

/** A little behind others: they get a processor at once when they wake up, and this thread still gets its share. */
const NICENESS = 5;

/**
 * The main thread of a process on this machine. Linux tells (`/proc/PID/task/TID/schedstat`, in ns), others don't.
 * `requests`: what it answers now, where that is a thread of this process.
 */
export function foregroundOf(pid: number, requests?: Requests): Foreground {
  const file = `/proc/${pid}/task/${pid}/schedstat`;
  const aside = requests && new StandAside(requests);
  return {
    served: () => readProcessorTime(file),
    workedMs: () => performance.eventLoopUtilization().active - (aside?.asideMs ?? 0),
    ...(aside && { aside }),
  };
}

function readProcessorTime(file: string): ProcessorTime | undefined {
  try {
    const [ran = Number.NaN, waited = Number.NaN] = readFileSync(file, 'utf8').split(' ').map(Number);
    return Number.isFinite(ran + waited) ? { ranMs: ran / 1e6, waitedMs: waited / 1e6 } : undefined;
  } catch {
    return undefined;
  }
}

/** Lets others go first on a busy processor, from here on. Of this thread alone, where the system can (Linux). */
export function letOthersGoFirst(): void {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    if (thread > 0) setPriority(thread, NICENESS);
  } catch {
    // Best effort.
  }
}
