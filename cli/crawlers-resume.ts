import type { CommandSpec } from './command.ts';
import { crawlQueue } from './crawl.ts';
import { resumeText } from './crawlers-text.ts';
import { resumeByWish, whoRunsThis } from './crawlers-wishes.ts';
import { EXIT } from './exit.ts';
import { write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { stopSignals } from './stop-signals.ts';

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
    const settings = invocation.settings();
    await using store = await openedStore(invocation, { mustExist: true });
    await using queue = await crawlQueue(settings, store, io.clock);
    using stop = stopSignals();
    const context = { store, queue, clock: io.clock, by: whoRunsThis(), signal: stop.signal };
    const report = await resumeByWish(context, options);
    await write(io.stdout, json ? `${JSON.stringify(report)}\n` : resumeText(report, io.clock()));
    return EXIT.done;
  },
};
