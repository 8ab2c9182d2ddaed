import { resolve } from 'node:path';
import { addDestination, type DestinationConfig, listDestinations } from '../replicator/configuration.ts';
import { replicatorError } from '../replicator/errors.ts';
import { realRuntime } from '../replicator/runtime.ts';
import type { Control } from '../store/contract.ts';
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
    const config = withWholePaths(destinationFrom(options.to, options), io.cwd);
    const { openTarget } = await import('../replicator/open-target.ts');
    const access = await targetAccess(config, io.cwd);
    await using store = await openedStore(invocation, { mustExist: true });
    await using target = await openTarget(config.to, { ...access, runtime: realRuntime });
    const { site, engine } = await target.inspect();
    if (site === store.site) {
      const message = `${target.url} is this very store, or a copied file of it: both are the site ${site}.`;
      throw replicatorError('REPLICATION_SAME_SITE', message, { input: target.url });
    }
    await refuseTwice(store.control, config);
    await addDestination(store.control, config);
    const to = target.url;
    const text = `Added ${config.name}: ${to} (site ${site}, ${engine}).\nIt begins when \`feedferry serve\` runs; see \`feedferry replicate status\`.\n`;
    await write(io.stdout, json ? `${JSON.stringify({ name: config.name, to, site, engine })}\n` : text);
    return EXIT.done;
  },
};

/** `serve` may run in another folder than this command. */
function withWholePaths(config: DestinationConfig, cwd: string): DestinationConfig {
  const { to, tokenFile, caFile } = config;
  const path = /^sqlite:(?!\/|file:|$)(.*)$/.exec(to)?.[1];
  return {
    ...config,
    to: path === undefined ? to : `sqlite:${resolve(cwd, path)}`,
    tokenFile: tokenFile === null ? null : resolve(cwd, tokenFile),
    caFile: caFile === null ? null : resolve(cwd, caFile),
  };
}

/** Two replicators of the same two stores would take each other's place all the time. Throws DESTINATION_EXISTS. */
async function refuseTwice(control: Control, { name, to, databases }: DestinationConfig): Promise<void> {
  const others = (await listDestinations(control)).filter((other) => other.name !== name && other.to === to);
  const other = others.find((one) => one.databases.some((database) => databases.includes(database)));
  if (other === undefined) return;
  throw replicatorError('DESTINATION_EXISTS', `The destination ${other.name} goes to the same store already.`, {
    input: other.name,
  });
}
