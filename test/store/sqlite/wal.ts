import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** Ends of the committed transactions in a WAL, in bytes (https://www.sqlite.org/fileformat2.html#walformat). */
export function commitsOf(walPath: string): number[] {
  const wal = readFileSync(walPath);
  const frameBytes = FRAME_HEADER_BYTES + wal.readUInt32BE(8);
  const salts = wal.subarray(16, 24);
  const ends: number[] = [];
  for (let at = HEADER_BYTES; at + frameBytes <= wal.length; at += frameBytes) {
    // Frames of an earlier round of the WAL have other salts.
    if (!wal.subarray(at + 8, at + 16).equals(salts)) break;
    if (wal.readUInt32BE(at + 4) !== 0) ends.push(at + frameBytes);
  }
  return ends;
}

/** The store as a power cut leaves it: the file, and the WAL up to a byte. Returns the path of the copy. */
export function afterPowerCut(path: string, folder: string, walBytes: number): string {
  mkdirSync(folder, { recursive: true });
  const copy = join(folder, 'x.db');
  copyFileSync(path, copy);
  writeFileSync(`${copy}-wal`, readFileSync(`${path}-wal`).subarray(0, walBytes));
  return copy;
}
