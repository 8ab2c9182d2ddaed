import { fileURLToPath } from 'node:url';
import { HEAP_FLAGS } from '../../cli/heap-flags.ts';
import { type Measured, measureNode } from '../measure/node-process.ts';
import { BenchFailure } from '../measure/progress.ts';

export const FEEDFERRY = fileURLToPath(new URL('../../cli/feedferry.ts', import.meta.url));
/** As `npm start` and `npm run feedferry` have it. */
export const NODE_ARGS: readonly string[] = HEAP_FLAGS;
export const ENV = { FEEDFERRY_ALLOW_PRIVATE_NETWORKS: '127.0.0.0/8' };
export const CRAWL_MS_MAX = 1_800_000;

/** Puts the list of feeds into the store, `feeds` of them. */
export async function importFeeds(opml: string, store: string, feeds: number): Promise<Measured> {
  const args = [...NODE_ARGS, FEEDFERRY, 'feeds', 'import', opml, '--store', store, '--json'];
  const measured = await measureNode(args, { env: ENV, msMax: CRAWL_MS_MAX });
  const { code, stdout, stderr } = measured;
  if (code !== 0) throw new BenchFailure(`the import ended with ${code}: ${stderr}`);
  check('import: added', (JSON.parse(stdout) as { added: number }).added, feeds);
  return measured;
}

/** Throws BenchFailure. */
export function check(what: string, got: number, wanted: number): void {
  if (got !== wanted) throw new BenchFailure(`${what}: ${got}, but it must be ${wanted}`);
}
