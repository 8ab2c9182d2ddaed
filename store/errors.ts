import type { DatabaseName } from './documents.ts';

/**
 * A failure that a person or a program can act on: what was wrong, with which input, and what to do.
 * Every folder lists its own codes in its `errors.ts`; this class is shared by all of them.
 */
export class CodedError<Code extends string = string> extends Error {
  /** Stable and documented, in capitals: `STORE_LOCKED`. */
  readonly code: Code;
  /** The input that was wrong: a URL, a path, an id. Empty where there is none. */
  readonly input: string;
  /** What to do about it, as a sentence. */
  readonly advice: string;
  /** True where the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;

  constructor(code: Code, message: string, about: ErrorDetails = {}) {
    super(message, about.cause === undefined ? undefined : { cause: about.cause });
    this.name = 'CodedError';
    this.code = code;
    this.input = about.input ?? '';
    this.advice = about.advice ?? '';
    this.retryable = about.retryable ?? false;
  }

  toJSON(): { code: Code; message: string; input: string; advice: string; retryable: boolean } {
    return {
      code: this.code,
      message: this.message,
      input: this.input,
      advice: this.advice,
      retryable: this.retryable,
    };
  }
}

export interface ErrorDetails {
  input?: string;
  advice?: string;
  retryable?: boolean;
  cause?: unknown;
}

/** The codes of `store/`, each with what a user should do about it. */
export const STORE_ERRORS = {
  STORE_URL_INVALID: 'Use sqlite:PATH or mongodb://HOST[:PORT]/DATABASE.',
  STORE_MISSING: 'There is no store at this URL yet; check the URL, or let `feedferry serve` or `crawl` make one.',
  STORE_UNREACHABLE: 'Check that the server runs and that the URL is right; the work goes on when it answers again.',
  STORE_LOCKED: 'Another process has held the write lock for too long; look for a long-running writer, then try again.',
  STORE_FULL: 'Free some space on the disk of the store; what was stored before is intact.',
  STORE_FILE_READ_ONLY: 'Make the file and its folder writable for the user that runs Feedferry.',
  STORE_GONE: 'The file or server behind the store was removed or replaced while in use; restore it and start again.',
  STORE_IO_FAILED: 'The disk or file system under the store reported an error; look at the system log before going on.',
  STORE_CORRUPT: 'Stop all writers, keep a copy of the files, and restore the latest backup.',
  STORE_NEWER:
    'This store was written by a newer Feedferry; upgrade this one, or restore the backup made before the upgrade.',
  STORE_OLDER:
    '`feedferry serve` and `crawl` upgrade it, after a verified backup; stop every older Feedferry that uses it first.',
  STORE_NOT_OURS: 'The file or database holds something else; name another path or database.',
  STORE_MIGRATION_FAILED: 'The store was left as it was; the backup named in the message is intact.',
  STORE_BACKUP_FAILED: 'Nothing was changed; make room or name another folder for the backup.',
  STORE_CLOSED: 'The store was closed while the call was under way; open it again.',
  DATABASE_READ_ONLY:
    'This database was set read-only on purpose, or is a replica’s: set it read-write, write at the primary, or wait for the move to finish.',
  WRITER_FENCED: 'Another process took this writer over; open a new writer. Nothing that was acknowledged is lost.',
  WRITER_SHUT_OUT: 'Crawlers are paused, so that nothing of theirs is written: `feedferry crawlers status` tells why.',
  WRITER_CLOSED: 'The writer was closed; open a new one.',
  WRITE_UNRESOLVED: 'The store did not say whether the write landed; read it back before writing again.',
  BATCH_INVALID: 'Every id of one batch must be different, and every document below 8 MiB.',
  EDIT_CONTENDED: 'Other writers changed the document on every attempt; try again.',
} as const;

export type StoreErrorCode = keyof typeof STORE_ERRORS;

/** A store error with the advice that its code carries. */
export function storeError(
  code: StoreErrorCode,
  message: string,
  details: Omit<ErrorDetails, 'advice'> = {},
): CodedError<StoreErrorCode> {
  return new CodedError(code, message, { ...details, advice: STORE_ERRORS[code] });
}

/** A database whose mode forbids the write. `shown`: the store's path or URL without credentials. */
export function readOnlyError(
  database: DatabaseName,
  shown: string,
  mode: 'read-only' | 'replica',
): CodedError<'DATABASE_READ_ONLY'> {
  const message =
    mode === 'read-only'
      ? `The database ${database} of ${shown} is read-only.`
      : `The database ${database} of ${shown} is a replica’s: only its primary writes it.`;
  return new CodedError('DATABASE_READ_ONLY', message, {
    input: database,
    advice: STORE_ERRORS.DATABASE_READ_ONLY,
  });
}

/** A writer of a kind that is shut out. `shown`: the store's path or URL without credentials. */
export function shutOutError(database: DatabaseName, shown: string, owner: string): CodedError<'WRITER_SHUT_OUT'> {
  const message = `The database ${database} of ${shown} takes no writer "${owner}" now.`;
  return new CodedError('WRITER_SHUT_OUT', message, { input: database, advice: STORE_ERRORS.WRITER_SHUT_OUT });
}

/** A store that was to be opened as it is, but wants an upgrade. `shown`: its path or URL without credentials. */
export function olderError(shown: string, version: number, known: number): CodedError<'STORE_OLDER'> {
  const message = `The store ${shown} has schema version ${version}, this Feedferry works with ${known}.`;
  return new CodedError('STORE_OLDER', message, { input: shown, advice: STORE_ERRORS.STORE_OLDER });
}

/** The code of any thrown value; `INTERNAL` for what is not a coded error. */
export function codeOf(error: unknown): string {
  return error instanceof CodedError ? error.code : 'INTERNAL';
}
