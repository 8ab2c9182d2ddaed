import { setTimeout as delay } from 'node:timers/promises';
import { crawlersStatus } from '../crawler/pause/status.ts';
import type { CommandSpec } from './command.ts';
import { crawlQueue } from './crawl.ts';
import { statusText } from './crawlers-text.ts';
import { EXIT } from './exit.ts';
import { columnsOf, write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { stopSignals } from './stop-signals.ts';

/** Between two pictures of `--watch`, in ms. */
const WATCH_MS = 1_000;

export const crawlersStatusCommand: CommandSpec = {
  usage: 'status',
  about: 'show whether the crawlers are paused, why, which processes crawl, and what is in flight',
  options: [['--watch', 'show it again every second, until stopped']],
  json: '{state, sentence, note, processes, inFlight, nextDueAt, modes, writers, queue}, one line each time',
  settings: ['store', 'queue'],
  examples: ['feedferry crawlers status', 'feedferry crawlers status --watch --queue redis://q1'],
  async run(invocation) {
    const { io, json, options } = invocation;
    const settings = invocation.settings();
    await using store = await openedStore(invocation, { mustExist: true });
    await using queue = await crawlQueue(settings, store, io.clock);
    using stop = stopSignals();
    const clear = options.watch === true && io.stdout.isTTY === true && !json ? '\u001b[H\u001b[2J' : '';
    do {
      const status = await crawlersStatus({ store, queue, clock: io.clock });
      const text = json ? `${JSON.stringify(status)}\n` : statusText(status, columnsOf(io.stdout), io.clock());
      await write(io.stdout, clear + text);
      if (options.watch === true) await delay(WATCH_MS, undefined, { signal: stop.signal }).catch(() => {});
    } while (options.watch === true && !stop.signal.aborted);
    return EXIT.done;
  },
};
