/** `feedferry backup --to FILE`: one run appends one frame. docs/backup.md tells the why. */
import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { DATABASE_NAMES, type DatabaseName } from '../../store/documents.ts';
import { codeOf } from '../../store/errors.ts';
import { replicatorError } from '../errors.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import { readRole } from '../role.ts';
import type { Runtime } from '../runtime.ts';
import type { Vector } from '../vector.ts';
import { createBackupFile, cutTail, FrameWriter, syncFolderOf } from './append.ts';
import { type BackupFile, damaged, lastFrame, openBackupFile, scanBackup, unusable } from './file.ts';
import { encodeLine, type FrameCount, type Head, type Trailer } from './format.ts';
import { lockBackup } from './lock.ts';
import { changesPast, countPast, forgetFile, noteDone, noteRun, readNote, whyFull } from './source.ts';

/** Passes over what changed meanwhile; a source that is never quiet for so long is taken as it is. */
const PASSES_MAX = 4;
/** Characters of a block; it ends with the document that passes this. */
const BLOCK_CHARS = 1024 * 1024;

/** Readers' databases first: what they refer to is then in the same frame, as it is read later. */
const READ_ORDER: readonly DatabaseName[] = [...DATABASE_NAMES].reverse();

export interface BackupOptions {
  readonly store: ReplicatedStore;
  readonly path: string;
  /** Null: those that the file has; all, for a new one. */
  readonly databases: readonly DatabaseName[] | null;
  /** Begins anew: another file is written beside, and takes the place of the old one at the end. */
  readonly full: boolean;
  readonly docsPerSecondMax: number | null;
  readonly runtime: Runtime;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: BackupProgress) => void;
}

export interface BackupProgress {
  readonly docs: number;
  /** As counted at the start; a source that goes on may bring more. */
  readonly docsTotal: number;
  readonly rawBytes: number;
  readonly docsPerSecond: number;
  readonly etaMs: number | null;
}

export interface BackupReport extends Pick<Trailer, 'frame' | 'kind' | 'why' | 'at' | 'exact' | 'counts'> {
  readonly path: string;
  readonly id: string;
  /** Tombstones included. */
  readonly docs: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
  /** Of the whole file. */
  readonly fileBytes: number;
  /** What an earlier run had left unfinished, and was cut off. */
  readonly cutBytes: number;
  readonly seconds: number;
}

/** Where a run appends, and what it begins from. */
interface Place {
  readonly file: BackupFile;
  readonly head: Head;
  readonly end: number;
  readonly chain: Buffer;
  readonly frame: number;
  readonly from: Trailer['vectors'];
  readonly kind: Trailer['kind'];
  readonly why: string;
  readonly cutBytes: number;
}

/**
 * Appends what changed since the last frame; the first run, `full`, and a source that was put back to an older state
 * give a frame with everything. Throws the BACKUP_* codes of `errors.ts` and STORE_*.
 */
export async function backupToFile(options: BackupOptions): Promise<BackupReport> {
  await refuseStranger(options.path);
  using _lock = lockBackup(options.path);
  const old = options.full ? undefined : await openBackupFile(options.path, 'r+');
  if (old === undefined) return await beginAnew(options);
  await using file = old;
  const place = await placeIn(file, options);
  const { report } = await appendFrame(place, options, options.path);
  return report;
}

/** What is no backup gets no lock beside it either, which would stay. Throws BACKUP_NOT_OURS and BACKUP_NEWER. */
async function refuseStranger(path: string): Promise<void> {
  await using file = await openBackupFile(path, 'r');
  if (file === undefined) return;
  await lastFrame(file).catch((error: unknown) => {
    // Whether that matters is decided under the lock.
    if (codeOf(error) !== 'BACKUP_DAMAGED') throw error;
  });
}

