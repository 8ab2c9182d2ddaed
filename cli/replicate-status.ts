import {
  type DestinationConfig,
  listDestinations,
  listStatuses,
  type ShownStatus,
  shownUrl,
  unknownDestination,
} from '../replicator/configuration.ts';
import { DEFAULT_LIMITS, withLimits } from '../replicator/sending/limits.ts';
import type { DestinationStatus } from '../replicator/status.ts';
import type { Control } from '../store/contract.ts';
import type { CommandSpec } from './command.ts';
import { EXIT } from './exit.ts';
import { columnsOf } from './io.ts';
import { openedStore } from './opened-store.ts';
import { statusText } from './replicate-text.ts';
import { printable } from './text.ts';
import { printWatched } from './watched.ts';

const NEVER_STARTED = 'was added; it begins when `feedferry serve` runs';

export const replicateStatusCommand: CommandSpec = {
  usage: 'status [name]',
  about: 'show what each destination does, how far behind it is, and why it waits',
  args: { name: 'only this destination' },
  options: [['--watch', 'show it again every second, until stopped']],
  json: '[{status, process: {pid, host} | null, at}], one line each time',
  settings: ['store'],
  examples: ['feedferry replicate status', 'feedferry replicate status offsite --watch'],
  async run(invocation) {
    const { io, json, args } = invocation;
    await using store = await openedStore(invocation, { mustExist: true });
    await printWatched(invocation, async () => {
      const shown = await shownStatuses(store.control, args[0]);
      const kept = await listDestinations(store.control);
      const idle = neverStarted(kept, shown, args[0]);
      if (args[0] !== undefined && shown.length + idle.length === 0) throw unknownDestination(args[0]);
      const now = io.clock();
      return json
        ? `${JSON.stringify([...shown, ...idle.map((config) => shownIdle(config, now))])}\n`
        : textOf(shown, idle, new Set(kept.map(({ name }) => name)), columnsOf(io.stdout), now);
    });
    return EXIT.done;
  },
};

async function shownStatuses(control: Control, name: string | undefined): Promise<ShownStatus[]> {
  const all = await listStatuses(control);
  return name === undefined ? all : all.filter(({ status }) => status.name === name);
}

/** Destinations that were added and that nobody worked on yet. */
function neverStarted(
  kept: readonly DestinationConfig[],
  shown: readonly ShownStatus[],
  only: string | undefined,
): DestinationConfig[] {
  const seen = new Set(shown.map(({ status }) => status.name));
  return kept.filter(({ name }) => !seen.has(name) && (only === undefined || name === only));
}

function textOf(
  shown: readonly ShownStatus[],
  idle: readonly DestinationConfig[],
  kept: ReadonlySet<string>,
  columns: number,
  now: number,
): string {
  const started = shown.length === 0 && idle.length > 0 ? '' : statusText(shown, columns, now, kept);
  return started + idle.map(({ name }) => `${printable(name)}  ${NEVER_STARTED}\n`).join('');
}

/** As the others are shown, so that nobody has to read two shapes. */
function shownIdle(
  { name, to, direction, databases, limits }: DestinationConfig,
  now: number,
): Omit<ShownStatus, 'process' | 'at'> & { readonly process: null; readonly at: null } {
  const status: DestinationStatus = {
    ...{ name, url: shownUrl(to), direction, state: 'stopped', why: `It ${NEVER_STARTED}.`, since: now, retryAt: null },
    databases: databases.map((database) => ({ database, docs: 0, bytes: 0, docsToDo: 0, share: 0 })),
    ...{ docs: 0, bytes: 0, docsToDo: 0, docsPerSecond: 0, bytesPerSecond: 0, etaMs: null, lagMs: null, behindMs: 0 },
    ...{ conflicts: 0, aside: 0, retries: 0, lastError: null, throttle: 'nothing' },
    limits: withLimits(DEFAULT_LIMITS, limits),
  };
  return { status, process: null, reseeds: 0, at: null };
}
