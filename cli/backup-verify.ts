import { resolve } from 'node:path';
import type { BackupVerdict, Compared, FrameSummary } from '../replicator/backup/verify.ts';
import { realRuntime } from '../replicator/runtime.ts';
import { openStore } from '../store/open.ts';
import type { CommandSpec } from './command.ts';
import { cliError } from './errors.ts';
import { EXIT } from './exit.ts';
import { columnsOf, write } from './io.ts';
import { progressLine } from './progress.ts';
import { storeUrl } from './setting-kinds.ts';
import { counted, bytes as sized, table } from './text.ts';

/** Differences that are shown on a terminal; `--json` has up to 100 of each database. */
const SHOWN_MAX = 10;

export const backupVerifyCommand: CommandSpec = {
  usage: 'verify <file>',
  about: 'check that a backup file is as it was written, and that it equals a live store',
  args: { file: 'of `feedferry backup`' },
  options: [
    ['--against <URL>', 'compare with the store that it comes from, up to the last frame'],
    ['--deep', 'with --against: also read the bodies there and hash them again'],
  ],
  json: '{sound, frames, damage, tail, against, ...}',
  settings: [],
  examples: [
    'feedferry backup verify /backup/feedferry.backup',
    'feedferry backup verify /backup/ff.backup --against sqlite:./feedferry.db',
  ],
  async run({ io, json, args, options }) {
    const { verifyBackup } = await import('../replicator/backup/verify.ts');
    await using stack = new AsyncDisposableStack();
    const url = againstUrl(options.against);
    if (url === null && options.deep === true) throw cliError('USAGE_INVALID', '--deep goes with --against only');
    const against = url === null ? null : stack.use(await openStore(url, { mustExist: true, upgrade: false }));
    const look = async (): Promise<BackupVerdict> => {
      using line = progressLine(io.stderr, io.clock);
      return await verifyBackup({
        ...{ path: resolve(io.cwd, args[0] ?? ''), against, deep: options.deep === true, runtime: realRuntime },
        onProgress: ({ step, bytes, bytesTotal }) => line.show(`${step}  ${sized(bytes)} of ${sized(bytesTotal)}`),
      });
    };
    const verdict = await look();
    await write(io.stdout, json ? `${JSON.stringify(verdict)}\n` : verdictText(verdict, columnsOf(io.stdout)));
    return verdict.sound ? EXIT.done : EXIT.differences;
  },
};

/** Throws USAGE_INVALID. */
function againstUrl(raw: unknown): string | null {
  if (raw === undefined) return null;
  const url = storeUrl.read(raw);
  if (url !== undefined) return url;
  throw cliError('USAGE_INVALID', `--against must be ${storeUrl.allowed}.`, { input: storeUrl.show(String(raw)) });
}

function verdictText(verdict: BackupVerdict, columns: number): string {
  const { path, head, fileBytes, frames, damage, tail, against } = verdict;
  const titles = [
    { title: 'frame', width: 5, right: true },
    { title: 'time', width: 24 },
    { title: 'what', width: 7 },
    { title: 'documents', width: 11, right: true },
    { title: 'size', width: 8, right: true },
  ];
  const lines = [`${path}: backups of site ${head.site}, ${sized(fileBytes)}`, ''];
  lines.push(table(titles, frames.map(rowOf), columns));
  for (const { frame, why } of damage) lines.push(`${placeOf(frame)} is DAMAGED: ${whyOnly(why)}.`);
  if (tail?.kind === 'damaged')
    lines.push(`${placeOf(tail.frame)} is DAMAGED: ${tail.why}; nothing after it can be read.`);
  if (tail?.kind === 'torn') {
    lines.push(
      `After the last frame stand ${sized(tail.bytes)} of a run that was cut off, or of a damaged end (${tail.why}).`,
    );
  }
  if (against !== null) lines.push(...againstLines(against));
  if (verdict.sound) {
    lines.push(
      frames.length === 1 ? 'The frame is as it was written.' : `All ${frames.length} frames are as they were written.`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Some reasons are whole messages, which name file and frame again. */
function whyOnly(why: string): string {
  return why.replace(/^.* is damaged: /s, '').replace(/\.$/, '');
}

function placeOf(frame: number): string {
  return frame === 0 ? 'The head' : `Frame ${frame}`;
}

function rowOf({ frame, at, kind, counts, end, start }: FrameSummary): string[] {
  const docs = Object.values(counts).reduce((sum, count) => sum + count.docs, 0);
  return [String(frame), new Date(at).toISOString(), kind, docs.toLocaleString('en'), sized(end - start)];
}

function againstLines({ url, databases }: Compared): string[] {
  return databases.flatMap(({ database, docsInStore, inFlight, differing, differences }) => {
    const verdict = differing === 0 ? 'equal' : `${counted(differing, 'document')} DIFFER`;
    const since = inFlight === 0 ? '' : `, ${inFlight.toLocaleString('en')} written since`;
    const named = differences.slice(0, SHOWN_MAX).map(({ id, kind }) => `  ${kind}  ${id}`);
    return [`${database}: ${verdict} (${counted(docsInStore, 'document')} in ${url}${since})`, ...named];
  });
}
