import { crawlersStatus } from '../crawler/pause/status.ts';
import type { CommandSpec } from './command.ts';
import { crawlQueue } from './crawl.ts';
import { statusText } from './crawlers-text.ts';
import { EXIT } from './exit.ts';
import { columnsOf } from './io.ts';
import { openedStore } from './opened-store.ts';
import { printWatched } from './watched.ts';

export const crawlersStatusCommand: CommandSpec = {
  usage: 'status',
  about: 'show whether the crawlers are paused, why, which processes crawl, and what is in flight',
  options: [['--watch', 'show it again every second, until stopped']],
  json: '{state, sentence, note, processes, inFlight, nextDueAt, modes, writers, queue}, one line each time',
  settings: ['store', 'queue'],
  examples: ['feedferry crawlers status', 'feedferry crawlers status --watch --queue redis://q1'],
  async run(invocation) {
    const { io, json } = invocation;
    const settings = invocation.settings();
    await using store = await openedStore(invocation, { mustExist: true });
    await using queue = await crawlQueue(settings, store, io.clock);
    await printWatched(invocation, async () => {
      const status = await crawlersStatus({ store, queue, clock: io.clock });
      return json ? `${JSON.stringify(status)}\n` : statusText(status, columnsOf(io.stdout), io.clock());
    });
    return EXIT.done;
  },
};
