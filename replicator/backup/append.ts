/** Writing a backup file: a new one, or one more frame. */
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { type BackupFile, unusable } from './file.ts';
import { encodeRecord, FORMAT_VERSION, type Head, type RecordKind, type Trailer } from './format.ts';

const compress = promisify(zstdCompress);

/** zstd's own default: past it, each step costs more time than it saves bytes. */
const LEVEL = 3;

/** Appends one frame. Calls must not overlap. Throws BACKUP_DISK_FULL and BACKUP_FILE_UNUSABLE. */
export class FrameWriter {
  readonly #file: BackupFile;
  readonly #frame: number;
  readonly #start: number;
  #at: number;
  #chain: Buffer;
  #rawBytes = 0;
  #storedBytes = 0;

  constructor(file: BackupFile, place: { readonly end: number; readonly chain: Buffer; readonly frame: number }) {
    this.#file = file;
    this.#frame = place.frame;
    this.#start = place.end;
    this.#at = place.end;
    this.#chain = place.chain;
  }

  /** The file is this long now. */
  get end(): number {
    return this.#at;
  }

  get bytes(): { readonly rawBytes: number; readonly storedBytes: number } {
    return { rawBytes: this.#rawBytes, storedBytes: this.#storedBytes };
  }

  async block(database: number, docs: number, text: string): Promise<void> {
    const raw = Buffer.from(text);
    const payload = await compress(raw, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } });
    this.#rawBytes += raw.length;
    this.#storedBytes += payload.length;
    await this.#put('data', { database, docs, raw: raw.length }, payload);
  }

  /**
   * Completes the frame. `before` runs once all but the trailer is on the disk; the trailer is on the disk when this
   * resolves.
   */
  async finish(trailer: Trailer, before: () => Promise<void>): Promise<void> {
    await this.#sync();
    await before();
    const payload = Buffer.from(JSON.stringify(trailer));
    const from = this.#at;
    await this.#put('trailer', { database: 0, docs: 0, raw: payload.length }, payload);
    await this.#put('end', { database: 0, docs: 0, raw: this.#at - from }, Buffer.alloc(0));
    await this.#sync();
  }

  /** Takes back what was appended, so that it occupies no room. Never throws: the next run cuts it off as well. */
  async undo(): Promise<void> {
    await this.#file.handle.truncate(this.#start).catch(() => {});
  }

  async #put(kind: RecordKind, about: { database: number; docs: number; raw: number }, payload: Buffer): Promise<void> {
    const { header, chain } = encodeRecord(this.#chain, { kind, frame: this.#frame, ...about }, payload);
    await writeAt(this.#file, this.#at, Buffer.concat([header, payload]));
    this.#at += header.length + payload.length;
    this.#chain = chain;
  }

  async #sync(): Promise<void> {
    await this.#file.handle.datasync().catch((cause: unknown) => {
      throw unusable(this.#file.path, cause);
    });
  }
}

/** A new file with its head; what was at this path is gone. */
export async function createBackupFile(
  path: string,
  about: Pick<Head, 'site' | 'databases' | 'madeAt'>,
): Promise<{ file: BackupFile; head: Head; end: number; chain: Buffer }> {
  const handle = await open(path, 'w+', 0o600).catch((cause: unknown) => {
    throw unusable(path, cause);
  });
  const file: BackupFile = { path, handle, [Symbol.asyncDispose]: () => handle.close() };
  const head: Head = { format: FORMAT_VERSION, id: randomBytes(8).toString('hex'), ...about };
  const payload = Buffer.from(JSON.stringify(head));
  const record = { kind: 'head', frame: 0, database: 0, docs: 0, raw: payload.length } as const;
  const { header, chain } = encodeRecord(null, record, payload);
  const bytes = Buffer.concat([header, payload]);
  try {
    await writeAt(file, 0, bytes);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { file, head, end: bytes.length, chain };
}

/** Cuts a torn tail off, durably. */
export async function cutTail(file: BackupFile, end: number): Promise<void> {
  try {
    await file.handle.truncate(end);
    await file.handle.sync();
  } catch (cause) {
    throw unusable(file.path, cause);
  }
}

/** Makes the name of a file durable (fsync(2): a directory entry needs a sync of its own). */
export async function syncFolderOf(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function writeAt(file: BackupFile, at: number, bytes: Buffer): Promise<void> {
  let done = 0;
  try {
    while (done < bytes.length) {
      done += (await file.handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
    }
  } catch (cause) {
    throw unusable(file.path, cause);
  }
}
