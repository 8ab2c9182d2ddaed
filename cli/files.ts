/** Reading and writing the files that a command is given; `-` stands for standard input and output. */
import { createReadStream } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { cliError } from './errors.ts';
import { type Io, write } from './io.ts';

/** Throws FILE_UNREADABLE and FILE_TOO_LARGE. */
export async function readInput(path: string, io: Io, bytesMax: number): Promise<Uint8Array> {
  const name = path === '-' ? 'standard input' : path;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of path === '-' ? io.stdin : createReadStream(resolve(io.cwd, path))) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > bytesMax) break;
    }
  } catch (cause) {
    throw cliError('FILE_UNREADABLE', `Cannot read ${name}: ${reasonOf(cause)}`, { input: path, cause });
  }
  if (size > bytesMax) {
    throw cliError('FILE_TOO_LARGE', `${name} is larger than ${bytesMax / 1024 ** 2} MiB`, { input: path });
  }
  return Buffer.concat(chunks);
}

/** A file appears whole or not at all. Throws FILE_UNWRITABLE. */
export async function writeOutput(path: string, io: Io, text: string): Promise<void> {
  if (path === '-') return write(io.stdout, text);
  const target = resolve(io.cwd, path);
  const partial = `${target}.${process.pid}.partial`;
  try {
    await writeFile(partial, text, { flag: 'wx' });
    await rename(partial, target);
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => {});
    throw cliError('FILE_UNWRITABLE', `Cannot write ${path}: ${reasonOf(cause)}`, { input: path, cause });
  }
}

function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    ENOENT: 'there is no such file or folder',
    EISDIR: 'it is a folder',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'the file system is read-only',
    ENOSPC: 'the disk is full',
    ENOTDIR: 'a part of its path is no folder',
  };
  return reasons[code ?? ''] ?? message;
}
