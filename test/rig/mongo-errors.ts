/**
 * DocumentDB's errors as MongoDB's. DocumentDB reports an SQLSTATE: `M001C` for a duplicate key; inside a write's
 * result the same five letters are packed into one number, six bits each.
 */
import { type Document, serialize } from 'bson';

/** The codes that drivers and Feedferry tell apart; any other becomes InternalError with DocumentDB's own message. */
const MONGO_CODES: Readonly<Record<string, readonly [number, string]>> = {
  M0001: [2, 'BadValue'],
  M0003: [9, 'FailedToParse'],
  M0004: [14, 'TypeMismatch'],
  M0006: [20, 'IllegalOperation'],
  M0008: [26, 'NamespaceNotFound'],
  M0009: [27, 'IndexNotFound'],
  M000D: [40, 'ConflictingUpdateOperators'],
  M000E: [43, 'CursorNotFound'],
  M000F: [48, 'NamespaceExists'],
  M000G: [52, 'DollarPrefixedFieldName'],
  M000M: [66, 'ImmutableField'],
  M000N: [67, 'CannotCreateIndex'],
  M000O: [68, 'IndexAlreadyExists'],
  M000P: [72, 'InvalidOptions'],
  M000Q: [73, 'InvalidNamespace'],
  M000R: [85, 'IndexOptionsConflict'],
  M000S: [86, 'IndexKeySpecsConflict'],
  M000U: [115, 'CommandNotSupported'],
  M0012: [197, 'InvalidIndexSpecificationOption'],
  M0018: [291, 'NoQueryExecutionPlans'],
  M001B: [10334, 'BSONObjectTooLarge'],
  M001C: [11000, 'DuplicateKey'],
  M003A: [17419, 'Location17419'],
  M003B: [17420, 'Location17420'],
  M007U: [40324, 'UnrecognizedPipelineStage'],
  M0088: [40415, 'IDLUnknownField'],
  M00EX: [50, 'MaxTimeMSExpired'],
  '57014': [50, 'MaxTimeMSExpired'],
  '53100': [14031, 'OutOfDiskSpace'],
  '40001': [112, 'WriteConflict'],
  '40P01': [112, 'WriteConflict'],
  '55P03': [112, 'WriteConflict'],
};

/** Errors of PostgreSQL's locking, which MongoDB resolves by itself: nothing was written, the same call may be repeated. */
const LOCKING: ReadonlySet<string> = new Set(['40001', '40P01', '55P03']);

const DUPLICATE_KEY = 11000;

/** An error that a command answers with. */
export class MongoError extends Error {
  readonly code: number;
  readonly codeName: string;

  constructor(code: number, codeName: string, message: string) {
    super(message);
    this.code = code;
    this.codeName = codeName;
  }
}

export function isLockingError(error: unknown): boolean {
  return LOCKING.has(sqlStateOf(error));
}

/** Whether a packed code of a write error is one of locking. */
export function isLockingCode(packed: number): boolean {
  return LOCKING.has(unpackSqlState(packed));
}

/** The answer to a command that failed. `namespace`: `database.collection`. */
export function errorReply(error: unknown, namespace: string): Uint8Array {
  return serialize({ ok: 0, ...describe(error, namespace) });
}

function describe(error: unknown, namespace: string): Document {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof MongoError) return { errmsg: message, code: error.code, codeName: error.codeName };
  const [code, codeName] = MONGO_CODES[sqlStateOf(error)] ?? [1, 'InternalError'];
  if (code !== DUPLICATE_KEY) return { errmsg: message, code, codeName };
  return { codeName, ...duplicateKey(indexNamed(message), namespace) };
}

/** Gives the write errors of an insert, update or delete MongoDB's codes. Changes `result`. */
export function translateWriteErrors(result: Document, namespace: string): Document {
  for (const failed of Array.isArray(result.writeErrors) ? result.writeErrors : []) {
    const [code] = MONGO_CODES[unpackSqlState(Number(failed.code))] ?? [Number(failed.code)];
    failed.code = code;
    if (code === DUPLICATE_KEY) Object.assign(failed, duplicateKey(indexNamed(String(failed.errmsg)), namespace));
  }
  return result;
}

/**
 * MongoDB names the index and its pattern: `E11000 duplicate key error collection: a.b index: x_1 dup key: ...`.
 * DocumentDB names the index only; the pattern is told where the index has a default name (`slot_1_n_1`).
 */
export function duplicateKey(index: string, namespace: string): Document {
  const keyPattern = patternOf(index);
  const text = `E11000 duplicate key error collection: ${namespace} index: ${index}`;
  return { code: DUPLICATE_KEY, errmsg: text, ...(keyPattern && { keyPattern, keyValue: {} }) };
}

/** DocumentDB says `Duplicate key violation on the requested collection: Index 'slot_1_n_1'`. */
function indexNamed(message: string): string {
  return /Index '([^']+)'/.exec(message)?.[1] ?? '_id_';
}

/**
 * The index that `find_and_modify` met, from PostgreSQL's own error: its number, null for `_id_`, undefined where the
 * error is another one.
 */
export function duplicateIndexId(error: unknown): number | null | undefined {
  const state = sqlStateOf(error);
  if ((state !== '23P01' && state !== '23505') || !(error instanceof Error)) return undefined;
  const index = /documents_rum_index_(\d+)/.exec(error.message)?.[1];
  return index === undefined ? null : Number(index);
}

function patternOf(index: string): Document | undefined {
  if (index === '_id_') return { _id: 1 };
  if (!/^(?:.+?_-?1)(?:_.+?_-?1)*$/.test(index)) return undefined;
  const parts = [...index.matchAll(/(.+?)_(-?1)(?:_|$)/g)];
  return Object.fromEntries(parts.map((part) => [part[1], Number(part[2])]));
}

function sqlStateOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function unpackSqlState(packed: number): string {
  let state = '';
  for (let at = 0; at < 5; at += 1) state += String.fromCharCode(48 + ((packed >> (6 * at)) & 63));
  return state;
}
