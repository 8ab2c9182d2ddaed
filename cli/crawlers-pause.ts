import type { WaitProgress } from '../crawler/pause/wait.ts';
import type { CommandSpec } from './command.ts';
import { pauseProgressText, pauseText } from './crawlers-text.ts';
import { pauseByWish, pauseWishFrom, TIMEOUT_SHOWN, whoRunsThis } from './crawlers-wishes.ts';
import { EXIT } from './exit.ts';
import { write } from './io.ts';
import { progressLine } from './progress.ts';
import { stopSignals } from './stop-signals.ts';
import { withCrawlers } from './with-crawlers.ts';

export const crawlersPauseCommand: CommandSpec = {
  usage: 'pause',
  about: 'stop all crawlers of the site, on every machine, until resumed; with --wait prove that none can write',
  options: [
    ['--wait', 'return when no crawler can write any more, fenced by slot, and print the proof'],
    ['--timeout <TIME>', `what is in flight may end for so long, then it is given back (default: ${TIMEOUT_SHOWN})`],
    ['--reason <TEXT>', 'shown to whoever finds the crawlers paused'],
    ['--read-only', 'with the proof, also set the databases articles and feeds read-only; implies --wait'],
  ],
  json: '{pause, isAlready, proof: {waited, fenced, slots, queue, readOnly} or null without --wait}',
  settings: ['store', 'queue'],
  examples: [
    "feedferry crawlers pause --reason 'index upgrade'",
    'feedferry crawlers pause --wait --read-only --timeout 10s --queue redis://q1',
  ],
  async run(invocation) {
    const { io, json, options } = invocation;
    const wish = pauseWishFrom(options);
    return await withCrawlers(invocation, async (place) => {
      using stop = stopSignals();
      const paused = async () => {
        using line = progressLine(io.stderr, io.clock);
        const onProgress = (progress: WaitProgress) => line.show(pauseProgressText(progress));
        return await pauseByWish({ ...place, by: whoRunsThis(), signal: stop.signal, onProgress }, wish);
      };
      const report = await paused();
      await write(io.stdout, json ? `${JSON.stringify(report)}\n` : pauseText(report, io.clock()));
      return EXIT.done;
    });
  },
};
