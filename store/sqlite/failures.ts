import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { CodedError, type StoreErrorCode, storeError } from '../errors.ts';

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html). */
const SQLITE = {
  PERM: 3,
  BUSY: 5,
  LOCKED: 6,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  AUTH: 23,
  NOTADB: 26,
} as const;

/** The file was moved or replaced below an open connection. */
const SQLITE_READONLY_DBMOVED = 1032;

/** Less free space than this, and a failed write is taken for a full disk. */
const FULL_BELOW_BYTES = 256 * 1024;

const FILE_SYSTEM_CODES: Readonly<Record<string, StoreErrorCode>> = {
  EACCES: 'STORE_FILE_READ_ONLY',
  EPERM: 'STORE_FILE_READ_ONLY',
  EROFS: 'STORE_FILE_READ_ONLY',
  ENOSPC: 'STORE_FULL',
  EDQUOT: 'STORE_FULL',
  ENOTDIR: 'STORE_URL_INVALID',
  EEXIST: 'STORE_URL_INVALID',
  EISDIR: 'STORE_URL_INVALID',
  ENAMETOOLONG: 'STORE_URL_INVALID',
  EIO: 'STORE_IO_FAILED',
};

export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === SQLITE.BUSY || code === SQLITE.LOCKED;
}

/** Any failure of SQLite or the file system below as a coded error; what is none of these comes back as it is. */
export function asStoreError(error: unknown, path: string): unknown {
  if (error instanceof CodedError) return error;
  const code = codeFor(error, path);
  if (code === undefined) return error;
  const said = error instanceof Error ? error.message : String(error);
  return storeError(code, `The store ${path} failed: ${said}`, {
    input: path,
    cause: error,
    retryable: code === 'STORE_LOCKED' || code === 'STORE_FULL',
  });
}

function codeFor(error: unknown, path: string): StoreErrorCode | undefined {
  switch (primaryCode(error)) {
    case undefined:
      return FILE_SYSTEM_CODES[(error as NodeJS.ErrnoException | null)?.code ?? ''];
    case SQLITE.BUSY:
    case SQLITE.LOCKED:
      return 'STORE_LOCKED';
    case SQLITE.FULL:
      return 'STORE_FULL';
    case SQLITE.READONLY:
      return extendedCode(error) === SQLITE_READONLY_DBMOVED ? 'STORE_GONE' : 'STORE_FILE_READ_ONLY';
    case SQLITE.PERM:
    case SQLITE.AUTH:
      return 'STORE_FILE_READ_ONLY';
    case SQLITE.CORRUPT:
      return 'STORE_CORRUPT';
    case SQLITE.NOTADB:
      return 'STORE_NOT_OURS';
    case SQLITE.CANTOPEN:
      return isThere(path) ? 'STORE_FILE_READ_ONLY' : 'STORE_GONE';
    case SQLITE.IOERR:
      if (!isThere(path)) return 'STORE_GONE';
      return isFull(path) ? 'STORE_FULL' : 'STORE_IO_FAILED';
    default:
      return undefined;
  }
}

function extendedCode(error: unknown): number | undefined {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode : undefined;
}

function primaryCode(error: unknown): number | undefined {
  const code = extendedCode(error);
  return code === undefined ? undefined : code & 0xff;
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** A full disk shows as an I/O error where SQLite grows its shared memory, or where a quota ends. */
function isFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < FULL_BELOW_BYTES;
  } catch {
    return false;
  }
}
