import type { CommandSpec } from './command.ts';
import { resumeText } from './crawlers-text.ts';
import { resumeByWish, whoRunsThis } from './crawlers-wishes.ts';
import { EXIT } from './exit.ts';
import { write } from './io.ts';
import { stopSignals } from './stop-signals.ts';
import { withCrawlers } from './with-crawlers.ts';

export const crawlersResumeCommand: CommandSpec = {
  usage: 'resume',
  about: 'let the crawlers go on; what the pause had set read-only is set back',
  options: [
    ['--wait', 'return when the crawlers that run say that they go on'],
    ['--timeout <TIME>', 'with --wait: fail where they do not say so in time (default: 30s)'],
  ],
  json: '{ended: the pause or null, readWrite, left: {databases, why} or null, crawling: processes or null}',
  settings: ['store', 'queue'],
  examples: ['feedferry crawlers resume', 'feedferry crawlers resume --wait --queue redis://q1'],
  async run(invocation) {
    const { io, json, options } = invocation;
    return await withCrawlers(invocation, async (place) => {
      using stop = stopSignals();
      const report = await resumeByWish({ ...place, by: whoRunsThis(), signal: stop.signal }, options);
      await write(io.stdout, json ? `${JSON.stringify(report)}\n` : resumeText(report, io.clock()));
      return EXIT.done;
    });
  },
};
