import { appendFileSync } from 'node:fs';
import type { Test } from 'tap';

/**
 * Ends a test as skipped, with the reason where people see it: in the test's own result, and in the closing lines of
 * `npm test`, which collects reasons from the file that `FEEDFERRY_TEST_SKIPS` names.
 */
export function skipLoudly(t: Test, reason: string): void {
  t.pass(reason, { skip: reason });
  const report = process.env.FEEDFERRY_TEST_SKIPS;
  if (report) appendFileSync(report, `${JSON.stringify({ test: t.fullname, reason })}\n`);
  else console.error(`SKIPPED: ${t.name}: ${reason}`);
}
