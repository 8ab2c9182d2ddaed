import type { Cost } from '../measure/node-process.ts';
import { rounded, type Spread, spread } from '../measure/statistics.ts';

/** The three crawls that are measured, in this order. */
export const PHASES = ['cold', 'unchanged', 'changed'] as const;
export type Phase = (typeof PHASES)[number];

/** New entries of every feed before the third crawl. */
export const NEW_ENTRIES = 2;

export interface PhaseFigures extends Cost {
  /** Entries that were looked at, written or not. */
  readonly entries: number;
  /** CPU seconds of a database server that did part of the work; null: there is none. */
  readonly databaseCpuSeconds: number | null;
}

export interface RunFigures extends Readonly<Record<Phase, PhaseFigures>> {
  /** Share of the machine that other programs took while this ran, 0 to 1; null: not known. */
  readonly othersShare: number | null;
}

export interface PhaseReport {
  readonly feedsPerSecond: number;
  /** Null where no entry was looked at. */
  readonly articlesPerSecond: number | null;
  readonly wallSeconds: Spread;
  readonly cpuSeconds: Spread;
  readonly databaseCpuSeconds: Spread | null;
  readonly peakMemoryBytes: Spread;
}

/** Medians and ranges of several runs. */
export function reportPhases(runs: readonly RunFigures[], feeds: number): Record<Phase, PhaseReport> {
  return Object.fromEntries(
    PHASES.map((phase) => [
      phase,
      reportOne(
        runs.map((run) => run[phase]),
        feeds,
      ),
    ]),
  ) as Record<Phase, PhaseReport>;
}

function reportOne(figures: readonly PhaseFigures[], feeds: number): PhaseReport {
  const wallSeconds = spread(figures.map((one) => one.wallSeconds));
  const entries = figures[0]?.entries ?? 0;
  const database = figures.flatMap((one) => one.databaseCpuSeconds ?? []);
  return {
    feedsPerSecond: rounded(feeds / wallSeconds.median),
    articlesPerSecond: entries === 0 ? null : rounded(entries / wallSeconds.median),
    wallSeconds,
    cpuSeconds: spread(figures.map((one) => one.cpuSeconds)),
    databaseCpuSeconds: database.length === 0 ? null : spread(database),
    peakMemoryBytes: spread(figures.map((one) => one.peakMemoryBytes)),
  };
}

/** How busy others kept the machine in these runs. */
export function reportOthers(runs: readonly RunFigures[]): Spread | null {
  const shares = runs.flatMap((run) => run.othersShare ?? []);
  return shares.length === 0 ? null : spread(shares);
}

/**
 * Ours to theirs, run by run, as both ran one after the other: the machine's speed drifts, their ratio drifts less.
 * Above 1: Feedferry took less.
 */
export function ratios(
  ours: readonly RunFigures[],
  theirs: readonly RunFigures[],
): Record<Phase, Record<string, Spread>> {
  const pairs = ours.flatMap((run, i) => {
    const other = theirs[i];
    return other === undefined ? [] : [{ run, other }];
  });
  const allCpu = (figures: PhaseFigures): number => figures.cpuSeconds + (figures.databaseCpuSeconds ?? 0);
  const ratioOf = (phase: Phase): Record<string, Spread> => ({
    wall: spread(pairs.map(({ run, other }) => other[phase].wallSeconds / run[phase].wallSeconds)),
    cpu: spread(pairs.map(({ run, other }) => allCpu(other[phase]) / allCpu(run[phase]))),
    peakMemory: spread(pairs.map(({ run, other }) => other[phase].peakMemoryBytes / run[phase].peakMemoryBytes)),
  });
  return { cold: ratioOf('cold'), unchanged: ratioOf('unchanged'), changed: ratioOf('changed') };
}
