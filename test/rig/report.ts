/** What people see of a test run: a line a file, all about what failed, and at the end what was skipped and why. */
import { inspect } from 'node:util';
import type { FileResult, Skip, Tally } from './results.ts';

const DIAG_CHARS_MAX = 4000;

/** What tap tells of a file's process, of no use to the reader. */
const NOISE = new Set([
  'stdio',
  'cwd',
  'externalID',
  'command',
  'args',
  'jobId',
  'compare',
  'source',
  'at',
  'stack',
  'diff',
]);

export function fileLines(result: FileResult): string {
  const mark = result.failed > 0 ? 'FAIL' : 'ok  ';
  const counts = [`${result.passed} passed`];
  if (result.failed > 0) counts.push(`${result.failed} failed`);
  if (result.skipped > 0) counts.push(`${result.skipped} skipped`);
  return `${mark} ${result.file}  ${counts.join(', ')}  ${(result.ms / 1000).toFixed(1)} s${failureLines(result)}`;
}

/** Starts with a line break where there is something to say. */
export function failureLines(tally: Tally): string {
  if (tally.failures.length === 0) return '';
  const failures = tally.failures.map(({ titles, diag }) => `\n\n  FAILED: ${titles.join(' > ')}\n${explain(diag)}`);
  const printed = tally.printed === '' ? '' : `\n\n  It printed:\n${indent(tally.printed.trimEnd())}`;
  return `${failures.join('')}${printed}\n`;
}

/** The reasons, each with the tests that it kept from running. */
export function skipLines(skips: readonly (Skip & { readonly file: string })[]): string {
  const byReason = Map.groupBy(skips, (skip) => skip.reason);
  return [...byReason]
    .map(([reason, skipped]) => {
      const tests = skipped.map(({ file, titles }) => `  ${file}: ${titles.join(' > ')}`);
      return `\nSKIPPED because ${reason}:\n${tests.join('\n')}\n`;
    })
    .join('');
}

function explain(diag: unknown): string {
  if (diag === null || typeof diag !== 'object') return indent(inspect(diag));
  const known = diag as Readonly<Record<string, unknown>>;
  const rest = Object.entries(known).filter(([key]) => !NOISE.has(key));
  const parts = [known.diff, rest.length > 0 && inspect(Object.fromEntries(rest), { depth: 6 }), known.stack];
  const text = parts.filter((part) => typeof part === 'string').map((part) => part.trimEnd());
  return indent(text.join('\n').slice(0, DIAG_CHARS_MAX));
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}
