import type { Store } from '../store/contract.ts';
import { DATABASE_NAMES, type DatabaseName } from '../store/documents.ts';
import type { CommandSpec, Invocation } from './command.ts';
import { keyFrom, listText, shownKey, showText } from './conflict-text.ts';
import { cliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { columnsOf, write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { databasesFrom } from './replicate-options.ts';
import { integer } from './setting-kinds.ts';
import { counted } from './text.ts';

const LIMIT = integer(1, 1000);
const LIMIT_DEFAULT = 20;

export const replicateConflictsCommand: CommandSpec = {
  usage: 'conflicts [action] [key]',
  about: 'what lost against a concurrent edit of another site: list, show KEY, resolve KEY',
  args: { action: 'list, show or resolve (default: list)', key: 'show, resolve: as `list` shows it' },
  options: [
    ['--database <NAME>', `list, resolve --all: only this one: ${DATABASE_NAMES.join(', ')}`],
    ['--limit <N>', `list: show so many, at most 1000 (default: ${LIMIT_DEFAULT})`],
    ['--after <KEY>', 'list: those after this one'],
    ['--keep', 'resolve: what is there stays'],
    ['--restore', 'resolve: what lost becomes a new edit of this site'],
    ['--all', 'resolve --keep: all of them'],
  ],
  json: '{conflicts: [{key, database, id, loser, winner, at}], counts, next}; show: {conflict, there}; resolve: {resolved}',
  settings: ['store'],
  examples: [
    'feedferry replicate conflicts',
    "feedferry replicate conflicts show 'states/r.abc@019aa65b69d6-0001-7l9h825n'",
    'feedferry replicate conflicts resolve --all --keep --database states',
  ],
  async run(invocation) {
    const [action = 'list', key] = invocation.args;
    if (action === 'list') return await list(invocation);
    if (action === 'resolve' && invocation.options.all === true) return await resolveAll(invocation);
    if (action !== 'show' && action !== 'resolve') {
      throw cliError('USAGE_INVALID', `There is no action "${action}"; there are list, show and resolve`);
    }
    if (key === undefined) throw cliError('USAGE_INVALID', `${action} wants the key of a conflict`);
    return action === 'show' ? await show(invocation, keyFrom(key)) : await resolveOne(invocation, keyFrom(key));
  },
};

async function list(invocation: Invocation): Promise<ExitCode> {
  const { io, json, options } = invocation;
  const limit = limitFrom(options.limit);
  const database = databaseFrom(options.database);
  const after = typeof options.after === 'string' ? keyFrom(options.after) : undefined;
  const { countConflicts, listConflicts } = await import('../replicator/applying/conflicts.ts');
  await using store = await openedStore(invocation, { mustExist: true });
  const counts = await countConflicts(store.control);
  const page = await listConflicts(store.control, {
    limit,
    ...(database !== undefined && { database }),
    ...(after !== undefined && { after }),
  });
  await write(
    io.stdout,
    json ? `${JSON.stringify({ ...page, counts })}\n` : listText(page, counts, columnsOf(io.stdout), io.clock()),
  );
  return EXIT.done;
}

async function show(invocation: Invocation, key: string): Promise<ExitCode> {
  const { io, json } = invocation;
  const { readConflict } = await import('../replicator/applying/conflicts.ts');
  await using store = await openedStore(invocation, { mustExist: true });
  const conflict = await readConflict(store.control, key);
  const there = (await store.database(conflict.database).versions([conflict.id])).get(conflict.id);
  const text = showText(conflict, there, columnsOf(io.stdout), io.clock());
  await write(io.stdout, json ? `${JSON.stringify({ conflict: { key, ...conflict }, there: there ?? null })}\n` : text);
  return EXIT.done;
}

async function resolveOne(invocation: Invocation, key: string): Promise<ExitCode> {
  const { io, json, options } = invocation;
  const resolution = resolutionFrom(options);
  const { resolveConflict } = await import('../replicator/applying/conflicts.ts');
  await using store = await openedStore(invocation, { mustExist: true });
  await resolveConflict(store, key, resolution, io.clock());
  const done = resolution === 'keep' ? 'what is there stays' : 'what had lost is there now, as a new edit of this site';
  await write(io.stdout, json ? `${JSON.stringify({ resolved: 1 })}\n` : `${shownKey(key)}: ${done}\n`);
  return EXIT.done;
}

async function resolveAll(invocation: Invocation): Promise<ExitCode> {
  const { io, json, options, args } = invocation;
  if (resolutionFrom(options) === 'restore' || args[1] !== undefined) {
    throw cliError('USAGE_INVALID', '--all goes with --keep, and without a key');
  }
  const database = databaseFrom(options.database);
  await using store = await openedStore(invocation, { mustExist: true });
  const resolved = await keepAll(store, database, io.clock());
  const text = `${counted(resolved, 'conflict')} settled: what is there stays\n`;
  await write(io.stdout, json ? `${JSON.stringify({ resolved })}\n` : text);
  return EXIT.done;
}

async function keepAll(store: Store, database: DatabaseName | undefined, now: number): Promise<number> {
  const { listConflicts, resolveConflict } = await import('../replicator/applying/conflicts.ts');
  let resolved = 0;
  for (;;) {
    const page = await listConflicts(store.control, { limit: 1000, ...(database !== undefined && { database }) });
    for (const { key } of page.conflicts) await resolveConflict(store, key, 'keep', now);
    resolved += page.conflicts.length;
    if (page.next === null) return resolved;
  }
}

/** Throws USAGE_INVALID. */
function resolutionFrom({ keep, restore }: Invocation['options']): 'keep' | 'restore' {
  if ((keep === true) === (restore === true)) throw cliError('USAGE_INVALID', 'resolve wants --keep or --restore');
  return keep === true ? 'keep' : 'restore';
}

/** Throws USAGE_INVALID. */
function databaseFrom(name: unknown): DatabaseName | undefined {
  return typeof name === 'string' ? databasesFrom(name)[0] : undefined;
}

/** Throws USAGE_INVALID. */
function limitFrom(raw: unknown): number {
  if (raw === undefined) return LIMIT_DEFAULT;
  const limit = LIMIT.read(raw);
  if (limit !== undefined) return limit;
  throw cliError('USAGE_INVALID', `--limit is "${String(raw)}". It must be ${LIMIT.allowed}.`, { input: String(raw) });
}
