import type { Replica } from '../../../store/contract.ts';
import { type Checkpoint, HISTORY_MAX } from '../../checkpoint.ts';
import type { Push, Pushed } from '../../target.ts';
import {
  parseJson,
  readArray,
  readCount,
  readDatabase,
  readFlag,
  readNumber,
  readObject,
  readOrNull,
  readText,
  readVector,
} from './checked.ts';
import { damaged } from './damage.ts';
import { readReplica, replicaLines } from './documents.ts';
import { type Packing, pack, unpack } from './frame.ts';
import { DOCS_MAX, PART_BYTES_MAX } from './limits.ts';
import { readPairs } from './lines.ts';

/**
 * One frame, or several where the documents are too many or too large for one: to be sent in this order, each after the
 * one before is acknowledged, as only the last carries the checkpoint.
 */
export async function encodePush(push: Push, packing?: Packing): Promise<Buffer[]> {
  const parts = partsOf(push.docs);
  return await Promise.all(
    parts.map(({ lines, count }, at) => {
      const isLast = at === parts.length - 1;
      const checkpoint = isLast ? push.checkpoint : null;
      const head = { database: push.database, checkpoint, caughtUp: isLast && push.caughtUp, docs: count };
      return pack('push', Buffer.from(`${JSON.stringify(head)}\n${lines}`), packing);
    }),
  );
}

/** Throws WIRE_DAMAGED, WIRE_TOO_LARGE and WIRE_VERSION. */
export async function decodePush(frame: Buffer): Promise<Push> {
  const { head, pairs } = readPairs(await unpack('push', frame), DOCS_MAX);
  const { database, checkpoint, caughtUp, docs } = readObject(head, 'the head of a push');
  if (readCount(docs, 'the count of documents') !== pairs.length) throw damaged('documents of a push are missing');
  return {
    database: readDatabase(database),
    docs: pairs.map(([envelope, body]) => readReplica(envelope, body)),
    checkpoint: readOrNull(checkpoint, readCheckpoint),
    caughtUp: readFlag(caughtUp, 'whether it has caught up'),
  };
}

export function readPushed(json: string): Pushed {
  const { written, stale, conflicts, appliedMs } = readObject(parseJson(json, 'an answer'), 'an answer');
  return {
    written: readCount(written, 'the count of written documents'),
    stale: readCount(stale, 'the count of stale documents'),
    conflicts: readCount(conflicts, 'the count of conflicts'),
    appliedMs: readNumber(appliedMs, 'the time of applying'),
  };
}

export function readCheckpoint(value: unknown): Checkpoint {
  const { session, vector, seed, history, at } = readObject(value, 'a checkpoint');
  return {
    session: readText(session, 'a session'),
    vector: readVector(vector, 'a checkpoint'),
    seed: readVector(seed, 'a seed'),
    history: readArray(history, 'a history', HISTORY_MAX).map((entry) => {
      const past = readObject(entry, 'a history');
      const pastVector = readVector(past.vector, 'a history');
      return { session: readText(past.session, 'a session'), vector: pastVector, at: readNumber(past.at, 'a time') };
    }),
    at: readNumber(at, 'a time'),
  };
}

interface Part {
  lines: string;
  count: number;
}

function partsOf(docs: readonly Replica<unknown>[]): Part[] {
  let part: Part = { lines: '', count: 0 };
  let bytes = 0;
  const parts = [part];
  for (const doc of docs) {
    const lines = replicaLines(doc);
    const size = Buffer.byteLength(lines);
    if (part.count > 0 && (bytes + size > PART_BYTES_MAX || part.count === DOCS_MAX)) {
      part = { lines: '', count: 0 };
      parts.push(part);
      bytes = 0;
    }
    part.lines += lines;
    part.count += 1;
    bytes += size;
  }
  return parts;
}