/** The file appears under its name once its first frame is complete. */
async function beginAnew(options: BackupOptions): Promise<BackupReport> {
  const { store, path, runtime } = options;
  const replaced = await replacedHead(path);
  const partial = `${path}.partial`;
  const databases = READ_ORDER.filter((name) => options.databases?.includes(name) ?? true);
  const made = await createBackupFile(partial, { site: store.site, databases, madeAt: runtime.clock() });
  await using _file = made.file;
  const why = replaced === null ? 'the first run' : 'begun anew';
  const place: Place = { ...made, frame: 1, from: {}, kind: 'full', why, cutBytes: 0 };
  const { report } = await appendFrame(place, options, path).catch(async (error: unknown) => {
    await rm(partial, { force: true });
    throw error;
  });
  try {
    if (replaced === 'damaged') await rename(path, `${path}.damaged-${report.at}`);
    await rename(partial, path);
    await syncFolderOf(path);
  } catch (cause) {
    throw unusable(path, cause);
  }
  if (replaced !== null && replaced !== 'damaged') await forgetFile(store.control, replaced.id);
  return report;
}

/** What `--full` is about to replace. A damaged file is kept, and what is no backup is not touched. */
async function replacedHead(path: string): Promise<Head | 'damaged' | null> {
  const old = await openBackupFile(path, 'r');
  if (old === undefined) return null;
  await using file = old;
  try {
    const { head, tail } = await scanBackup(file);
    return tail?.kind === 'damaged' ? 'damaged' : head;
  } catch (error) {
    if (codeOf(error) === 'BACKUP_DAMAGED') return 'damaged';
    throw error;
  }
}

async function placeIn(file: BackupFile, { store, databases }: BackupOptions): Promise<Place> {
  const { head, end, chain, trailer, cutBytes } = await completeEnd(file, store);
  if (head.site !== store.site) {
    const message = `${file.path} holds backups of site ${head.site}, this store is ${store.site}.`;
    throw replicatorError('BACKUP_OTHER_SITE', message, { input: file.path });
  }
  if (databases !== null && [...databases].sort().join() !== [...head.databases].sort().join()) {
    const message = `${file.path} holds ${head.databases.join(', ')}, asked for were ${databases.join(', ')}.`;
    throw replicatorError('BACKUP_OTHER_DATABASES', message, { input: file.path });
  }
  const why = await whyFull(store, await readNote(store.control, head.id), trailer);
  const from = why === '' ? trailer.vectors : {};
  const kind = why === '' ? 'changes' : 'full';
  return { file, head, end, chain, frame: trailer.frame + 1, from, kind, why, cutBytes };
}

/** The last complete frame, with what a run left unfinished behind it cut off. */
async function completeEnd(
  file: BackupFile,
  store: ReplicatedStore,
): Promise<{ head: Head; end: number; chain: Buffer; trailer: Trailer; cutBytes: number }> {
  const last = await lastFrame(file);
  if (last !== undefined) return { ...last, cutBytes: 0 };
  const { head, frames, end, chain, tail } = await scanBackup(file);
  const trailer = frames.at(-1)?.trailer;
  const done = (await readNote(store.control, head.id))?.done ?? null;
  const wasComplete = done !== null && done.end > end;
  if (trailer === undefined || tail?.kind === 'damaged' || wasComplete) {
    throw damaged(file.path, frames.length + 1, tail?.why ?? 'it is not complete');
  }
  await cutTail(file, end);
  return { head, end, chain, trailer, cutBytes: tail?.bytes ?? 0 };
}

async function appendFrame(
  place: Place,
  options: BackupOptions,
  path: string,
): Promise<{ report: BackupReport; end: number }> {
  const { store, runtime } = options;
  const { file, head, frame, kind, why } = place;
  const startedAt = runtime.clock();
  const begun = runtime.elapsed();
  const writer = new FrameWriter(file, place);
  try {
    const read = await readAll(place, options, writer, begun);
    const at = runtime.clock();
    const session = randomBytes(8).toString('hex');
    const { epoch } = await readRole(store.control);
    const trailer: Trailer = { frame, session, kind, why, startedAt, at, epoch, ...read, ...writer.bytes };
    await writer.finish(trailer, () => noteRun(store.control, head.id, path, session, at));
    await noteDone(store.control, head.id, frame, writer.end);
    const docs = Object.values(read.counts).reduce((sum, count) => sum + count.docs, 0);
    const { exact, counts } = read;
    const sizes = { ...writer.bytes, fileBytes: writer.end, cutBytes: place.cutBytes };
    const seconds = (runtime.elapsed() - begun) / 1000;
    return {
      report: { path, id: head.id, frame, kind, why, at, exact, counts, docs, ...sizes, seconds },
      end: writer.end,
    };
  } catch (error) {
    await writer.undo();
    throw error;
  }
}

