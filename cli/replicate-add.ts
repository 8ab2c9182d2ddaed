import { addDestination } from '../replicator/configuration.ts';
import { realRuntime } from '../replicator/runtime.ts';
import type { CommandSpec } from './command.ts';
import { cliError } from './errors.ts';
import { EXIT } from './exit.ts';
import { write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { DESTINATION_FLAGS, destinationFrom } from './replicate-options.ts';
import { targetAccess } from './target-access.ts';

export const replicateAddCommand: CommandSpec = {
  usage: 'add',
  about: 'keep one more destination supplied, from `serve`, until it is removed',
  options: [['--to <URL>', 'sqlite:PATH, mongodb://... or https://... of `feedferry receive`'], ...DESTINATION_FLAGS],
  json: '{name, to, site, engine}',
  settings: ['store'],
  examples: [
    'feedferry replicate add --to sqlite:/mnt/backup/feedferry.db',
    'feedferry replicate add --to https://oslo.example.org:8443 --token-file t.txt',
  ],
  async run(invocation) {
    const { io, json, options } = invocation;
    if (typeof options.to !== 'string') throw cliError('USAGE_INVALID', '--to is missing: where shall documents go?');
    const config = destinationFrom(options.to, options);
    const { openTarget } = await import('../replicator/open-target.ts');
    const access = await targetAccess(config, io.cwd);
    await using store = await openedStore(invocation, { mustExist: true });
    await using target = await openTarget(config.to, { ...access, runtime: realRuntime });
    const { site, engine } = await target.inspect();
    await addDestination(store.control, config);
    const to = target.url;
    const text = `Added ${config.name}: ${to} (site ${site}, ${engine}).\nIt begins when \`feedferry serve\` runs; see \`feedferry replicate status\`.\n`;
    await write(io.stdout, json ? `${JSON.stringify({ name: config.name, to, site, engine })}\n` : text);
    return EXIT.done;
  },
};
