/** What the driver and the server report, as coded errors, and what each failure says about a write under way. */
import { MongoError, MongoNetworkError, MongoServerError } from 'mongodb';
import { CodedError, type StoreErrorCode, storeError } from '../errors.ts';
import { withoutCredentials } from './url.ts';

/** Codes of the server (https://www.mongodb.com/docs/manual/reference/error-codes/). */
const UNAUTHORIZED = new Set([13, 18, 31, 33, 8000]);
const OUT_OF_DISK_SPACE = 14031;
const DUPLICATE_KEY = 11000;
const TOO_LARGE = new Set([10334, 17419, 17420]);
/**
 * The same call may succeed later: another primary is being elected, the server shuts down or starts, a lock, a time
 * limit, or a write concern that was not satisfied in time.
 */
const PASSING = new Set([
  6, 7, 24, 43, 46, 50, 64, 79, 89, 91, 112, 134, 189, 202, 262, 9001, 10058, 10107, 11600, 11602, 13388, 13435, 13436,
]);

/** Thrown before anything was sent. PoolClearedOnNetworkError is none of these: it interrupts what is under way. */
const NOT_SENT = new Set([
  'MongoServerSelectionError',
  'MongoPoolClearedError',
  'MongoPoolClosedError',
  'MongoWaitQueueTimeoutError',
  'MongoNotConnectedError',
  'MongoTopologyClosedError',
]);

const REFUSED_BY_DRIVER = new Set(['MongoInvalidArgumentError', 'BSONError']);

/** The driver also closes what it could not connect the first time, and the next call connects anew. */
const PASSING_NAMES = new Set([
  'MongoClientClosedError',
  'MongoServerClosedError',
  'MongoUnexpectedServerResponseError',
]);

const AFTERMATH = new Set(['MongoTopologyClosedError', 'MongoNotConnectedError', 'MongoClientClosedError']);

/** Whether it only says that the driver has given up a connection, for a reason that came before. */
export function isAftermath(error: unknown): boolean {
  return error instanceof MongoError && AFTERMATH.has(error.name);
}

/** Whether the command surely never reached a server, so that what it asked for can't happen later. */
export function wasNotSent(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (NOT_SENT.has(error.name)) return true;
  if (error instanceof MongoNetworkError && 'beforeHandshake' in error && error.beforeHandshake === true) return true;
  const { syscall } = (error.cause ?? {}) as NodeJS.ErrnoException;
  return error instanceof MongoNetworkError && (syscall === 'connect' || syscall === 'getaddrinfo');
}

/** Whether the driver or the server looked at the whole command and would have none of it. */
export function wasRefused(error: unknown): boolean {
  if (error instanceof Error && REFUSED_BY_DRIVER.has(error.name)) return true;
  const code = serverCode(error);
  return code !== undefined && (UNAUTHORIZED.has(code) || TOO_LARGE.has(code));
}

/** Whether the same call may succeed in a moment. */
export function mayPass(error: unknown): boolean {
  if (error instanceof CodedError) return error.retryable;
  return isNetworkTrouble(error) || isPassingCode(serverCode(error));
}

export function isPassingCode(code: number | undefined): boolean {
  return code !== undefined && PASSING.has(code);
}

export function isDuplicateKey(error: unknown): boolean {
  return serverCode(error) === DUPLICATE_KEY;
}

/**
 * Which unique index refused a write. mongod: `E11000 duplicate key error collection: a.b index: slot_1_n_1 dup key: ...`;
 * others name it somewhere; undefined where they don't, and the caller has to look.
 */
export function duplicateIndex(message: string): 'id' | 'place' | undefined {
  const named = /index: (\S+)/.exec(message)?.[1] ?? '';
  if (/^_id_?$/.test(named)) return 'id';
  if (named === PLACE_INDEX) return 'place';
  return undefined;
}

/** The unique index on {slot, n}. */
export const PLACE_INDEX = 'slot_1_n_1';

export function isDuplicateCode(code: number): boolean {
  return code === DUPLICATE_KEY;
}

/** A failure of one document within a batch. */
export function documentError(code: number, message: string, shown: string): Error {
  return coded(codeOfServer(code), `The store ${shown} refused a document: ${message}`, shown, undefined);
}

/** Any failure of the driver or the server as a coded error; what is none of these comes back as it is. */
export function asStoreError(error: unknown, shown: string): unknown {
  if (error instanceof CodedError) return error;
  const said = withoutCredentials(error instanceof Error ? error.message : String(error));
  const server = serverCode(error);
  if (server !== undefined) {
    const what = UNAUTHORIZED.has(server) ? 'refused the credentials of its URL' : 'failed';
    return coded(codeOfServer(server), `The store ${shown} ${what}: ${said}`, shown, error);
  }
  if (isNetworkTrouble(error)) return coded('STORE_UNREACHABLE', `The store ${shown} does not answer: ${said}`, shown);
  return error;
}

export function closedError(shown: string, cause?: unknown): Error {
  return storeError('STORE_CLOSED', `The store ${shown} is closed.`, { input: shown, cause });
}

export function goneError(shown: string): Error {
  const message = `The database behind the store ${shown} was dropped or replaced while the store was open.`;
  return storeError('STORE_GONE', message, { input: shown });
}

function codeOfServer(code: number): StoreErrorCode {
  if (UNAUTHORIZED.has(code) || PASSING.has(code)) return 'STORE_UNREACHABLE';
  if (code === OUT_OF_DISK_SPACE) return 'STORE_FULL';
  if (TOO_LARGE.has(code)) return 'BATCH_INVALID';
  return 'STORE_IO_FAILED';
}

/** The cause is left out where its text may hold credentials. */
function coded(code: StoreErrorCode, message: string, shown: string, cause?: unknown): CodedError<StoreErrorCode> {
  const server = serverCode(cause);
  const retryable = code === 'STORE_FULL' || (code === 'STORE_UNREACHABLE' && !UNAUTHORIZED.has(server ?? 0));
  return storeError(code, message, { input: shown, cause, retryable });
}

function serverCode(error: unknown): number | undefined {
  return error instanceof MongoServerError && typeof error.code === 'number' ? error.code : undefined;
}

/** The driver wraps most, but passes some errors of the socket on as they are. */
function isNetworkTrouble(error: unknown): boolean {
  if (error instanceof MongoNetworkError) return true;
  if (!(error instanceof Error)) return false;
  if (error instanceof MongoError) return NOT_SENT.has(error.name) || PASSING_NAMES.has(error.name);
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall !== undefined || code === 'ECONNRESET' || code === 'EPIPE';
}
