/** The file that a rejoining site leaves: what the new primary never saw, one JSON document a line. */
import { createReadStream, existsSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SiteId } from '../../store/contract.ts';
import { DATABASE_NAMES } from '../../store/documents.ts';
import { replicatorError } from '../errors.ts';
import type { Unseen } from './unseen.ts';

const FORMAT = 'feedferry-unseen-1';

/** Characters that are gathered before they are written. */
const WRITE_CHARS = 1_000_000;

/** The first line. */
export interface UnseenHead {
  readonly format: typeof FORMAT;
  /** Whose documents these are, and the primary that never saw them, with its epoch. */
  readonly site: SiteId;
  readonly primary: SiteId;
  readonly epoch: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Of all that the site held then. None: an older file, which does not say. */
  readonly holds?: string;
}

/** Where a rejoining site leaves them; the simulator keeps its own. */
export interface UnseenFiles {
  readonly readHead: (path: string) => Promise<UnseenHead | undefined>;
  readonly write: (path: string, head: UnseenHead, unseen: AsyncIterable<Unseen>) => Promise<number>;
  readonly read: (path: string) => AsyncIterable<Unseen>;
}

export const unseenFiles: UnseenFiles = { readHead: readUnseenHead, write: writeUnseen, read: readUnseen };

export function headOf(head: Omit<UnseenHead, 'format'>): UnseenHead {
  return { format: FORMAT, ...head };
}

/** Undefined: there is no such file. Throws REJOIN_FILE_UNUSABLE where it holds something else. */
export async function readUnseenHead(path: string): Promise<UnseenHead | undefined> {
  if (!existsSync(path)) return undefined;
  for await (const line of linesOf(path)) {
    const head = parsed(line) as Partial<UnseenHead> | undefined;
    if (head?.format === FORMAT) return head as UnseenHead;
    break;
  }
  throw unusable(path, 'it was not written by `feedferry demote`');
}

/**
 * The whole file or none: it is written beside the path, synced, and renamed. Returns how many there are.
 * Throws REJOIN_FILE_UNUSABLE, and what `unseen` throws.
 */
export async function writeUnseen(path: string, head: UnseenHead, unseen: AsyncIterable<Unseen>): Promise<number> {
  const partial = `${path}.partial`;
  const file = await open(partial, 'w', 0o600).catch((cause: Error) => {
    throw unusable(path, cause.message, cause);
  });
  let docs = 0;
  try {
    let text = `${JSON.stringify(head)}\n`;
    for await (const one of unseen) {
      docs += 1;
      text += `${JSON.stringify(lineOf(one))}\n`;
      if (text.length < WRITE_CHARS) continue;
      await write(path, file, text);
      text = '';
    }
    await write(path, file, text);
    await file.sync();
    await file.close();
    await rename(partial, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await file.close().catch(() => {});
    await rm(partial, { force: true }).catch(() => {});
    throw error;
  }
  return docs;
}

/** Throws REJOIN_FILE_UNUSABLE at a line that is none of its own. */
export async function* readUnseen(path: string): AsyncGenerator<Unseen> {
  let number = 0;
  for await (const line of linesOf(path)) {
    number += 1;
    if (number === 1) continue;
    const one = parsed(line) as Partial<Unseen> | undefined;
    if (!one?.doc || !DATABASE_NAMES.some((name) => name === one.database)) {
      throw unusable(path, `line ${number} is damaged`);
    }
    yield one as Unseen;
  }
}

/** The body says the same as the content. */
function lineOf({ database, why, there, doc: { body, ...doc } }: Unseen): Unseen {
  return { database, why, there, doc };
}

async function write(path: string, file: FileHandle, text: string): Promise<void> {
  await file.appendFile(text).catch((cause: Error) => {
    throw unusable(path, cause.message, cause);
  });
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  await folder.sync().finally(() => folder.close());
}

async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const chunk of createReadStream(path, 'utf8')) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (cause) {
    throw unusable(path, (cause as Error).message, cause);
  }
  if (rest !== '') throw unusable(path, 'its last line is cut off');
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function unusable(path: string, why: string, cause?: unknown): Error {
  return replicatorError('REJOIN_FILE_UNUSABLE', `The file ${path} can't be used: ${why}.`, { input: path, cause });
}