type Read = Pick<Trailer, 'vectors' | 'exact'> & { readonly counts: Record<string, FrameCount> };

/** Passes over all databases until one finds nothing new: then all of it is the state of one moment. */
async function readAll(place: Place, options: BackupOptions, writer: FrameWriter, begun: number): Promise<Read> {
  const { store } = options;
  const { databases } = place.head;
  const pace = await startPace(place, options, begun);
  const counts: Record<string, FrameCount> = {};
  const positions = new Map(databases.map((name) => [name, new Map(Object.entries(place.from[name] ?? {}))] as const));
  let exact = false;
  for (let pass = 0; pass < PASSES_MAX && !exact; pass += 1) {
    exact = pass > 0;
    for (const [index, name] of databases.entries()) {
      const found = await onePass(index, store.database(name), positions.get(name) ?? new Map(), writer, pace);
      const sum = counts[name] ?? { docs: 0, tombstones: 0 };
      counts[name] = { docs: sum.docs + found.docs, tombstones: sum.tombstones + found.tombstones };
      if (found.docs > 0) exact = false;
    }
  }
  const vectors = Object.fromEntries(
    databases.map((name): [string, Vector] => [name, Object.fromEntries(positions.get(name) ?? [])]),
  );
  return { vectors, exact, counts };
}

async function onePass(
  index: number,
  database: ReturnType<ReplicatedStore['database']>,
  positions: Map<string, number>,
  writer: FrameWriter,
  pace: (docs: number, rawBytes: number) => Promise<void>,
): Promise<FrameCount> {
  let sum = { docs: 0, tombstones: 0 };
  let block = { text: '', docs: 0 };
  // One block is compressed and written while the next one is read.
  let writing: Promise<void> = Promise.resolve();
  const flush = async () => {
    await writing;
    if (block.docs > 0) writing = writer.block(index, block.docs, block.text);
    writing.catch(() => {});
    block = { text: '', docs: 0 };
  };
  try {
    for await (const docs of changesPast(database, positions)) {
      for (const doc of docs) {
        block = { text: block.text + encodeLine(doc), docs: block.docs + 1 };
        sum = { docs: sum.docs + 1, tombstones: sum.tombstones + (doc.content === null ? 1 : 0) };
        if (block.text.length >= BLOCK_CHARS) await flush();
      }
      await pace(docs.length, writer.bytes.rawBytes);
    }
    await flush();
  } finally {
    await writing;
  }
  return sum;
}

/** Counts, tells, slows down where a rate was asked for, and ends where a stop was. */
async function startPace(
  { head, from, file }: Place,
  { store, runtime, docsPerSecondMax, signal, onProgress }: BackupOptions,
  begun: number,
): Promise<(docs: number, rawBytes: number) => Promise<void>> {
  let docsTotal = 0;
  for (const name of head.databases) docsTotal += await countPast(store.database(name), from[name] ?? {});
  let docs = 0;
  return async (more, rawBytes) => {
    docs += more;
    const ms = Math.max(1, runtime.elapsed() - begun);
    const docsPerSecond = (docs / ms) * 1000;
    const etaMs = docs < docsTotal ? ((docsTotal - docs) / docsPerSecond) * 1000 : null;
    onProgress?.({ docs, docsTotal: Math.max(docs, docsTotal), rawBytes, docsPerSecond, etaMs });
    const ahead = docsPerSecondMax === null ? 0 : (docs / docsPerSecondMax) * 1000 - ms;
    if (ahead > 0) await runtime.sleep(ahead, signal);
    if (signal?.aborted) throw replicatorError('BACKUP_STOPPED', 'The backup was stopped.', { input: file.path });
  };
}
