/** What an operator can wish of a destination while it runs: each takes effect within 200 ms. */
import {
  changeWish,
  listDestinations,
  listStatuses,
  unknownDestination,
  type Wish,
} from '../replicator/configuration.ts';
import type { Control } from '../store/contract.ts';
import type { CommandSpec, Invocation } from './command.ts';
import { cliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { LIMIT_FLAGS, limitsFrom } from './replicate-options.ts';

const PAUSED_BY_OPERATOR = 'an operator paused it';

interface WishCommand {
  readonly usage: string;
  readonly about: string;
  readonly options?: CommandSpec['options'];
  readonly example: string;
  readonly done: string;
  /** Throws USAGE_INVALID. */
  change(options: Invocation['options']): (wish: Wish) => Wish;
}

function wishCommand({ usage, about, options, example, done, change }: WishCommand): CommandSpec {
  return {
    ...{ usage: `${usage} <name>`, about, args: { name: 'the destination' }, settings: ['store'] as const },
    ...(options && { options }),
    json: '{name, wish: {paused, limits, reseeds}}',
    examples: [example],
    async run(invocation): Promise<ExitCode> {
      const { io, json, args } = invocation;
      const name = args[0] ?? '';
      const changed = change(invocation.options);
      await using store = await openedStore(invocation, { mustExist: true });
      await requireDestination(store.control, name);
      const wish = await changeWish(store.control, name, changed);
      await write(io.stdout, json ? `${JSON.stringify({ name, wish })}\n` : `${name} ${done}\n`);
      return EXIT.done;
    },
  };
}

/**
 * What an HTTP client wishes: `pause`, `resume`, `set` or `reseed`, with the options of that command by their camel-case
 * names. Throws USAGE_INVALID and DESTINATION_UNKNOWN.
 */
export async function wishByName(
  control: Control,
  name: string,
  action: string,
  options: Invocation['options'],
): Promise<Wish> {
  const command = [PAUSE, RESUME, SET, RESEED].find(({ usage }) => usage === action);
  if (command === undefined) throw cliError('USAGE_INVALID', `There is no action "${action}".`, { input: action });
  await requireDestination(control, name);
  return await changeWish(control, name, command.change(options));
}

/** Configured, or at work in a `feedferry replicate` of its own. */
async function requireDestination(control: Control, name: string): Promise<void> {
  const names = [
    ...(await listDestinations(control)).map((config) => config.name),
    ...(await listStatuses(control)).map(({ status }) => status.name),
  ];
  if (!names.includes(name)) throw unknownDestination(name);
}

const PAUSE: WishCommand = {
  usage: 'pause',
  about: 'send nothing more until resumed; what is under way is finished',
  options: [['--why <TEXT>', 'shown in the status']],
  example: "feedferry replicate pause offsite --why 'their disk is being replaced'",
  done: 'is paused, until `feedferry replicate resume`.',
  change: (options) => (wish) => ({
    ...wish,
    paused: typeof options.why === 'string' ? options.why : PAUSED_BY_OPERATOR,
  }),
};

const RESUME: WishCommand = {
  usage: 'resume',
  about: 'go on where it was paused',
  example: 'feedferry replicate resume offsite',
  done: 'goes on.',
  change: () => (wish) => ({ ...wish, paused: null }),
};

const SET: WishCommand = {
  usage: 'set',
  about: 'change rate, batch or concurrency while it runs',
  options: LIMIT_FLAGS,
  example: 'feedferry replicate set offsite --bytes-per-second 2MB',
  done: 'has these limits from now on.',
  change(options) {
    const limits = limitsFrom(options);
    if (Object.keys(limits).length === 0) throw cliError('USAGE_INVALID', 'Name at least one limit to change');
    return (wish) => ({ ...wish, limits: { ...wish.limits, ...limits } });
  },
};

const RESEED: WishCommand = {
  usage: 'reseed',
  about: 'send everything again; what the destination has already is passed over',
  example: 'feedferry replicate reseed offsite',
  done: 'begins from nothing.',
  change: () => (wish) => ({ ...wish, reseeds: wish.reseeds + 1 }),
};

export const replicatePauseCommand = wishCommand(PAUSE);
export const replicateResumeCommand = wishCommand(RESUME);
export const replicateSetCommand = wishCommand(SET);
export const replicateReseedCommand = wishCommand(RESEED);
