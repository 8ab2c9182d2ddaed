/** The commands that write documents, and what must be mended in DocumentDB's answers to them. */
import { type Document, serialize } from 'bson';
import { booleanOf, bsonOf, type Database, readBson } from './documentdb-sql.ts';
import { duplicateIndexId, duplicateKey, isLockingCode, translateWriteErrors } from './mongo-errors.ts';
import { namespaceOf, type Request } from './wire.ts';

/** How often writes that lost a lock to others are repeated; MongoDB does so without end. */
const LOCK_TRIES_MAX = 100;

/**
 * The procedures commit as they go, and wait 20 ms at most for a lock while they hold others; the functions of the
 * same names hold every lock to their end, and deadlock where two batches meet.
 */
const WRITES = {
  insert: { sql: 'call documentdb_api.insert_bulk($1, $2, $3, null)', list: 'documents' },
  update: { sql: 'call documentdb_api.update_bulk($1, $2, $3, null)', list: 'updates' },
  delete: { sql: 'select * from documentdb_api.delete($1, $2, $3)', list: 'deletes' },
} as const;

export async function write(kind: keyof typeof WRITES, request: Request, database: Database): Promise<Uint8Array> {
  const { sql, list } = WRITES[kind];
  const run = (body: Uint8Array, operations: Uint8Array | null) =>
    database.row(sql, [request.database, body, operations], request.command.maxTimeMS);

  const row = await run(request.body, request.sequences.get(list) ?? null);
  if (booleanOf(row, 'p_success')) return bsonOf(row, 'p_result');
  let result = readBson(row, 'p_result');
  const operations = readOperations(request, list);
  const { [list]: _, ...rest } = request.command;
  const body = serialize(rest);
  for (let attempt = 1; attempt < LOCK_TRIES_MAX; attempt += 1) {
    const again = lostToLocks(result, operations.length, request.command.ordered !== false);
    if (again.length === 0) break;
    const chosen = Buffer.concat(again.map((index) => operations[index] ?? new Uint8Array()));
    result = merge(result, readBson(await run(body, chosen), 'p_result'), again);
  }
  return serialize(translateWriteErrors(result, namespaceOf(request)));
}

export async function findAndModify(request: Request, database: Database): Promise<Uint8Array> {
  const sql = 'select * from documentdb_api.find_and_modify($1, $2)';
  try {
    return bsonOf(await database.row(sql, [request.database, request.body], request.command.maxTimeMS), 'p_result');
  } catch (error) {
    const indexId = duplicateIndexId(error);
    if (indexId === undefined) throw error;
    const index = indexId === null ? '_id_' : await database.indexName(indexId);
    return serialize({ ok: 0, codeName: 'DuplicateKey', ...duplicateKey(index, namespaceOf(request)) });
  }
}

/** The documents, updates or deletes of a command, each as BSON. */
function readOperations(request: Request, list: string): Uint8Array[] {
  const sequence = request.sequences.get(list);
  if (sequence === undefined) return (request.command[list] ?? []).map((operation: Document) => serialize(operation));
  const operations: Uint8Array[] = [];
  const view = new DataView(sequence.buffer, sequence.byteOffset, sequence.byteLength);
  for (let at = 0; at < sequence.length; at += view.getInt32(at, true)) {
    operations.push(sequence.subarray(at, at + view.getInt32(at, true)));
  }
  return operations;
}

/** Which operations to repeat: those that failed for a lock; in an ordered command also all after it. */
function lostToLocks(result: Document, count: number, ordered: boolean): number[] {
  const failed: number[] = (result.writeErrors ?? [])
    .filter((error: Document) => isLockingCode(Number(error.code)))
    .map((error: Document) => Number(error.index));
  const [first] = failed;
  if (!ordered || first === undefined) return failed;
  return Array.from({ length: count - first }, (_, offset) => first + offset);
}

/** `again`: the repeated operations by their place in the command, in the order of `second`. */
function merge(first: Document, second: Document, again: readonly number[]): Document {
  const placed = (entries: Document[] = []): Document[] =>
    entries.map((entry) => ({ ...entry, index: again[Number(entry.index)] }));
  const repeated = new Set(again);
  const kept = (first.writeErrors ?? []).filter((error: Document) => !repeated.has(Number(error.index)));
  const merged: Document = { ...first, n: Number(first.n) + Number(second.n) };
  if ('nModified' in first) merged.nModified = Number(first.nModified) + Number(second.nModified ?? 0);
  const upserted = [...(first.upserted ?? []), ...placed(second.upserted)];
  if (upserted.length > 0) merged.upserted = upserted;
  const writeErrors = [...kept, ...placed(second.writeErrors)].sort((a, b) => Number(a.index) - Number(b.index));
  if (writeErrors.length > 0) merged.writeErrors = writeErrors;
  else delete merged.writeErrors;
  return merged;
}
