import { resolve } from 'node:path';
import type { BackupProgress, BackupReport } from '../replicator/backup/backup.ts';
import { realRuntime } from '../replicator/runtime.ts';
import type { CommandSpec, Invocation } from './command.ts';
import { cliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { progressLine } from './progress.ts';
import { replicateCommand } from './replicate.ts';
import { databasesFrom, limitsFrom } from './replicate-options.ts';
import { stopSignals } from './stop-signals.ts';
import { counted, moment, bytes as sized, span } from './text.ts';

/** What is a store or a receiver; anything else is a path. */
const URL_LIKE = /^(?:sqlite:|mongodb(?:\+srv)?:\/\/|https?:\/\/)/;

export const backupCommand: CommandSpec = {
  usage: 'backup',
  about: 'append what changed to a backup file, or bring a copy of the store up to date',
  options: [
    ['--to <FILE|URL>', 'a file; or a store, or https://... of `feedferry receive`, as `replicate --once`'],
    ['--full', 'a file is begun anew; the old one stays until the new one is complete'],
    ['--databases <NAMES>', 'only these, with commas between (default: those that the file has; all for a new one)'],
    ['--rate <N>', 'read no more documents a second than this'],
    ['--adopt', 'to a store: take one that holds documents already for a copy of this one'],
    ['--token-file <FILE>', 'to https://: the token of the receiver'],
    ['--ca <FILE>', 'to https://: trust this certificate authority (PEM), too'],
  ],
  json: 'to a file {path, frame, kind, docs, at, exact, fileBytes, ...}; to a URL what `replicate --once` prints',
  settings: ['store'],
  examples: [
    'feedferry backup --to /backup/feedferry.backup',
    'feedferry backup --to https://oslo.example.org --token-file oslo.token',
    'feedferry backup verify /backup/feedferry.backup',
  ],
  async run(invocation) {
    const { to, full, rate } = invocation.options;
    if (typeof to !== 'string' || to === '') throw cliError('USAGE_INVALID', '--to is missing: where shall it go?');
    if (URL_LIKE.test(to)) {
      if (full === true) throw cliError('USAGE_INVALID', '--full goes with a file only', { input: to });
      const options = { ...invocation.options, once: true, docsPerSecond: rate };
      return replicateCommand.run({ ...invocation, options });
    }
    return backUp(invocation, resolve(invocation.io.cwd, to));
  },
};

async function backUp(invocation: Invocation, path: string): Promise<ExitCode> {
  const { io, json, options } = invocation;
  const { backupToFile } = await import('../replicator/backup/backup.ts');
  const databases = typeof options.databases === 'string' ? databasesFrom(options.databases) : null;
  const docsPerSecondMax = rateFrom(options.rate);
  using stop = stopSignals();
  await using store = await openedStore(invocation, { mustExist: true });
  const run = async (): Promise<BackupReport> => {
    using line = progressLine(io.stderr, io.clock);
    return await backupToFile({
      ...{ store, path, databases, docsPerSecondMax, full: options.full === true },
      runtime: { ...realRuntime, clock: io.clock },
      signal: stop.signal,
      onProgress: (progress) => line.show(progressText(progress)),
    });
  };
  const report = await run();
  await write(io.stdout, json ? `${JSON.stringify(report)}\n` : reportText(report));
  return EXIT.done;
}

/** Throws USAGE_INVALID, which names the flag of this command. */
function rateFrom(rate: unknown): number | null {
  if (rate === undefined) return null;
  try {
    return limitsFrom({ docsPerSecond: rate }).docsPerSecondMax ?? null;
  } catch (error) {
    throw cliError('USAGE_INVALID', (error as Error).message.replace('--docs-per-second', '--rate'));
  }
}

function progressText({ docs, docsTotal, docsPerSecond, rawBytes, etaMs }: BackupProgress): string {
  const share = docsTotal === 0 ? 100 : Math.floor((100 * docs) / docsTotal);
  const left = etaMs === null ? '' : `  ${span(etaMs)} left`;
  return `${counted(docs, 'document')}  ${share}%  ${Math.round(docsPerSecond).toLocaleString('en')} docs/s  ${sized(rawBytes)}${left}`;
}

/** Frames are few lines, so that mails of cron stay short. */
function reportText(report: BackupReport): string {
  const { path, frame, kind, why, docs, counts, rawBytes, storedBytes, fileBytes, at, exact, cutBytes, seconds } =
    report;
  const deleted = Object.values(counts).reduce((sum, { tombstones }) => sum + tombstones, 0);
  const what = kind === 'full' ? `everything (${why})` : 'what changed';
  const lines = [
    `Frame ${frame} of ${path}: ${what}, as of ${moment(at)}`,
    `  ${counted(docs, 'document')}, ${deleted.toLocaleString('en')} of them deletions; ${sized(rawBytes)} as ${sized(storedBytes)} in ${span(seconds * 1000)}; the file has ${sized(fileBytes)}`,
  ];
  if (!exact) lines.push('  The store was written all the while: what changed in that time is in the next frame.');
  if (cutBytes > 0) lines.push(`  An earlier run was cut off; its ${sized(cutBytes)} were taken away first.`);
  return `${lines.join('\n')}\n`;
}
