/** A backup file held against a live store that goes on being written. */
import type { Digest } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { bucketOf, fingerprints } from '../../store/envelope.ts';
import { replicatorError } from '../errors.ts';
import type { ReplicatedDatabase, ReplicatedStore } from '../replicated-store.ts';
import type { Vector } from '../vector.ts';
import { bucketGroups, differingBuckets, type FindingKind, standingOf } from '../verify/standing.ts';
import type { BackupContents, BackupFile } from './file.ts';
import { newestDocuments, type Plan, planFor, sumsOf, total } from './state.ts';

/** Documents that are held in memory at a time, about 200 bytes each. */
const GROUP_DOCS = 100_000;
const PAGE_DIGESTS = 1_000;
/** Differences that are named, and those looked at a second time in one go. */
const NAMED_MAX = 100;
const AGAIN_IDS = 500;

export interface Difference {
  readonly id: string;
  /** As the store is the source and the file the destination: `missing` is not in the file. */
  readonly kind: FindingKind;
}

export interface Differences {
  readonly docsInFile: number;
  readonly docsInStore: number;
  readonly inFlight: number;
  readonly differing: number;
  readonly differences: readonly Difference[];
}

/** Only buckets whose sums differ are listed. Throws BACKUP_OTHER_SITE: only the source can say what came after. */
export async function differencesFrom(
  file: BackupFile,
  contents: BackupContents,
  store: ReplicatedStore,
  database: DatabaseName,
  deep: boolean,
): Promise<Differences> {
  if (contents.head.site !== store.site) {
    const message = `${file.path} holds backups of site ${contents.head.site}, this store is ${store.site}.`;
    throw replicatorError('BACKUP_OTHER_SITE', message, { input: file.path });
  }
  const plan = planFor(file, contents, null);
  const sums = await sumsOf(file, contents, plan, database);
  const live = await store.database(database).bucketSums();
  const buckets = deep ? allOf(live) : differingBuckets(live, sums);
  const found: Found = { inFlight: 0, differing: 0, differences: [] };
  const vector = plan.last.trailer.vectors[database] ?? {};
  for (const group of bucketGroups(buckets, GROUP_DOCS)) {
    const wanted = group.map(({ b }) => b);
    const inFile = await digestsOf(file, contents, plan, database, wanted);
    await compareGroup(store.database(database), inFile, { wanted, vector, deep }, found);
  }
  return { docsInFile: total(sums), docsInStore: total(live), ...found };
}

type Found = { inFlight: number; differing: number; differences: Difference[] };

interface Group {
  readonly wanted: readonly number[];
  readonly vector: Vector;
  readonly deep: boolean;
}

function allOf(sums: readonly { b: number; count: number }[]): { b: number; docs: number }[] {
  return sums.map(({ b, count }) => ({ b, docs: count }));
}

/** What does not agree is looked at again by its id: a document that is written meanwhile can escape a listing. */
async function compareGroup(
  store: ReplicatedDatabase,
  inFile: Map<string, Digest>,
  { wanted, vector, deep }: Group,
  found: Found,
): Promise<void> {
  const unseen = new Set(inFile.keys());
  const again: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const place = cursor === '' ? {} : { cursor };
    const page = await store.digests({ buckets: wanted, limit: PAGE_DIGESTS, deep, ...place });
    for (const digest of page.digests) {
      unseen.delete(digest.id);
      if (standing(digest, inFile.get(digest.id), vector) !== 'equal') again.push(digest.id);
    }
    cursor = page.cursor;
  }
  const ids = [...new Set([...again, ...unseen])];
  for (let from = 0; from < ids.length; from += AGAIN_IDS) {
    const asked = ids.slice(from, from + AGAIN_IDS);
    const { digests } = await store.digests({ ids: asked, limit: AGAIN_IDS, deep });
    const there = new Map(digests.map((digest) => [digest.id, digest]));
    for (const id of asked) judge(id, standing(there.get(id), inFile.get(id), vector), found);
  }
}

function standing(source: Digest | undefined, destination: Digest | undefined, vector: Vector) {
  return standingOf({ source: source ?? null, destination: destination ?? null }, { there: vector, back: null });
}

function judge(id: string, kind: ReturnType<typeof standing>, found: Found): void {
  if (kind === 'equal') return;
  if (kind === 'in-flight') found.inFlight += 1;
  else {
    found.differing += 1;
    if (found.differences.length < NAMED_MAX) found.differences.push({ id, kind });
  }
}

async function digestsOf(
  file: BackupFile,
  contents: BackupContents,
  plan: Plan,
  database: DatabaseName,
  buckets: readonly number[],
): Promise<Map<string, Digest>> {
  const wanted = new Set(buckets);
  const accept = (id: string) => wanted.has(bucketOf(id));
  const all = new Map<string, Digest>();
  for await (const { docs } of newestDocuments(file, contents, plan, { database, ids: null, accept })) {
    for (const { id, ver, body, deleted } of docs) {
      if (all.has(id)) continue;
      const { h1, h2, h3 } = fingerprints(id, body, ver, deleted);
      all.set(id, { id, ver, deleted, slot: 0, n: 0, h1, h2, h3, sound: null });
    }
  }
  return all;
}
