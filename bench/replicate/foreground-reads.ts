import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { HEAP_FLAGS } from '../../cli/heap-flags.ts';
import { BenchFailure } from '../measure/progress.ts';
import type { Case } from './options.ts';

const READS_PROCESS = new URL('./reads-process.ts', import.meta.url).pathname;

/**
 * What readers of the source notice of a backfill beside them: p99 of a page of articles with it and without. A process with the
 * flags of `serve` reads, and the replicator runs as there: in a thread of it, which it tells of each request.
 */
export const foregroundReads: Case = async (options) => {
  const args = [...HEAP_FLAGS, READS_PROCESS, JSON.stringify(options)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [told, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new BenchFailure(`the process that reads ended with ${code}`);
  return JSON.parse(told) as object;
};
