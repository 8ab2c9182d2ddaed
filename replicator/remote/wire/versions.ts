import type { Versioned } from '../../../store/contract.ts';
import { readCount, readObject } from './checked.ts';
import { damaged } from './damage.ts';
import { readVersioned, versionedLines } from './documents.ts';
import { pack, unpack } from './frame.ts';
import { DOCS_MAX, PART_BYTES_MAX } from './limits.ts';
import { readPairs } from './lines.ts';

/** Ids that a receiver looks up at a time: documents may be large. */
const LOOK_UP_MAX = 100;

export interface Versions {
  /** So many of the ids that were asked for are answered, from the first on; ask again for the others. */
  readonly answered: number;
  /** Those that are there. */
  readonly found: readonly Versioned<unknown>[];
}

/** As many as fit into one frame; at least the first `LOOK_UP_MAX`, if they are not too large for it. */
export async function encodeVersions(
  ids: readonly string[],
  lookUp: (ids: readonly string[]) => Promise<ReadonlyMap<string, Versioned<unknown>>>,
): Promise<Buffer> {
  let lines = '';
  let docs = 0;
  let bytes = 0;
  let answered = 0;
  while (answered < ids.length) {
    const some = ids.slice(answered, answered + LOOK_UP_MAX);
    const found = await lookUp(some);
    for (const id of some) {
      const document = found.get(id);
      const text = document === undefined ? '' : versionedLines(document);
      const size = Buffer.byteLength(text);
      if (docs > 0 && (bytes + size > PART_BYTES_MAX || docs === DOCS_MAX)) return frame(lines, docs, answered);
      if (document !== undefined) docs += 1;
      lines += text;
      bytes += size;
      answered += 1;
    }
  }
  return frame(lines, docs, answered);
}

/** Throws WIRE_DAMAGED, WIRE_TOO_LARGE and WIRE_VERSION. */
export async function decodeVersions(bytes: Buffer): Promise<Versions> {
  const { head, pairs } = readPairs(await unpack('versions', bytes), DOCS_MAX);
  const { answered, docs } = readObject(head, 'the head of versions');
  if (readCount(docs, 'the count of documents') !== pairs.length) throw damaged('documents are missing');
  return {
    answered: readCount(answered, 'the count of answers'),
    found: pairs.map(([envelope, body]) => readVersioned(envelope, body)),
  };
}

function frame(lines: string, docs: number, answered: number): Promise<Buffer> {
  return pack('versions', Buffer.from(`${JSON.stringify({ answered, docs })}\n${lines}`));
}
