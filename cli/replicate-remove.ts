import { removeDestination } from '../replicator/configuration.ts';
import type { CommandSpec } from './command.ts';
import { EXIT } from './exit.ts';
import { write } from './io.ts';
import { openedStore } from './opened-store.ts';

export const replicateRemoveCommand: CommandSpec = {
  usage: 'remove <name>',
  about: 'stop supplying a destination; what it holds stays there',
  args: { name: 'the destination' },
  json: '{name}',
  settings: ['store'],
  examples: ['feedferry replicate remove offsite'],
  async run(invocation) {
    const { io, json, args } = invocation;
    const name = args[0] ?? '';
    await using store = await openedStore(invocation, { mustExist: true });
    await removeDestination(store.control, name);
    await write(io.stdout, json ? `${JSON.stringify({ name })}\n` : `Removed ${name}.\n`);
    return EXIT.done;
  },
};
