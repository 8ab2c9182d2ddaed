import type { DatabaseName } from '../../store/documents.ts';
import { type RepairCounts, type RepairEnd, Repairer } from './repair.ts';
import type { VerifyReport } from './report.ts';
import { type VerifyOptions, verify } from './verify.ts';

export interface VerifyAndRepairOptions extends Omit<VerifyOptions, 'source' | 'destination' | 'onFound'> {
  readonly source: RepairEnd;
  readonly destination: RepairEnd;
  /** One-way: also discards what only the destination has. */
  readonly force: boolean;
}

export interface RepairedReport {
  readonly found: VerifyReport;
  readonly repaired: Readonly<Partial<Record<DatabaseName, RepairCounts>>>;
  /** What a second verification found; `found` itself where that had nothing to repair. */
  readonly after: VerifyReport;
}

/** Verifies, repairs what can be repaired (docs/verify.md has the rules), and verifies again. Throws as `Repairer`. */
export async function verifyAndRepair(options: VerifyAndRepairOptions): Promise<RepairedReport> {
  const { source, destination, databases, force, ...rest } = options;
  const both = { ...rest, databases, source: source.end, destination: destination.end };
  const repairer = new Repairer({ source, destination, databases, force });
  let found: VerifyReport;
  try {
    found = await verify({ ...both, onFound: (database, group) => repairer.take(database, group) });
  } finally {
    await repairer[Symbol.asyncDispose]();
  }
  const after = found.verdict === 'differing' ? await verify(both) : found;
  return { found, repaired: Object.fromEntries(repairer.counts), after };
}
