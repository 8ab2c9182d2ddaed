/** Some documents of a backup file in a store that is thrown away afterwards: to look at them, not to serve them. */
import type { DatabaseName } from '../../store/documents.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import { replicaOf } from './format.ts';
import { IdSet } from './id-set.ts';
import type { PlannedRestore } from './planned-restore.ts';
import { documentsIn, IDS_MAX, newestDocuments } from './state.ts';

/** Documents applied in one go. */
const BATCH_DOCS = 500;

export interface ExcerptOptions {
  readonly planned: PlannedRestore;
  readonly database: DatabaseName;
  /** Holds none of these documents yet. */
  readonly store: ReplicatedStore;
  /** Only documents with these ids. */
  readonly accept: (id: string) => boolean;
  readonly onProgress?: (read: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** False: aborted before the end. Throws BACKUP_DAMAGED, STORE_*. */
export async function excerpt(options: ExcerptOptions): Promise<boolean> {
  const { planned, database, store, accept, onProgress, signal } = options;
  const { file, contents, plan } = planned;
  const total = documentsIn(plan, database);
  // Without a set of ids older versions come after newer ones, and the guard drops them.
  const ids = total > IDS_MAX ? null : new IdSet(total);
  const target = store.database(database);
  let isWhole = true;
  await target.setIndexes('deferred');
  {
    await using writer = await target.openWriter({ owner: 'excerpt', durability: 'lazy', bulk: true });
    let done = 0;
    for await (const { docs, read } of newestDocuments(file, contents, plan, { database, ids, accept })) {
      if (signal?.aborted === true) {
        isWhole = false;
        break;
      }
      for (let from = 0; from < docs.length; from += BATCH_DOCS) {
        await writer.apply(docs.slice(from, from + BATCH_DOCS).map(replicaOf));
      }
      done += read;
      onProgress?.(done, total);
    }
  }
  await target.setIndexes('kept');
  return isWhole;
}
