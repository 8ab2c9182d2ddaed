import { setTimeout as delay } from 'node:timers/promises';
import { listDestinations, listStatuses, type ShownStatus, unknownDestination } from '../replicator/configuration.ts';
import type { Control } from '../store/contract.ts';
import type { CommandSpec } from './command.ts';
import { EXIT } from './exit.ts';
import { columnsOf, write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { statusText } from './replicate-text.ts';
import { stopSignals } from './stop-signals.ts';
import { printable } from './text.ts';

/** Between two pictures of `--watch`, in ms. */
const WATCH_MS = 1000;

export const replicateStatusCommand: CommandSpec = {
  usage: 'status [name]',
  about: 'show what each destination does, how far behind it is, and why it waits',
  args: { name: 'only this destination' },
  options: [['--watch', 'show it again every second, until stopped']],
  json: '[{status, process: {pid, host}, at}], one line each time',
  settings: ['store'],
  examples: ['feedferry replicate status', 'feedferry replicate status offsite --watch'],
  async run(invocation) {
    const { io, json, args, options } = invocation;
    await using store = await openedStore(invocation, { mustExist: true });
    using stop = stopSignals();
    do {
      const shown = await shownStatuses(store.control, args[0]);
      const idle = await neverStarted(store.control, shown, args[0]);
      if (args[0] !== undefined && shown.length === 0 && idle === '') throw unknownDestination(args[0]);
      const text = json
        ? `${JSON.stringify(shown)}\n`
        : `${options.watch === true && io.stdout.isTTY === true ? '\u001b[H\u001b[2J' : ''}${shown.length === 0 && idle !== '' ? '' : statusText(shown, columnsOf(io.stdout), io.clock())}${idle}`;
      await write(io.stdout, text);
      if (options.watch === true) await delay(WATCH_MS, undefined, { signal: stop.signal }).catch(() => {});
    } while (options.watch === true && !stop.signal.aborted);
    return EXIT.done;
  },
};

async function shownStatuses(control: Control, name: string | undefined): Promise<ShownStatus[]> {
  const all = await listStatuses(control);
  return name === undefined ? all : all.filter(({ status }) => status.name === name);
}

/** Destinations that were added and that nobody worked on yet. */
async function neverStarted(
  control: Control,
  shown: readonly ShownStatus[],
  only: string | undefined,
): Promise<string> {
  const seen = new Set(shown.map(({ status }) => status.name));
  const idle = (await listDestinations(control)).filter(
    ({ name }) => !seen.has(name) && (only === undefined || name === only),
  );
  return idle.map(({ name }) => `${printable(name)}  was added; it begins when \`feedferry serve\` runs\n`).join('');
}
