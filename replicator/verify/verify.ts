/**
 * Compares what two stores hold, while both are written: sums of buckets first, then the documents of the buckets that
 * differ, then again and again what seems to differ, until nothing but a difference explains it. docs/verify.md tells
 * the rules.
 */
import type { BucketSum } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import type { Runtime } from '../runtime.ts';
import { hashAll } from './deep.ts';
import { nameFindings } from './details.ts';
import { readApplied, type VerifyEnd } from './ends.ts';
import { listGroup } from './listing.ts';
import { recheck, type Seen, type Sides, sidesOf } from './look.ts';
import { type ProgressOf, progressTeller, type VerifyProgress } from './progress.ts';
import { type DatabaseReport, Findings, type VerifyReport, verdictOf } from './report.ts';
import { bucketGroups, differingBuckets } from './standing.ts';

/** Documents of one side that are held at a time, as digests: about 6 MB. */
const GROUP_DOCS_MAX = 20_000;

export interface VerifyOptions {
  readonly source: VerifyEnd;
  readonly destination: VerifyEnd;
  readonly databases: readonly DatabaseName[];
  readonly runtime: Runtime;
  /** Hash all bodies again, on both sides. */
  readonly deep?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: VerifyProgress) => void;
  /** All that is found, also what is not named, in groups: for repair. The next group waits for it. */
  readonly onFound?: (database: DatabaseName, found: readonly Seen[]) => Promise<void>;
}

/** Throws what the two ends throw, and the signal's reason once it is aborted. Changes nothing anywhere. */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { source, destination, runtime, deep = false } = options;
  const began = runtime.elapsed();
  const databases: DatabaseReport[] = [];
  for (const name of options.databases) databases.push(await verifyDatabase(name, options));
  return {
    verdict: verdictOf({ databases }),
    source: { url: source.url, site: source.site },
    destination: { url: destination.url, site: destination.site },
    deep,
    databases,
    ms: runtime.elapsed() - began,
  };
}

async function verifyDatabase(name: DatabaseName, options: VerifyOptions): Promise<DatabaseReport> {
  const { source, destination, runtime, signal, deep = false } = options;
  const began = runtime.elapsed();
  const sides = sidesOf(source, destination, name);
  const findings = new Findings();
  const tell = progressTeller(name, runtime, options.onProgress);
  const take = async (sure: readonly Seen[]): Promise<void> => {
    const found = await nameFindings(sides, sure, findings, deep);
    if (found.length > 0) await options.onFound?.(name, found);
  };

  tell('sums', 0, 0);
  const { there } = await readApplied(source, destination, name);
  const [here, away] = await sumsOf(sides, source.control === null);
  signal?.throwIfAborted();
  const differing = differingBuckets(here, away);
  const docs = { source: docsIn(here), destination: docsIn(away) };
  await compareBuckets(sides, differing, { options, findings, take, tell });
  const hashed = deep ? await hashAll(sides, { docs, signal, take, tell }) : null;
  return {
    database: name,
    docs,
    bucketsDiffering: differing.length,
    ...findings.report(),
    checkpoint: there !== null,
    hashed,
    ms: runtime.elapsed() - began,
  };
}

/** Both at the same time. The end behind a wire is told the other's sums: where they are equal it sends none of its own. */
async function sumsOf(sides: Sides, isSourceRemote: boolean): Promise<[BucketSum[], BucketSum[]]> {
  if (isSourceRemote) {
    const away = sides.destination.bucketSums();
    return await Promise.all([sides.source.bucketSums(away), away]);
  }
  const here = sides.source.bucketSums();
  return await Promise.all([here, sides.destination.bucketSums(here)]);
}

interface Comparing {
  readonly options: VerifyOptions;
  readonly findings: Findings;
  readonly take: (sure: readonly Seen[]) => Promise<void>;
  readonly tell: ProgressOf;
}

async function compareBuckets(
  sides: Sides,
  differing: ReturnType<typeof differingBuckets>,
  { options, findings, take, tell }: Comparing,
): Promise<void> {
  const { runtime, signal } = options;
  const total = differing.reduce((sum, { docs }) => sum + docs, 0);
  let done = 0;
  for (const group of bucketGroups(differing, GROUP_DOCS_MAX)) {
    tell('listing', done, total);
    const buckets = group.map(({ b }) => b);
    const { suspects, inFlight } = await listGroup(sides, buckets);
    findings.addInFlight(inFlight);
    signal?.throwIfAborted();
    if (suspects.length > 0) tell('checking', done, total);
    const checked = await recheck(sides, suspects, { runtime, signal });
    findings.addInFlight(checked.inFlight);
    await take(checked.sure);
    done += group.reduce((sum, { docs }) => sum + docs, 0);
    tell('listing', done, total);
  }
}

function docsIn(sums: readonly BucketSum[]): number {
  return sums.reduce((docs, { count }) => docs + count, 0);
}
