/** What `--feeds-from` names: a store, a backup file or an OPML file; opened to be read. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { OPML_BYTES_MAX } from '../crawler/parse/limits.ts';
import { parseOpml } from '../crawler/parse/opml.ts';
import { type FeedSource, feedsOf, listSource, storeSource } from '../crawler/test-crawl/feed-source.ts';
import type { PlannedRestore } from '../replicator/backup/planned-restore.ts';
import type { Store } from '../store/contract.ts';
import { openStore } from '../store/open.ts';
import { openToRead } from '../store/open-to-read.ts';
import { cliError } from './errors.ts';
import { readInput } from './files.ts';
import type { Io } from './io.ts';
import { storeUrl } from './setting-kinds.ts';

/** How a backup file begins (`replicator/backup/format.ts`). */
const BACKUP_MAGIC = 'FFBK';

export interface SourceOptions {
  readonly io: Io;
  readonly signal: AbortSignal;
  /** While documents of a snapshot are read. */
  readonly onLoading: (done: number, total: number) => void;
}

/** What is opened is closed with `ends`. Throws STORE_*, BACKUP_*, OPML_*, FILE_UNREADABLE. */
export async function openSource(
  from: string,
  options: SourceOptions,
  ends: AsyncDisposableStack,
): Promise<FeedSource> {
  if (storeUrl.read(from) !== undefined)
    return storeSource(ends.use(await openToRead(from, { clock: options.io.clock })));
  if (from !== '-' && (await isBackup(resolve(options.io.cwd, from)))) return snapshotSource(from, options, ends);
  const body = await readInput(from, options.io, OPML_BYTES_MAX);
  return listSource(from === '-' ? 'standard input' : from, parseOpml(body).feeds);
}

async function isBackup(path: string): Promise<boolean> {
  try {
    await using file = await open(path, 'r');
    const head = Buffer.alloc(BACKUP_MAGIC.length);
    await file.read(head, 0, head.length, 0);
    return head.toString('latin1') === BACKUP_MAGIC;
  } catch {
    // Whoever reads it as a list says what is wrong.
    return false;
  }
}

/**
 * The feeds, and once it is known which of them were taken their articles, go into a store of their own in the folder for
 * temporary files: only a store finds the articles of a feed.
 */
async function snapshotSource(from: string, options: SourceOptions, ends: AsyncDisposableStack): Promise<FeedSource> {
  const { planRestore } = await import('../replicator/backup/planned-restore.ts');
  const path = resolve(options.io.cwd, from);
  const planned = ends.use(await planRestore(path, null, null));
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-snapshot-'));
  ends.defer(() => rm(folder, { recursive: true, force: true }));
  const store = ends.use(await openStore(`sqlite:${join(folder, 'snapshot.db')}`, { clock: options.io.clock }));
  await load(planned, 'feeds', store, () => true, options);
  return {
    ...{ kind: 'snapshot', shown: from, at: planned.plan.last.trailer.at, site: planned.contents.head.site },
    feeds: () => feedsOf(store),
    async production(ids, signal) {
      if (!planned.databases.includes('articles')) return null;
      const taken = new Set(ids);
      await load(planned, 'articles', store, (id) => taken.has(id.slice(0, id.indexOf('.'))), { ...options, signal });
      return store;
    },
  };
}

/** Throws INTERRUPTED, for a part of it would look like a difference. */
async function load(
  planned: PlannedRestore,
  database: 'feeds' | 'articles',
  store: Store,
  accept: (id: string) => boolean,
  { signal, onLoading }: SourceOptions,
): Promise<void> {
  const { excerpt } = await import('../replicator/backup/excerpt.ts');
  if (await excerpt({ planned, database, store, accept, signal, onProgress: onLoading })) return;
  throw cliError('INTERRUPTED', `The ${database} of the backup were not read to their end`);
}
