/** What verification compares, page by page, in the order of the index on {b, h1, h2, h3}. */
import type { Collection, Filter } from 'mongodb';
import type { Digest, DigestPage, DigestQuery } from '../contract.ts';
import { BUCKET_COUNT, fingerprints } from '../envelope.ts';
import { storeError } from '../errors.ts';
import { bodyOf, REAL, type StoredDocument } from './stored-document.ts';

const PROJECTION = { ver: 1, del: 1, slot: 1, n: 1, b: 1, h1: 1, h2: 1, h3: 1 } as const;

/** Buckets asked for in one query. */
const BUCKETS_MAX = 512;

/** Where a page ended: in this bucket, at this first word, of which so many documents were given. */
interface Place {
  readonly b: number;
  readonly h1: number;
  readonly skip: number;
}

export async function readDigests(documents: Collection<StoredDocument>, query: DigestQuery): Promise<DigestPage> {
  const { ids, limit, deep = false } = query;
  if (limit <= 0) return { digests: [], cursor: query.cursor ?? null };
  if (ids) {
    const digests = await read(documents, { _id: { $in: [...ids] }, ...REAL }, 0, limit, deep);
    return { digests: digests.map(({ digest }) => digest), cursor: null };
  }
  let place = query.cursor === undefined ? { b: 0, h1: 0, skip: 0 } : parse(query.cursor);
  const buckets = query.buckets?.toSorted((x, y) => x - y);
  const found: Found[] = [];
  for (const { filter, skip } of ranges(place, buckets)) {
    const some = await read(documents, filter, skip, limit - found.length, deep);
    found.push(...some);
    if (found.length === limit) break;
  }
  for (const { b, h1 } of found) place = { b, h1, skip: place.b === b && place.h1 === h1 ? place.skip + 1 : 1 };
  const cursor = found.length < limit ? null : `${place.b}.${place.h1}.${place.skip}`;
  return { digests: found.map(({ digest }) => digest), cursor };
}

/** The rest of the bucket in which a page ended, then all buckets after it. */
function* ranges(
  { b, h1, skip }: Place,
  buckets: readonly number[] | undefined,
): Generator<{ filter: Filter<StoredDocument>; skip: number }> {
  if (!buckets || buckets.includes(b)) yield { filter: { b, h1: { $gte: h1 } }, skip };
  if (!buckets) {
    yield { filter: { b: { $gt: b, $lt: BUCKET_COUNT } }, skip: 0 };
    return;
  }
  const later = buckets.filter((bucket) => bucket > b);
  for (let from = 0; from < later.length; from += BUCKETS_MAX)
    yield { filter: { b: { $in: later.slice(from, from + BUCKETS_MAX) } }, skip: 0 };
}

interface Found {
  readonly b: number;
  readonly h1: number;
  readonly digest: Digest;
}

/** Holds one answer of the server at most, which is 16 MiB. */
async function read(
  documents: Collection<StoredDocument>,
  filter: Filter<StoredDocument>,
  skip: number,
  limit: number,
  deep: boolean,
): Promise<Found[]> {
  const options = { batchSize: limit, ...(!deep && { projection: PROJECTION }) };
  const cursor = documents.find(filter, options).sort({ b: 1, h1: 1, h2: 1, h3: 1 }).skip(skip).limit(limit);
  const found: Found[] = [];
  for await (const doc of cursor) found.push({ b: doc.b, h1: doc.h1, digest: digestOf(doc, deep) });
  return found;
}

function digestOf(doc: StoredDocument, deep: boolean): Digest {
  const { _id: id, ver, del, slot, n, h1, h2, h3 } = doc;
  return { id, ver, deleted: del, slot, n, h1, h2, h3, sound: deep ? isSound(doc) : null };
}

/** Whether the words and the bucket that stand there are those of what stands there. */
function isSound(doc: StoredDocument): boolean {
  const words = fingerprints(doc._id, bodyOf(doc), doc.ver, doc.del);
  return (['b', 'h1', 'h2', 'h3'] as const).every((word) => words[word] === doc[word]);
}

/** Throws BATCH_INVALID for what no page gave. */
function parse(cursor: string): Place {
  const [b, h1, skip] = cursor.split('.').map(Number);
  if (b !== undefined && h1 !== undefined && skip !== undefined) return { b, h1, skip };
  throw storeError('BATCH_INVALID', `This is no cursor: ${cursor}`, { input: cursor });
}
