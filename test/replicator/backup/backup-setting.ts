/** Stores to back up and to restore into, filled at random; what is in them, as text that can be compared. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type BackupOptions, type BackupReport, backupToFile } from '../../../replicator/backup/backup.ts';
import { planRestore } from '../../../replicator/backup/planned-restore.ts';
import { type RestoreOptions, type RestoreReport, restoreBackup } from '../../../replicator/backup/restore.ts';
import { realRuntime } from '../../../replicator/runtime.ts';
import type { OpenOptions, Store } from '../../../store/contract.ts';
import { DATABASE_NAMES, type DatabaseName } from '../../../store/documents.ts';
import { canonicalJson } from '../../../store/envelope.ts';
import { articleId } from '../../../store/ids.ts';
import { openStore } from '../../../store/open.ts';
import type { Random } from '../../contract/random.ts';
import { article, feed, NOON } from '../../contract/samples.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { mongodbEngine } from '../../store/mongodb/engine.ts';
import { sqliteEngine } from '../../store/sqlite/engine.ts';

export interface Setting {
  readonly folder: string;
  /** Where the backup goes. */
  readonly path: string;
  /** A store that is not there yet; closed and removed when the test ends. */
  freshUrl(): Promise<string>;
  open(url?: string, options?: OpenOptions): Promise<Store>;
}

/** Runs a test on every engine; one that is not to be had is skipped loudly. */
export async function onEachEngine(t: Test, title: string, run: (t: Test, setting: Setting) => Promise<void>) {
  await t.test(`${title} (SQLite)`, async (t) => run(t, await settingFor(t, sqliteEngine)));
  await t.test(`${title} (MongoDB)`, async (t) => {
    const server = await mongodbUrl();
    if ('skip' in server) return skipLoudly(t, server.skip);
    await run(t, await settingFor(t, mongodbEngine(server.url)));
  });
}

export async function settingFor(t: Test, engine: Pick<typeof sqliteEngine, 'fresh'> = sqliteEngine): Promise<Setting> {
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-backup-'));
  const stores: Store[] = [];
  const cleanups: (() => Promise<void>)[] = [];
  t.teardown(async () => {
    for (const store of stores) await store.close();
    for (const cleanup of cleanups) await cleanup();
    await rm(folder, { recursive: true, force: true });
  });
  const freshUrl = async () => {
    const { url, cleanup } = await engine.fresh();
    cleanups.push(cleanup);
    return url;
  };
  const open = async (url?: string, options?: OpenOptions) => {
    const store = await openStore(url ?? (await freshUrl()), options);
    stores.push(store);
    return store;
  };
  return { folder, path: join(folder, 'store.backup'), freshUrl, open };
}

export function backup(store: Store, path: string, more: Partial<BackupOptions> = {}): Promise<BackupReport> {
  const options = { databases: null, full: false, docsPerSecondMax: null, runtime: realRuntime };
  return backupToFile({ store, path, ...options, ...more });
}

type RestoreWishes = Partial<RestoreOptions & { at: number; databases: readonly DatabaseName[] }>;

export async function restore(path: string, store: Store, more: RestoreWishes = {}): Promise<RestoreReport> {
  const { at = null, databases = null, ...options } = more;
  await using planned = await planRestore(path, at, databases);
  return await restoreBackup({ planned, store, intoExisting: false, runtime: realRuntime, ...options });
}

/** New, changed and deleted documents in every database. */
export async function scribble(store: Store, random: Random, writes: number): Promise<void> {
  const some = <C>(ids: number, make: (i: number) => { id: string; content: C }) => {
    const made = new Map(
      Array.from({ length: Math.ceil(writes / 5) }, () => make(random.below(ids))).map((one) => [one.id, one]),
    );
    return [...made.values()].map(({ id, content }) => ({ id, content: random.chance(0.15) ? null : content }));
  };
  const word = () => `w${random.below(1_000_000)} \u{1f600}é\u2028 "quoted"\t\\`;
  const articles = some(writes, (i) => {
    const feedName = `f${i % 7}`;
    const content = article({
      feed: feedName,
      guid: `urn:${i}`,
      title: word(),
      html: `<p>${word().repeat(random.below(30))}</p>`,
    });
    return { id: articleId(feedName, `urn:${i}`), content };
  });
  const feeds = some(50, (i) => ({ id: `f${i}`, content: feed({ url: `https://example.org/${i}`, title: word() }) }));
  const users = some(9, (i) => ({ id: `u${i}`, content: { num: 0, name: word(), addedAt: NOON } }));
  const follows = some(60, (i) => {
    const content = { user: 'u1', feed: `f${i}`, title: word(), folder: null, addedAt: NOON };
    return { id: `u1.f${i}`, content };
  });
  const states = some(60, (i) => {
    const content = { kind: 'mark' as const, user: 'u1', feed: `f${i}`, upTo: random.below(1e9), read: [], unread: [] };
    return { id: `u1.f${i}`, content };
  });
  await write(store.articles, articles);
  await write(store.feeds, feeds);
  await write(store.users, users);
  await write(store.subscriptions, follows);
  await write(store.states, states);
}

export async function write<C>(
  database: { openWriter: Store['articles']['openWriter'] } | unknown,
  edits: readonly { id: string; content: C | null }[],
): Promise<void> {
  const open = database as {
    openWriter: (o: object) => Promise<{ edit(e: unknown): Promise<unknown> } & AsyncDisposable>;
  };
  await using writer = await open.openWriter({ owner: 'test', durability: 'lazy' });
  await writer.edit(edits);
}

/** Every document of a store, tombstones included, with version, origin and content. */
export async function everything(store: Store): Promise<Map<string, string>> {
  const all = new Map<string, string>();
  for (const name of DATABASE_NAMES) {
    for (let after = ''; ; ) {
      const page = await store.database(name).scan({ limit: 500, deleted: true, after });
      for (const { id, ver, org, vv, delAt, content } of page) {
        all.set(`${name}/${id}`, `${ver} ${org} ${JSON.stringify(vv)} ${delAt} ${canonicalJson(content)}`);
      }
      after = page.at(-1)?.id ?? '';
      if (page.length < 500) break;
    }
  }
  return all;
}

/** Proves with sums, with bodies hashed again, and document by document. */
export async function sameStores(t: Test, restored: Store, source: Store, title: string): Promise<void> {
  for (const name of DATABASE_NAMES) {
    const [left, right] = [restored.database(name), source.database(name)];
    t.strictSame(sorted(await left.bucketSums()), sorted(await right.bucketSums()), `${title}: sums of ${name}`);
    const { digests } = await left.digests({ limit: 100_000, deep: true });
    t.ok(
      digests.every(({ sound }) => sound === true),
      `${title}: ${digests.length} bodies of ${name} are sound`,
    );
  }
  t.strictSame(asObject(await everything(restored)), asObject(await everything(source)), `${title}: every document`);
}

function sorted(sums: { b: number }[]): { b: number }[] {
  return [...sums].sort((a, b) => a.b - b.b);
}

export function asObject(all: Map<string, string>): Record<string, string> {
  return Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}
