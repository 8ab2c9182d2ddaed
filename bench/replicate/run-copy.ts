import { measureNode } from '../measure/node-process.ts';
import { BenchFailure } from '../measure/progress.ts';
import type { Copied, Copy } from './copy-process.ts';

const COPY_PROCESS = new URL('./copy-process.ts', import.meta.url).pathname;
const COPY_MS_MAX = 1_800_000;

/** One copy in a process of its own, and all documents must be there. */
export async function runCopy(copy: Copy, docs: number): Promise<Copied> {
  const { code, stdout, stderr } = await measureNode([COPY_PROCESS, JSON.stringify(copy)], { msMax: COPY_MS_MAX });
  if (code !== 0) throw new BenchFailure(`${copy.how} copy ended with ${code}: ${stderr}`);
  const copied = JSON.parse(stdout) as Copied;
  if (copied.docs !== docs)
    throw new BenchFailure(`${copy.how} copied ${copied.docs} documents, but it must be ${docs}`);
  return copied;
}
