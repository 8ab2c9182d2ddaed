import { setTimeout as sleep } from 'node:timers/promises';
import type { Control } from '../../store/contract.ts';
import { crawlerError } from '../errors.ts';
import type { Pause } from './note.ts';
import { type CrawlerProcess, listProcesses } from './processes.ts';

/** Every crawler that runs has seen the note by then. */
const LEAST_MS = 1_200;
/** A process whose note does not change for so long is dead or stopped: it is fenced, and not waited for. */
export const SILENT_MS = 3_000;
/** For giving back what was broken off. */
const GIVE_BACK_MS = 5_000;
const LOOK_MS = 100;

export type Answer =
  /** Nothing of its is in flight. */
  | 'stopped'
  /** Something is in flight, or it has not seen the pause yet. */
  | 'ending'
  /** It said nothing; it may not run any more. */
  | 'silent';

export interface AwaitedProcess extends Pick<CrawlerProcess, 'id' | 'command' | 'host' | 'pid'> {
  readonly answer: Answer;
  readonly inFlight: number;
  /** When it saw the pause. */
  readonly inFlightThen: number;
  readonly givenBack: number;
}

export interface AwaitedProcesses {
  readonly ms: number;
  readonly processes: readonly AwaitedProcess[];
}

export interface WaitProgress {
  readonly processes: readonly AwaitedProcess[];
  readonly inFlight: number;
  readonly waitedMs: number;
  /** Then what is in flight is broken off. */
  readonly limitMs: number;
}

export interface WaitOptions {
  readonly control: Control;
  readonly pause: Pause;
  readonly finishMsMax: number;
  readonly onProgress?: ((progress: WaitProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Goes by nobody's clock: a note that changes is a sign of life, one that does not change is none. */
export class Signs {
  readonly #seen = new Map<string, { rev: number; at: number }>();

  /** For how long the note of this process has been the same, in ms. */
  silence(id: string, rev: number, now: number): number {
    const before = this.#seen.get(id);
    if (before?.rev === rev) return now - before.at;
    this.#seen.set(id, { rev, at: now });
    return 0;
  }
}

/** Until every process that shows itself has nothing in flight, or the time is over. Throws CRAWLERS_UNPROVEN where it was told to stop. */
export async function awaitProcesses(options: WaitOptions): Promise<AwaitedProcesses> {
  const { control, pause, onProgress, signal } = options;
  const signs = new Signs();
  const startedAt = performance.now();
  // Another operator may have given it less time, or more.
  const limitMs = Math.max(options.finishMsMax, pause.finishMsMax);
  for (;;) {
    const listed = await listProcesses(control);
    const now = performance.now();
    const processes = listed.map(({ rev, ...one }) => answered(one, pause, signs.silence(one.id, rev, now)));
    const waitedMs = now - startedAt;
    onProgress?.({ processes, inFlight: inFlightOf(processes), waitedMs, limitMs });
    const isDone = waitedMs >= LEAST_MS && processes.every(({ answer }) => answer !== 'ending');
    if (isDone || waitedMs > limitMs + GIVE_BACK_MS) return { ms: waitedMs, processes };
    if (signal?.aborted)
      throw crawlerError('CRAWLERS_UNPROVEN', 'The wait was stopped before it was proven that no crawler can write');
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

function answered(process: CrawlerProcess, pause: Pause, silentMs: number): AwaitedProcess {
  const { id, command, host, pid, state, inFlight, inFlightThen, givenBack } = process;
  const hasSeen = process.pause === pause.id;
  const about = { id, command, host, pid };
  const counts = hasSeen ? { inFlight, inFlightThen, givenBack } : { inFlight, inFlightThen: inFlight, givenBack: 0 };
  if (hasSeen && state === 'paused') return { ...about, ...counts, answer: 'stopped' };
  return { ...about, ...counts, answer: silentMs > SILENT_MS ? 'silent' : 'ending' };
}

export function inFlightOf(processes: readonly AwaitedProcess[]): number {
  return processes.reduce((sum, { answer, inFlight }) => sum + (answer === 'silent' ? 0 : inFlight), 0);
}
