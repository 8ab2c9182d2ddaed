/**
 * Reads the TAP of a whole run and tells, for every test file, which of its tests passed, failed and were skipped. A
 * *test* is what has a title of its own and no titled parts: a sentence about behaviour, not each assertion in it.
 */
import { type FinalResults, Parser, type Result } from 'tap-parser';

const PRINTED_CHARS_MAX = 10_000;

export interface Failure {
  /** Titles from the outermost in, then the assertion's. */
  readonly titles: readonly string[];
  /** As tap reports it: found, wanted, diff, at, stack. */
  readonly diag: unknown;
}

export interface Skip {
  readonly titles: readonly string[];
  readonly reason: string;
}

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  readonly failures: Failure[];
  readonly skips: Skip[];
  /** What the tests printed beside their results; the end of it. */
  printed: string;
}

export interface FileResult extends Tally {
  readonly file: string;
  readonly ms: number;
}

/** A stream to pipe TAP into. `onFile` is called as each file ends; `outside` gathers what is wrong with the run itself. */
export function readResults(onFile: (result: FileResult) => void): { stream: Parser; outside: Tally } {
  const stream = new Parser();
  const outside = emptyTally();
  let current = emptyTally();
  stream.on('child', (file: Parser) => {
    current = emptyTally();
    watch(file, [], current);
  });
  stream.on('assert', (result: Result) => {
    if (!result.closingTestPoint) return;
    if (isFailure(result) && current.failed === 0) breakFile(current, result);
    onFile({ ...current, file: result.name, ms: result.time ?? 0 });
  });
  stream.on('extra', (text: string) => {
    current.printed = (current.printed + text).slice(-PRINTED_CHARS_MAX);
  });
  stream.on('bailout', (reason: string) => {
    outside.failed += 1;
    outside.failures.push({ titles: ['the run was given up'], diag: reason });
  });
  return { stream, outside };
}

/** All tests of a file passed, or none ran, and still it failed: an import, a crash, a time-out. */
function breakFile(tally: Tally, result: Result): void {
  tally.failed = 1;
  tally.skipped = 0;
  tally.failures.push({ titles: ['the file as a whole'], diag: result.diag });
}

/** Adds up the tests of one file, or of one test with parts. */
function watch(parser: Parser, titles: readonly string[], tally: Tally): void {
  let parts = 0;
  let failedBefore = 0;
  const own = { failed: 0, skipped: 0 };

  parser.on('child', (part: Parser) => {
    parts += 1;
    failedBefore = tally.failed;
    watch(part, [...titles, part.name], tally);
  });
  parser.on('assert', (result: Result) => {
    const path = [...titles, result.name];
    if (result.skip) {
      own.skipped += 1;
      tally.skips.push({ titles: path, reason: String(result.skip) });
    } else if (isFailure(result)) {
      // A part that failed by itself is in already.
      if (result.closingTestPoint && tally.failed > failedBefore) return;
      own.failed += 1;
      tally.failures.push({ titles: path, diag: result.diag });
    }
  });
  parser.on('complete', (final: FinalResults) => {
    if (parts > 0) {
      tally.failed += own.failed;
      tally.skipped += own.skipped;
    } else if (own.failed > 0) {
      tally.failed += 1;
    } else if (!final.ok) {
      tally.failed += 1;
      tally.failures.push({ titles, diag: final.failures });
    } else if (final.plan.skipReason || (final.count > 0 && own.skipped === final.count)) {
      tally.skipped += 1;
    } else {
      // Also without a single assertion, as tests that throw where something is wrong have none.
      tally.passed += 1;
    }
  });
}

function isFailure(result: Result): boolean {
  return !result.ok && !result.skip && !result.todo;
}

function emptyTally(): Tally {
  return { passed: 0, failed: 0, skipped: 0, failures: [], skips: [], printed: '' };
}
