/** `feedferry backup verify`: whether a file is as it was written, and whether it equals a live store. */
import type { DatabaseName } from '../../store/documents.ts';
import { codeOf } from '../../store/errors.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import type { Runtime } from '../runtime.ts';
import { type Difference, differencesFrom } from './against.ts';
import { type BackupContents, type BackupFile, type Frame, readBlock, scanBackup, type Tail } from './file.ts';
import { decodeLine, type Head, type Trailer } from './format.ts';
import { mustOpen } from './planned-restore.ts';

export interface BackupVerifyOptions {
  readonly path: string;
  /** Null: the file alone. */
  readonly against: ReplicatedStore | null;
  /** With `against`: reads the bodies of the store and hashes them again. */
  readonly deep: boolean;
  readonly runtime: Runtime;
  readonly onProgress?: (progress: {
    readonly step: string;
    readonly bytes: number;
    readonly bytesTotal: number;
  }) => void;
}

export interface FrameSummary extends Omit<Trailer, 'vectors' | 'session'> {
  readonly start: number;
  readonly end: number;
}

export interface BackupVerdict {
  readonly path: string;
  readonly head: Head;
  readonly fileBytes: number;
  readonly frames: readonly FrameSummary[];
  /** Payloads that are not as they were written, by frame. */
  readonly damage: readonly { readonly frame: number; readonly why: string }[];
  readonly tail: Tail | null;
  /** Null: it was not compared. */
  readonly against: Compared | null;
  /** No damage, no tail, no difference. */
  readonly sound: boolean;
  readonly seconds: number;
}

export interface Compared {
  readonly url: string;
  readonly databases: readonly {
    readonly database: DatabaseName;
    /** Tombstones included. */
    readonly docsInFile: number;
    readonly docsInStore: number;
    /** Written at the store after the last frame. */
    readonly inFlight: number;
    readonly differing: number;
    /** The first of them. */
    readonly differences: readonly Difference[];
  }[];
}

/** Throws BACKUP_NOT_OURS, BACKUP_NEWER, BACKUP_FILE_UNUSABLE, BACKUP_OTHER_SITE, and STORE_* of the live store. */
export async function verifyBackup(options: BackupVerifyOptions): Promise<BackupVerdict> {
  const { path, runtime } = options;
  const begun = runtime.elapsed();
  await using file = await mustOpen(path);
  const contents = await scanBackup(file);
  const damage: { frame: number; why: string }[] = [];
  for (const frame of contents.frames) {
    const why = await damageOf(file, contents, frame);
    if (why !== null) damage.push({ frame: frame.trailer.frame, why });
    options.onProgress?.({ step: 'checking', bytes: frame.end, bytesTotal: contents.size });
  }
  const { head, frames, tail, size: fileBytes } = contents;
  const isWhole = damage.length === 0 && tail?.kind !== 'damaged';
  const { against: store } = options;
  const against = store !== null && isWhole ? await compared(file, contents, store, options) : null;
  const sound = isWhole && tail === null && (against?.databases.every(({ differing }) => differing === 0) ?? true);
  const seconds = (runtime.elapsed() - begun) / 1000;
  return { path, head, fileBytes, frames: frames.map(summaryOf), damage, tail, against, sound, seconds };
}

function summaryOf({ trailer, start, end }: Frame): FrameSummary {
  const { vectors: _vectors, session: _session, ...rest } = trailer;
  return { ...rest, start, end };
}

/** Reads every document; null: all is as it was written. */
async function damageOf(file: BackupFile, { head }: BackupContents, frame: Frame): Promise<string | null> {
  const docs = new Map<string, number>();
  try {
    for (const block of frame.blocks) {
      const name = head.databases[block.database] ?? '';
      const lines = (await readBlock(file, block)).split('\n').slice(0, -1);
      for (const line of lines) decodeLine(line);
      if (lines.length !== block.docs)
        return `the bytes at ${block.offset} hold ${lines.length} documents of ${block.docs}`;
      docs.set(name, (docs.get(name) ?? 0) + lines.length);
    }
  } catch (error) {
    if (codeOf(error) === 'BACKUP_FILE_UNUSABLE') throw error;
    return (error as Error).message;
  }
  for (const [name, count] of Object.entries(frame.trailer.counts)) {
    const found = docs.get(name) ?? 0;
    if (found !== count.docs) return `it holds ${found} documents of ${name}, and its trailer says ${count.docs}`;
  }
  return null;
}

async function compared(
  file: BackupFile,
  contents: BackupContents,
  store: ReplicatedStore,
  { deep }: Pick<BackupVerifyOptions, 'deep'>,
): Promise<Compared> {
  const databases = [];
  for (const database of contents.head.databases) {
    databases.push({ database, ...(await differencesFrom(file, contents, store, database, deep)) });
  }
  return { url: store.url, databases };
}
