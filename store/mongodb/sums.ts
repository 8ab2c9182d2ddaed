import type { Collection, Document } from 'mongodb';
import type { BucketSum } from '../contract.ts';
import { BUCKET_COUNT } from '../envelope.ts';

/** Ranges of buckets, a query each: so no single answer takes longer than a connection is waited for. */
const SLICES = 16;

/** Count and sums of each bucket, from the index on {b, h1, h2, h3}. Fillers have no bucket. */
export async function sumBuckets<D extends Document>(collection: Collection<D>): Promise<BucketSum[]> {
  const sums: BucketSum[] = [];
  for (const range of slices()) {
    const group = { _id: '$b', count: { $sum: 1 }, s1: { $sum: '$h1' }, s2: { $sum: '$h2' }, s3: { $sum: '$h3' } };
    const found = await collection.aggregate([{ $match: { b: range } }, { $group: group }]).toArray();
    for (const { _id, count, s1, s2, s3 } of found) sums.push({ b: _id, count, s1, s2, s3 });
  }
  return sums;
}

/** All documents with an envelope, tombstones included. */
export async function countAll<D extends Document>(collection: Collection<D>): Promise<number> {
  let count = 0;
  for (const range of slices()) {
    const [found] = await collection.aggregate([{ $match: { b: range } }, { $count: 'count' }]).toArray();
    count += Number(found?.count ?? 0);
  }
  return count;
}

function slices(): { $gte: number; $lt: number }[] {
  const width = BUCKET_COUNT / SLICES;
  return Array.from({ length: SLICES }, (_, i) => ({ $gte: i * width, $lt: (i + 1) * width }));
}
