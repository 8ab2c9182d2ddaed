import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import type { MigrationEvent } from '../../../store/contract.ts';
import { CodedError } from '../../../store/errors.ts';
import { MIGRATIONS, type Migration } from '../../../store/sqlite/schema.ts';
import { openSqlite } from '../../../store/sqlite/store.ts';
import { article, user } from '../../contract/samples.ts';
import { openWriter, put, rejectsWith } from '../../contract/with-store.ts';
import { ownFolder } from './folder.ts';

const NEXT = MIGRATIONS.length + 1;

const better: Migration = {
  version: NEXT,
  what: 'a table for tests',
  apply: (db) => db.exec('CREATE TABLE better (x); INSERT INTO better SELECT count(*) FROM articles'),
};

const worse: Migration = {
  version: NEXT,
  what: 'a migration that fails half way',
  apply: (db) => {
    db.exec('DROP INDEX articles_timeline; DELETE FROM users');
    db.exec('THIS IS NOT SQL');
  },
};

async function storeWithArticles(path: string): Promise<void> {
  const store = await openSqlite(`sqlite:${path}`);
  await put(store.articles, ...Array.from({ length: 100 }, (_, i) => ({ id: `f.${i}`, content: article() })));
  await put(store.users, { id: 'ada', content: user({ name: 'Ada' }) });
  await store.close();
}

function backupsIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.includes('.backup-'));
}

async function isIntact(t: Test, path: string, title: string): Promise<void> {
  const store = await openSqlite(`sqlite:${path}`);
  t.equal((await store.health()).schemaVersion, MIGRATIONS.length, `${title}: the version it was`);
  t.equal(await store.articles.count(), 100, `${title}: articles`);
  t.equal((await store.articles.timeline({ limit: 3 })).length, 3, `${title}: indexes`);
  t.equal((await store.users.get('ada'))?.content.name, 'Ada', `${title}: users`);
  await store.close();
}

t.test('the versions of the migrations go up from 1 without gaps', async (t) => {
  t.same(
    MIGRATIONS.map((migration) => migration.version),
    MIGRATIONS.map((_, i) => i + 1),
  );
});

t.test('a new store needs no backup and tells of no migration', async (t) => {
  const folder = ownFolder(t);
  const events: MigrationEvent[] = [];
  await (await openSqlite(`sqlite:${folder}/x.db`, { onMigration: (event) => events.push(event) })).close();
  t.same(events, []);
  t.same(backupsIn(folder), []);
});

t.test('an upgrade takes a verified backup, migrates, and tells of both', async (t) => {
  const folder = ownFolder(t);
  const path = join(folder, 'x.db');
  await storeWithArticles(path);
  const events: MigrationEvent[] = [];
  const onMigration = (event: MigrationEvent) => events.push(event);
  const store = await openSqlite(`sqlite:${path}`, { onMigration }, undefined, [...MIGRATIONS, better]);
  t.equal((await store.health()).schemaVersion, NEXT);
  t.equal(await store.articles.count(), 100);
  await put(store.users, { id: 'new', content: user() });
  await store.close();
  const [backup] = backupsIn(folder);
  t.match(backup, new RegExp(`^x\\.db\\.backup-v${MIGRATIONS.length}-\\d{8}T\\d{6}Z$`));
  t.same(events, [
    { step: 'backup', to: join(folder, backup ?? '') },
    { step: 'migrate', from: NEXT - 1, to: NEXT, what: 'a table for tests' },
    { step: 'done', version: NEXT },
  ]);
  await rejectsWith(t, openSqlite(`sqlite:${path}`), 'STORE_NEWER', 'the program from before refuses it');
  await isIntact(t, join(folder, backup ?? ''), 'the backup, opened by the program from before');
  const again = await openSqlite(`sqlite:${path}`, { onMigration }, undefined, [...MIGRATIONS, better]);
  await again.close();
  t.equal(events.length, 3, 'the next start has nothing to do');
});

t.test('who only wants to look is told that the store is older, and nothing is upgraded', async (t) => {
  const folder = ownFolder(t);
  const path = join(folder, 'x.db');
  await storeWithArticles(path);
  const looking = openSqlite(`sqlite:${path}`, { upgrade: false }, undefined, [...MIGRATIONS, better]);
  await rejectsWith(t, looking, 'STORE_OLDER', 'told');
  t.same(backupsIn(folder), [], 'no backup was taken');
  await isIntact(t, path, 'the store');
  await (await openSqlite(`sqlite:${path}`, { upgrade: false })).close();
});

t.test('a migration that fails leaves the store as it was, and names the backup', async (t) => {
  const folder = ownFolder(t);
  const path = join(folder, 'x.db');
  await storeWithArticles(path);
  const failed = await openSqlite(`sqlite:${path}`, {}, undefined, [...MIGRATIONS, worse]).catch((e: unknown) => e);
  t.ok(failed instanceof CodedError);
  const [backup] = backupsIn(folder);
  t.match(failed, { code: 'STORE_MIGRATION_FAILED', message: join(folder, backup ?? 'none') });
  await isIntact(t, path, 'the store');
  await isIntact(t, join(folder, backup ?? ''), 'the backup');
});

t.test('no backup, no migration', async (t) => {
  const folder = ownFolder(t);
  // Room for the name of a WAL behind it, and none for that of a backup.
  const path = join(folder, `${'x'.repeat(236)}.db`);
  await storeWithArticles(path);
  await rejectsWith(
    t,
    openSqlite(`sqlite:${path}`, {}, undefined, [...MIGRATIONS, better]),
    'STORE_BACKUP_FAILED',
    'a name that is too long',
  );
  t.same(backupsIn(folder), [], 'no half backup is left');
  await isIntact(t, path, 'the store');
});

t.test('a process that has the store open below an upgrade writes no more', async (t) => {
  const path = join(ownFolder(t), 'x.db');
  await storeWithArticles(path);
  const old = await openSqlite(`sqlite:${path}`);
  const writer = await openWriter(old.users);
  const upgraded = await openSqlite(`sqlite:${path}`, {}, undefined, [...MIGRATIONS, better]);
  await rejectsWith(t, writer.edit([{ id: 'b', content: user() }]), 'STORE_NEWER', 'an open writer');
  await rejectsWith(t, openWriter(old.users), 'STORE_NEWER', 'a new writer');
  await rejectsWith(t, old.control.put('a', 1), 'STORE_NEWER', 'control');
  await old.close();
  await put(upgraded.users, { id: 'c', content: user() });
  await upgraded.close();
});

t.test('of several that upgrade at once, one does it', async (t) => {
  const folder = ownFolder(t);
  const path = join(folder, 'x.db');
  await storeWithArticles(path);
  const migrations = [...MIGRATIONS, better];
  const stores = await Promise.all([1, 2, 3].map(() => openSqlite(`sqlite:${path}`, {}, undefined, migrations)));
  t.equal(backupsIn(folder).length, 1);
  for (const store of stores) await store.close();
  const db = new DatabaseSync(path);
  t.same(
    db
      .prepare('SELECT x FROM better')
      .all()
      .map((row) => row.x),
    [100],
  );
  db.close();
});
