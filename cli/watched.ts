import { setTimeout as delay } from 'node:timers/promises';
import type { Invocation } from './command.ts';
import { write } from './io.ts';
import { stopSignals } from './stop-signals.ts';

/** Between two pictures of `--watch`, in ms. */
const WATCH_MS = 1000;
/** The cursor to the upper left corner, and nothing on the screen. */
const CLEAR = '\u001b[H\u001b[2J';

/** Prints the picture once; with `--watch` again every second, on a terminal in its place, until stopped. */
export async function printWatched({ io, json, options }: Invocation, picture: () => Promise<string>): Promise<void> {
  const isWatched = options.watch === true;
  const clear = isWatched && io.stdout.isTTY === true && !json ? CLEAR : '';
  using stop = stopSignals();
  do {
    await write(io.stdout, clear + (await picture()));
    if (isWatched) await delay(WATCH_MS, undefined, { signal: stop.signal }).catch(() => {});
  } while (isWatched && !stop.signal.aborted);
}
