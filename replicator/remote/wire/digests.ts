import type { Digest, DigestPage, DigestQuery } from '../../../store/contract.ts';
import { BUCKET_COUNT } from '../../../store/envelope.ts';
import {
  parseJson,
  readArray,
  readCount,
  readFlag,
  readId,
  readObject,
  readOrNull,
  readText,
  readVersion,
  readWord,
} from './checked.ts';
import { damaged } from './damage.ts';
import { pack, unpack } from './frame.ts';
import { DIGESTS_MAX, IDS_MAX } from './limits.ts';

/** `[id, ver, deleted, slot, n, h1, h2, h3, sound]` */
const FIELDS = 9;

export async function encodeDigests({ digests, cursor }: DigestPage): Promise<Buffer> {
  const rows = digests.map(({ id, ver, deleted, slot, n, h1, h2, h3, sound }) => [
    ...[id, ver, deleted, slot, n, h1, h2, h3, sound],
  ]);
  return await pack('digests', Buffer.from(JSON.stringify({ cursor, rows })));
}

/** Throws WIRE_DAMAGED, WIRE_TOO_LARGE and WIRE_VERSION. */
export async function decodeDigests(frame: Buffer): Promise<DigestPage> {
  const raw = await unpack('digests', frame);
  const { cursor, rows } = readObject(parseJson(raw.toString('utf8'), 'a page of digests'), 'a page of digests');
  return {
    cursor: readOrNull(cursor, (value) => readText(value, 'a cursor')),
    digests: readArray(rows, 'a page of digests', DIGESTS_MAX).map(readDigest),
  };
}

function readDigest(row: unknown): Digest {
  const fields = readArray(row, 'a digest', FIELDS);
  return {
    id: readId(fields[0]),
    ver: readVersion(fields[1], 'the version of a digest'),
    deleted: readFlag(fields[2], 'whether it was deleted'),
    slot: readCount(fields[3], 'a slot'),
    n: readCount(fields[4], 'a number'),
    h1: readWord(fields[5], 'h1'),
    h2: readWord(fields[6], 'h2'),
    h3: readWord(fields[7], 'h3'),
    sound: readOrNull(fields[8], (value) => readFlag(value, 'whether it is sound')),
  };
}

/** Of a receiver's pages; a larger wish is answered with more pages. */
export function readDigestQuery(value: unknown): DigestQuery {
  const { buckets, ids, cursor, limit, deep } = readObject(value, 'a question');
  return {
    ...(buckets !== undefined && { buckets: readArray(buckets, 'the buckets', BUCKET_COUNT).map(readBucket) }),
    ...(ids !== undefined && { ids: readIds(ids) }),
    ...(cursor !== undefined && { cursor: readText(cursor, 'a cursor') }),
    ...(deep !== undefined && { deep: readFlag(deep, 'deep') }),
    limit: Math.min(DIGESTS_MAX, readCount(limit, 'a limit')),
  };
}

export function readIds(value: unknown): string[] {
  return readArray(value, 'the ids', IDS_MAX).map(readId);
}

function readBucket(value: unknown): number {
  const bucket = readCount(value, 'a bucket');
  if (bucket >= BUCKET_COUNT) throw damaged('there is no such bucket');
  return bucket;
}
