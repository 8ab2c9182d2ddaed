import { resolve } from 'node:path';
import type { RejoinEvent, Rejoined, RejoinOptions } from '../replicator/failover/rejoin.ts';
import type { Unseen } from '../replicator/failover/unseen.ts';
import { DEFAULT_POLICIES } from '../replicator/policy.ts';
import { realRuntime } from '../replicator/runtime.ts';
import type { Store } from '../store/contract.ts';
import type { CommandSpec, Invocation } from './command.ts';
import { titleOf } from './conflict-text.ts';
import { cliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { columnsOf, write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { progressLine } from './progress.ts';
import { targetAccess } from './target-access.ts';
import { counted, cut, printable, wrap } from './text.ts';

/** Lines that are shown to people; all of them are in the file. */
const SHOWN_MAX = 20;

export const demoteCommand: CommandSpec = {
  usage: 'demote',
  about: 'take this primary down; with --to bring it back as a replica of the new one, with what that one never saw',
  options: [
    ['--to <URL>', 'the new primary: sqlite:PATH, mongodb://... or https://... of `feedferry receive`'],
    ['--export <FILE>', 'where to keep what the new primary never saw (default: feedferry-unseen-SITE-EPOCH.jsonl)'],
    ['--dry-run', 'only list what would be merged; nothing is changed, at either site'],
    ['--token-file <FILE>', 'for https://: the token of the receiver'],
    ['--ca <FILE>', 'for https://: trust this certificate authority (PEM), too'],
  ],
  json: 'a line for each document {unseen: {database, id, ver, there, why}}, and at the end {site, primary, epoch, ...}',
  settings: ['store'],
  examples: [
    'feedferry demote     # a planned change; then promote the other site',
    'feedferry demote --to https://oslo.example.org --token-file oslo --dry-run',
    'feedferry demote --to sqlite:/mnt/copy/feedferry.db --export unseen.jsonl',
  ],
  async run(invocation) {
    const { options } = invocation;
    if (typeof options.to === 'string') return await rejoinTo(invocation, options.to);
    const needless = ['export', 'dryRun', 'tokenFile', 'ca'].find((name) => options[name] !== undefined);
    if (needless === undefined) return await demoteOnly(invocation);
    throw cliError('USAGE_INVALID', '--export, --dry-run, --token-file and --ca go with --to only');
  },
};

async function demoteOnly(invocation: Invocation): Promise<ExitCode> {
  const { io, json } = invocation;
  const { demote } = await import('../replicator/failover/failover.ts');
  await using store = await openedStore(invocation, { mustExist: true });
  const done = await demote(store, { runtime: { ...realRuntime, clock: io.clock } });
  const text = done.isAlready
    ? `Site ${done.site} is no primary.\n`
    : `Site ${done.site} takes no edits any more; what it has goes on to be replicated.

Next: wait until the other site has everything (\`feedferry replicate status\`),
then run \`feedferry promote\` there.
`;
  await write(io.stdout, json ? `${JSON.stringify(done)}\n` : text);
  return EXIT.done;
}

async function rejoinTo(invocation: Invocation, to: string): Promise<ExitCode> {
  const { io, json, options } = invocation;
  const [{ openTarget }, { previewRejoin, rejoin }] = await Promise.all([
    import('../replicator/open-target.ts'),
    import('../replicator/failover/rejoin.ts'),
  ]);
  const runtime = { ...realRuntime, clock: io.clock };
  const files = { tokenFile: textOf(options.tokenFile), caFile: textOf(options.ca) };
  const access = await targetAccess(files, io.cwd);
  await using store = await openedStore(invocation, { mustExist: true });
  await using target = await openTarget(to, { ...access, runtime, mustExist: true });
  const { role } = await target.inspect();
  const exportPath = resolve(io.cwd, textOf(options.export) ?? `feedferry-unseen-${store.site}-${role.epoch}.jsonl`);
  using listing = new Listing(invocation);
  const common: Omit<RejoinOptions, 'exportPath'> = {
    ...{ store, target, policies: DEFAULT_POLICIES, runtime },
    onUnseen: (unseen) => listing.add(unseen),
    onEvent: (event) => listing.tell(event),
  };
  if (options.dryRun === true) {
    const preview = await previewRejoin(common);
    await listing.end();
    const { written, stale, conflicts, ...rest } = preview;
    await write(io.stdout, json ? `${JSON.stringify({ dryRun: true, ...rest })}\n` : previewText(preview));
    return EXIT.done;
  }
  const done = await rejoin({ ...common, exportPath });
  await listing.end();
  await write(
    io.stdout,
    json ? `${JSON.stringify({ ...done, export: exportPath })}\n` : doneText(done, exportPath, store),
  );
  return done.refused.length === 0 ? EXIT.done : EXIT.differences;
}

function previewText({ unseen, primary, epoch }: Omit<Rejoined, 'refused'>): string {
  const what = unseen === 0 ? 'It has seen everything of this site.' : `It never saw ${counted(unseen, 'document')}.`;
  const merged = unseen === 0 ? '' : 'they are exported and merged there, and ';
  const next = `Nothing was changed. Without --dry-run ${merged}this site becomes its replica.`;
  return `The new primary is ${primary}, with epoch ${epoch}. ${what}\n${wrap(next, 80, '')}\n`;
}

function doneText(done: Rejoined, exportPath: string, store: Store): string {
  const { site, primary, epoch, unseen, written, stale, conflicts, refused } = done;
  const lines = [`Site ${site} is a replica of ${primary} now, of epoch ${epoch}.`];
  if (unseen === 0) lines.push('The new primary had seen everything of this site.');
  else {
    lines.push(`The new primary had never seen ${counted(unseen, 'document')}; all of them are in`, `  ${exportPath}`);
    lines.push(
      `Merged there: ${written} written, ${stale} that lost or were there, ${counted(conflicts, 'conflict')}.`,
    );
  }
  if (conflicts > 0) lines.push('There, look at `feedferry replicate conflicts`.');
  for (const { id, message } of refused.slice(0, SHOWN_MAX))
    lines.push(`Refused there: ${printable(`${id}: ${message}`)}`);
  if (refused.length > SHOWN_MAX) lines.push(`... and ${refused.length - SHOWN_MAX} more were refused.`);
  lines.push(
    '',
    'Next: at the new primary, supply this site from now on:',
    `  feedferry replicate add --to ${store.url}`,
  );
  return `${lines.join('\n')}\n`;
}

/** What was never seen, as it is found: the first ones for people, all of them as JSON. */
class Listing implements Disposable {
  readonly #invocation: Invocation;
  readonly #line: ReturnType<typeof progressLine>;
  #count = 0;
  #written: Promise<unknown> = Promise.resolve();

  constructor(invocation: Invocation) {
    this.#invocation = invocation;
    this.#line = progressLine(invocation.io.stderr, invocation.io.clock);
  }

  add({ database, doc, there, why }: Unseen): void {
    this.#count += 1;
    const { io, json } = this.#invocation;
    const { id, ver, content } = doc;
    if (json) {
      this.#say(`${JSON.stringify({ unseen: { database, id, ver, there, why } })}\n`);
    } else if (this.#count <= SHOWN_MAX) {
      const title = content === null ? 'deleted' : titleOf(content);
      this.#say(
        `${cut(`${why.padEnd(10)}  ${database.padEnd(13)}  ${printable(title || id)}`, columnsOf(io.stdout))}\n`,
      );
    }
  }

  tell(event: RejoinEvent): void {
    if (event.step === 'looking') this.#line.show(`looked at ${counted(event.docs, 'document')}`);
    else if (event.step === 'merging') this.#line.show(`merged ${counted(event.docs, 'document')}`);
  }

  async end(): Promise<void> {
    this.#line[Symbol.dispose]();
    if (!this.#invocation.json && this.#count > SHOWN_MAX) this.#say(`... and ${this.#count - SHOWN_MAX} more\n`);
    if (!this.#invocation.json && this.#count > 0) this.#say('\n');
    await this.#written;
  }

  [Symbol.dispose](): void {
    this.#line[Symbol.dispose]();
  }

  #say(text: string): void {
    this.#written = this.#written.then(() => write(this.#invocation.io.stdout, text));
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
