/** The state at a moment, as a backup file alone gives it: its newest documents. */
import type { BucketSum } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { BUCKET_COUNT, bucketOf, fingerprints } from '../../store/envelope.ts';
import { replicatorError } from '../errors.ts';
import { type BackupContents, type BackupFile, type Block, damaged, type Frame, readBlock } from './file.ts';
import { decodeLine, madeAt, type StoredDocument } from './format.ts';
import { IdSet } from './id-set.ts';

/** Ids that are kept in memory at a time, 16 to 32 bytes each; of more, the file is read once for each part of them. */
export const IDS_MAX = 4_000_000;

/** Which frames make up a state. */
export interface Plan {
  /** The last one that is in it as a whole, and the full one that it begins with. */
  readonly last: Frame;
  readonly first: Frame;
  /** Newest first. */
  readonly frames: readonly Frame[];
  /** Of the frame after `last`: what carries a version of this moment or before. Null: nothing of it. */
  readonly next: { readonly frame: Frame; readonly until: number } | null;
}

/**
 * The frames for the state at a moment; null: for the newest. The time of a frame means that frame alone. Throws RESTORE_TOO_EARLY, and BACKUP_DAMAGED where a frame
 * that is wanted, or may be, is.
 */
export function planFor(file: BackupFile, contents: BackupContents, at: number | null): Plan {
  const { frames, tail } = contents;
  const until = at ?? Number.POSITIVE_INFINITY;
  const later = frames.findIndex(({ trailer }) => trailer.at > until);
  if (later < 0 && tail?.kind === 'damaged') throw damaged(file.path, tail.frame, tail.why);
  const end = later < 0 ? frames.length : later;
  const last = frames[end - 1];
  if (last === undefined) {
    const first = frames[0]?.trailer.at;
    // A file gets its name once its first frame is complete: this one was cut since.
    if (first === undefined) throw damaged(file.path, 1, tail?.why ?? 'there is none');
    const message = `The first backup in ${file.path} is of ${new Date(first).toISOString()}.`;
    throw replicatorError('RESTORE_TOO_EARLY', message, { input: file.path });
  }
  const begin = frames.findLastIndex(({ trailer }, i) => i < end && trailer.kind === 'full');
  const wanted = frames.slice(Math.max(0, begin), end).reverse();
  const after = frames[end];
  // A full frame in the middle: the source was put back, so what came after belongs to another course of events.
  const isBetween = at !== null && at > last.trailer.at;
  const next = isBetween && after?.trailer.kind === 'changes' ? { frame: after, until: at } : null;
  return { last, first: wanted.at(-1) ?? last, frames: wanted, next };
}

/** Documents of all frames of a plan, those included that are there several times. */
export function documentsIn(plan: Plan, database: DatabaseName): number {
  const frames = plan.next === null ? plan.frames : [plan.next.frame, ...plan.frames];
  return frames.reduce((sum, { trailer }) => sum + (trailer.counts[database]?.docs ?? 0), 0);
}

/** What one block adds to a state. */
export interface NewestPage {
  /** Newest first. */
  readonly docs: StoredDocument[];
  /** Documents of the block, those that newer ones have replaced included. */
  readonly read: number;
}

/**
 * One database of a state, newest document first, each id once: a page for each block, in an order that is always the
 * same. `accept`: only ids that it takes. A null set repeats ids; their newest still comes first.
 */
export async function* newestDocuments(
  file: BackupFile,
  contents: BackupContents,
  plan: Plan,
  query: { database: DatabaseName; ids: IdSet | null; accept?: (id: string) => boolean },
): AsyncGenerator<NewestPage> {
  const index = contents.head.databases.indexOf(query.database);
  const frames = plan.next === null ? plan.frames : [plan.next.frame, ...plan.frames];
  const blocks = frames.flatMap((frame) => frame.blocks.filter(({ database }) => database === index).reverse());
  let reading = ahead(file, blocks[0]);
  for (const [i, block] of blocks.entries()) {
    const text = await reading;
    reading = ahead(file, blocks[i + 1]);
    const until = block.frame === plan.next?.frame.trailer.frame ? plan.next.until : Number.POSITIVE_INFINITY;
    yield { docs: newestOf(text, until, query), read: block.docs };
  }
}

/** The next block is read and decompressed while this one is used. */
function ahead(file: BackupFile, block: Block | undefined): Promise<string> {
  const reading = block === undefined ? Promise.resolve('') : readBlock(file, block);
  reading.catch(() => {});
  return reading;
}

function newestOf(
  text: string,
  until: number,
  { ids, accept }: { ids: IdSet | null; accept?: (id: string) => boolean },
): StoredDocument[] {
  const docs: StoredDocument[] = [];
  const lines = text.split('\n');
  for (let i = lines.length - 2; i >= 0; i -= 1) {
    const doc = decodeLine(lines[i] ?? '');
    if (accept !== undefined && !accept(doc.id)) continue;
    if (madeAt(doc.ver) > until) continue;
    if (ids === null || ids.add(doc.id)) docs.push(doc);
  }
  return docs;
}

/**
 * Count and sums of each bucket, as `Database.bucketSums` gives them, computed from the file alone. `onRead`: of the
 * documents in the plan, how many more were read; where it takes several readings, a share of them.
 */
export async function sumsOf(
  file: BackupFile,
  contents: BackupContents,
  plan: Plan,
  database: DatabaseName,
  onRead: (share: number) => void = () => {},
  idsMax = IDS_MAX,
): Promise<BucketSum[]> {
  const sums = Array.from({ length: BUCKET_COUNT }, (_, b) => ({ b, count: 0, s1: 0, s2: 0, s3: 0 }));
  const total = documentsIn(plan, database);
  for (const { from, to, ids, share } of parts(total, idsMax)) {
    const accept = (id: string) => bucketOf(id) >= from && bucketOf(id) < to;
    for await (const { docs, read } of newestDocuments(file, contents, plan, { database, ids, accept })) {
      for (const { id, body, ver, deleted } of docs) {
        const { b, h1, h2, h3 } = fingerprints(id, body, ver, deleted);
        const sum = sums[b];
        if (sum === undefined) continue;
        sum.count += 1;
        sum.s1 += h1;
        sum.s2 += h2;
        sum.s3 += h3;
      }
      onRead(read * share);
    }
  }
  return sums.filter(({ count }) => count > 0);
}

interface Part {
  /** Buckets, the last one excluded. */
  readonly from: number;
  readonly to: number;
  readonly ids: IdSet;
  /** Of the whole. */
  readonly share: number;
}

/** Ranges of buckets of which each has few enough ids for a set, twice the average to be safe. */
export function* parts(docs: number, idsMax = IDS_MAX): Generator<Part> {
  const count = Math.min(BUCKET_COUNT, Math.ceil(docs / idsMax) || 1);
  const room = count === 1 ? docs : Math.ceil((docs / count) * 2);
  for (let i = 0; i < count; i += 1) {
    const [from, to] = [Math.floor((i * BUCKET_COUNT) / count), Math.floor(((i + 1) * BUCKET_COUNT) / count)];
    yield { from, to, ids: new IdSet(room), share: 1 / count };
  }
}

/** Tombstones included. */
export function total(sums: readonly BucketSum[]): number {
  return sums.reduce((sum, { count }) => sum + count, 0);
}
