import { realRuntime } from '../replicator/runtime.ts';
import type { CommandSpec } from './command.ts';
import { cliError } from './errors.ts';
import { EXIT } from './exit.ts';
import { write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { integer } from './setting-kinds.ts';

const EPOCH = integer(1, 1_000_000);

export const promoteCommand: CommandSpec = {
  usage: 'promote',
  about: 'make this site the primary: its databases take edits, and whoever wrote for the old primary is fenced',
  options: [['--epoch <N>', 'above a primary that this site never heard of (default: one above the one it followed)']],
  json: '{site, epoch, was: {role, epoch, primary, since}, isAlready}',
  settings: ['store'],
  examples: [
    'feedferry promote --store sqlite:/mnt/copy/feedferry.db',
    'feedferry promote --epoch 4     # where two sites were promoted: this one wins',
  ],
  async run(invocation) {
    const { io, json, options } = invocation;
    const epoch = epochFrom(options.epoch);
    const { promote } = await import('../replicator/failover/failover.ts');
    await using store = await openedStore(invocation, { mustExist: true });
    const runtime = { ...realRuntime, clock: io.clock };
    const done = await promote(store, { runtime, ...(epoch !== undefined && { epoch }) });
    const text = done.isAlready
      ? `Site ${done.site} is the primary already, with epoch ${done.epoch}.\n`
      : `Site ${done.site} is the primary now, with epoch ${done.epoch}. Its databases take edits.

Next: start \`feedferry serve\` here, and send readers here.
When the old primary is back, bring it back in, there:
  feedferry demote --to ${store.url}
(or the https:// URL of \`feedferry receive\` for this store)
`;
    await write(io.stdout, json ? `${JSON.stringify(done)}\n` : text);
    return EXIT.done;
  },
};

/** Throws USAGE_INVALID. */
function epochFrom(raw: unknown): number | undefined {
  if (raw === undefined) return undefined;
  const epoch = EPOCH.read(raw);
  if (epoch !== undefined) return epoch;
  throw cliError('USAGE_INVALID', `--epoch is "${String(raw)}". It must be ${EPOCH.allowed}.`, { input: String(raw) });
}
