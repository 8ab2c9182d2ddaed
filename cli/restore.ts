import { resolve } from 'node:path';
import type { RestoreProgress, RestoreReport } from '../replicator/backup/restore.ts';
import { realRuntime } from '../replicator/runtime.ts';
import type { CommandSpec, Invocation } from './command.ts';
import { cliError } from './errors.ts';
import { EXIT } from './exit.ts';
import { write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { progressLine } from './progress.ts';
import { databasesFrom } from './replicate-options.ts';
import { stopSignals } from './stop-signals.ts';
import { counted, moment, bytes as sized, span } from './text.ts';

const TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)?(?<zone>Z|[+-]\d\d:\d\d)?$/;

export const restoreCommand: CommandSpec = {
  usage: 'restore',
  about: 'make a store of a backup file, as it was last or at a moment, and prove that it is all there',
  options: [
    ['--from <FILE>', 'of `feedferry backup`'],
    ['--at <TIME>', 'as of this moment: 2026-03-01, 2026-03-01T12:30:05Z; UTC unless it says otherwise'],
    ['--databases <NAMES>', 'only these, with commas between (default: all that the file has)'],
    ['--into-existing', 'also into a store that holds documents; the newer version of each stays'],
  ],
  json: '{frame, at, written, stale, proof: [{database, docsInFile, docsInStore, equal}], equal, ...}',
  settings: ['store'],
  examples: [
    'feedferry restore --from /backup/feedferry.backup --store sqlite:./restored.db',
    'feedferry restore --from ff.backup --store sqlite:b.db --at 2026-03-01T12:00Z',
  ],
  async run(invocation) {
    const report = await restored(invocation);
    const { io, json, options } = invocation;
    const text = reportText(report, options.intoExisting === true);
    await write(io.stdout, json ? `${JSON.stringify(report)}\n` : text);
    return report.equal ? EXIT.done : EXIT.differences;
  },
};

async function restored(invocation: Invocation): Promise<RestoreReport> {
  const { io, options } = invocation;
  const path = fileFrom(options.from, io.cwd);
  const at = options.at === undefined ? null : timeFrom(String(options.at));
  const databases = typeof options.databases === 'string' ? databasesFrom(options.databases) : null;
  const { planRestore } = await import('../replicator/backup/planned-restore.ts');
  const { restoreBackup } = await import('../replicator/backup/restore.ts');
  // Before a store is made at the URL: a file that gives nothing leaves none behind.
  await using planned = await planRestore(path, at, databases);
  using stop = stopSignals();
  await using store = await openedStore(invocation, { mustExist: false });
  using line = progressLine(io.stderr, io.clock);
  return await restoreBackup({
    ...{ planned, store, intoExisting: options.intoExisting === true },
    runtime: { ...realRuntime, clock: io.clock },
    signal: stop.signal,
    onProgress: (progress) => line.show(progressText(progress)),
  });
}

/** Throws USAGE_INVALID. */
function fileFrom(from: unknown, cwd: string): string {
  if (typeof from !== 'string' || from === '') throw cliError('USAGE_INVALID', '--from is missing: which file?');
  if (/^(?:sqlite:|mongodb(?:\+srv)?:\/\/|https?:\/\/)/.test(from)) {
    throw cliError('USAGE_INVALID', '--from must be a file', {
      advice: 'A copy in a store is copied back with `feedferry replicate --from COPY --to NEW --once`, or promoted.',
    });
  }
  return resolve(cwd, from);
}

/** Throws USAGE_INVALID. */
function timeFrom(raw: string): number {
  const match = TIME.exec(raw.trim());
  const at = match === null ? Number.NaN : Date.parse(`${match[0].replace(' ', 'T')}${zoneFor(match)}`);
  if (!Number.isNaN(at)) return at;
  throw cliError('USAGE_INVALID', `--at is "${raw}". It must be a time such as 2026-03-01T12:30:05Z.`, { input: raw });
}

/** A bare date is UTC in JavaScript already. */
function zoneFor(match: RegExpExecArray): string {
  return match.groups?.zone === undefined && match[0].length > 10 ? 'Z' : '';
}

function progressText({ step, database, share, docsPerSecond, etaMs }: RestoreProgress): string {
  const left = etaMs === null ? '' : `  ${span(etaMs)} left`;
  return `${step} ${database}  ${Math.floor(100 * share)}%  ${Math.round(docsPerSecond).toLocaleString('en')} docs/s${left}`;
}

function reportText(report: RestoreReport, intoExisting: boolean): string {
  const { path, frame, at, exact, fromNext, written, stale, proof, equal, tornBytes, resumed, seconds } = report;
  const next = fromNext ? ', and what the next frame has up to the moment asked for' : '';
  const lines = [
    `Restored ${counted(written, 'document')} from frame ${frame} of ${path}, the state of ${moment(at)}${next}, in ${span(seconds * 1000)}`,
  ];
  if (resumed) lines.push('An earlier restore that was stopped was gone on with.');
  if (stale > 0) lines.push(`${counted(stale, 'document')} were there already, as new or newer.`);
  if (!exact) lines.push('The store was written while that frame was made: it is not the state of one moment.');
  if (tornBytes > 0)
    lines.push(`The file ends with ${sized(tornBytes)} of a run that was cut off; they were left out.`);
  for (const { database, docsInFile, docsInStore, equal: isEqual, bucketsDiffering, missing } of proof) {
    const verdict = isEqual ? 'proven' : `NOT EQUAL (${bucketsDiffering} of 4,096 sums differ) ${missing.join(' ')}`;
    lines.push(
      `  ${database.padEnd(14)}${docsInFile.toLocaleString('en')} in the file, ${docsInStore.toLocaleString('en')} in the store: ${verdict}`,
    );
  }
  if (equal && !intoExisting)
    lines.push('It is a site of its own now: docs/backup.md tells what that means for its destinations.');
  return `${lines.join('\n')}\n`;
}
