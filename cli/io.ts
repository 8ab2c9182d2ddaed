import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../store/contract.ts';

/** Columns of an output that is no terminal, and the fewest that a table is laid out for. */
const COLUMNS_DEFAULT = 80;
const COLUMNS_MIN = 60;

export interface Output extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** What a command may touch of its process. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  readonly random: () => number;
}

export function columnsOf(output: Output): number {
  return Math.max(COLUMNS_MIN, output.columns ?? COLUMNS_DEFAULT);
}

/** Waits for a slow reader at the other end of a pipe, so that nothing piles up in memory. */
export async function write(output: Output, text: string): Promise<void> {
  if (output.destroyed || output.write(text)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      output.off('drain', done);
      output.off('close', done);
      resolve();
    };
    output.on('drain', done);
    output.on('close', done);
  });
}
