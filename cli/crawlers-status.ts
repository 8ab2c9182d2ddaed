import { crawlersStatus } from '../crawler/pause/status.ts';
import type { CommandSpec } from './command.ts';
import { statusText } from './crawlers-text.ts';
import { EXIT } from './exit.ts';
import { columnsOf } from './io.ts';
import { printWatched } from './watched.ts';
import { withCrawlers } from './with-crawlers.ts';

export const crawlersStatusCommand: CommandSpec = {
  usage: 'status',
  about: 'show whether the crawlers are paused, why, which processes crawl, and what is in flight',
  options: [['--watch', 'show it again every second, until stopped']],
  json: '{state, sentence, note, processes, inFlight, nextDueAt, modes, writers, queue, queueError}, one line each time',
  settings: ['store', 'queue'],
  examples: ['feedferry crawlers status', 'feedferry crawlers status --watch --queue redis://q1'],
  async run(invocation) {
    const { io, json } = invocation;
    return await withCrawlers(invocation, async (place) => {
      await printWatched(invocation, async () => {
        const status = await crawlersStatus(place);
        return json ? `${JSON.stringify(status)}\n` : statusText(status, columnsOf(io.stdout), io.clock());
      });
      return EXIT.done;
    });
  },
};
