/** What proves a restore: a second reading of the file, held against the store. */
import type { DatabaseName } from '../../store/documents.ts';
import { bucketOf } from '../../store/envelope.ts';
import type { ReplicatedDatabase } from '../replicated-store.ts';
import { differingBuckets } from '../verify/standing.ts';
import type { BackupContents, BackupFile } from './file.ts';
import type { StoredDocument } from './format.ts';
import { documentsIn, newestDocuments, type Plan, parts, sumsOf, total } from './state.ts';

/** Ids looked up in one go. */
const LOOKUP_IDS = 200;
/** Ids that a proof names. */
const NAMED_MAX = 20;

export interface DatabaseProof {
  readonly database: DatabaseName;
  /** What the file says there is, tombstones included; and what the store has. */
  readonly docsInFile: number;
  readonly docsInStore: number;
  readonly equal: boolean;
  /** Buckets of 4,096 that differ, for a store that was empty; the first ids that lack or are older, for others. */
  readonly bucketsDiffering: number;
  readonly missing: readonly string[];
}

export interface Proven {
  readonly file: BackupFile;
  readonly contents: BackupContents;
  readonly plan: Plan;
  readonly database: DatabaseName;
  readonly store: ReplicatedDatabase;
}

/** The sums of the store are those of the file: the same documents, in the same versions, with the same content. */
export async function proveRestored(
  { file, contents, plan, database, store }: Proven,
  onRead: (docs: number) => void,
): Promise<DatabaseProof> {
  const expected = await sumsOf(file, contents, plan, database, onRead);
  const found = await store.bucketSums();
  const bucketsDiffering = differingBuckets(expected, found).length;
  const [docsInFile, docsInStore] = [total(expected), total(found)];
  return { database, docsInFile, docsInStore, equal: bucketsDiffering === 0, bucketsDiffering, missing: [] };
}

/** Every document of the file is in the store, in its version or a newer one. */
export async function proveHeld(
  { file, contents, plan, database, store }: Proven,
  onRead: (docs: number) => void,
): Promise<DatabaseProof> {
  const missing: string[] = [];
  let docsInFile = 0;
  for (const { from, to, ids, share } of parts(documentsIn(plan, database))) {
    const accept = (id: string) => bucketOf(id) >= from && bucketOf(id) < to;
    for await (const { docs, read } of newestDocuments(file, contents, plan, { database, ids, accept })) {
      docsInFile += docs.length;
      missing.push(...(await notHeld(store, docs)));
      onRead(read * share);
    }
  }
  const equal = missing.length === 0;
  const docsInStore = total(await store.bucketSums());
  return { database, docsInFile, docsInStore, equal, bucketsDiffering: 0, missing: missing.slice(0, NAMED_MAX) };
}

async function notHeld(store: ReplicatedDatabase, docs: readonly StoredDocument[]): Promise<string[]> {
  const missing: string[] = [];
  for (let from = 0; from < docs.length; from += LOOKUP_IDS) {
    const asked = docs.slice(from, from + LOOKUP_IDS);
    const there = await store.versions(asked.map(({ id }) => id));
    for (const { id, ver } of asked) if ((there.get(id)?.ver ?? '') < ver) missing.push(id);
  }
  return missing;
}
