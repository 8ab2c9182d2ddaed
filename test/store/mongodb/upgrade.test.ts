import type { Db } from 'mongodb';
import t, { type Test } from 'tap';
import type { MigrationEvent } from '../../../store/contract.ts';
import { codeOf } from '../../../store/errors.ts';
import { MIGRATIONS, type Migration } from '../../../store/mongodb/schema.ts';
import { openMongodb } from '../../../store/mongodb/store.ts';
import { article, user } from '../../contract/samples.ts';
import { failureOf, openWriter, put } from '../../contract/with-store.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { startTcpProxy } from '../../rig/tcp-proxy.ts';
import { mongodbEngine, withDatabase } from './engine.ts';

const DOCS = 450;

interface Stored {
  _id: string;
  [field: string]: unknown;
}

function version2(apply: (db: Db) => Promise<void>): Migration[] {
  return [...MIGRATIONS, { version: 2, what: 'names in capitals', apply }];
}

async function capitals(db: Db): Promise<void> {
  await db.collection('users').updateMany({ fill: { $exists: false } }, { $set: { name: 'CAPITALS' } });
}

async function everything(db: Db): Promise<string> {
  const all: [string, unknown[]][] = [];
  for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray())
    if (!name.startsWith('backup_'))
      all.push([
        name,
        await db
          .collection<Stored>(name)
          .find({ _id: { $not: /^mode/ } })
          .sort({ _id: 1 })
          .toArray(),
      ]);
  return JSON.stringify(all.sort());
}

t.test('upgrades of a MongoDB store', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  const engine = mongodbEngine(server.url);

  /** A store of version 1 with something in it. */
  const test = (title: string, use: (t: Test, url: string) => Promise<void>) =>
    t.test(title, async (t) => {
      const { url, cleanup } = await engine.fresh();
      const store = await openMongodb(url);
      await put(
        store.users,
        ...Array.from({ length: DOCS }, (_, i) => ({ id: `u${i}`, content: user({ name: `${i}` }) })),
      );
      await put(store.users, { id: 'u7', content: null });
      await put(store.articles, { id: 'f.a', content: article({ num: 2 ** 53 - 1 }) });
      await store.control.put('note', { text: 'kept' });
      await store.close();
      await use(t, url);
      await cleanup();
    });

  await test('a verified backup comes first, then the migration, and people are told', async (t, url) => {
    const before = await withDatabase(url, everything);
    const events: MigrationEvent[] = [];
    const store = await openMongodb(url, { onMigration: (event) => events.push(event) }, undefined, version2(capitals));
    t.match(events, [
      { step: 'backup', to: /backup_v1_\*/ },
      { step: 'migrate', from: 1, to: 2, what: 'names in capitals' },
      { step: 'done', version: 2 },
    ]);
    t.equal((await store.users.get('u1'))?.content.name, 'CAPITALS');
    t.equal((await store.health()).schemaVersion, 2);
    t.match(await put(store.users, { id: 'new', content: user() }), [{ result: 'written' }]);
    await store.close();
    const copied = await withDatabase(url, async (db) => {
      const users = await db.collection<Stored>('backup_v1_users').find().sort({ _id: 1 }).toArray();
      return { users: JSON.stringify(users), count: await db.collection('backup_v1_articles').countDocuments() };
    });
    t.ok(before.includes(copied.users), 'the backup holds what was there');
    t.equal(copied.count, 1);
    t.equal(await failureOf(openMongodb(url)), 'STORE_NEWER', 'an older Feedferry refuses it now');
    events.length = 0;
    await (
      await openMongodb(url, { onMigration: (event) => events.push(event) }, undefined, version2(capitals))
    ).close();
    t.same(events, [], 'and the next start has nothing to do');
  });

  await test('who only wants to look is told that the store is older, and nothing is upgraded', async (t, url) => {
    const before = await withDatabase(url, everything);
    t.equal(await failureOf(openMongodb(url, { upgrade: false }, undefined, version2(capitals))), 'STORE_OLDER');
    t.equal(await withDatabase(url, everything), before);
    await (await openMongodb(url, { upgrade: false })).close();
  });

  await test('a migration that fails leaves the store as it was', async (t, url) => {
    const before = await withDatabase(url, everything);
    const failing = version2(async (db) => {
      await capitals(db);
      await db.collection<Stored>('users').deleteOne({ _id: 'u3' });
      await db.collection<Stored>('users').insertOne({ _id: 'u3x', slot: 99, n: 1 });
      await db.collection<Stored>('users').insertOne({ _id: 'zzz', slot: 99, n: 2 });
      await db.collection<Stored>('control').deleteOne({ _id: 'note/note' });
      throw new Error('out of luck');
    });
    const error: unknown = await openMongodb(url, {}, undefined, failing).then(
      () => undefined,
      (reason) => reason,
    );
    t.equal(codeOf(error), 'STORE_MIGRATION_FAILED');
    t.match(error, { message: /out of luck.*left as it was.*backup_v1_/ });
    t.equal(await withDatabase(url, everything), before);
    const store = await openMongodb(url);
    t.match(await put(store.users, { id: 'new', content: user() }), [{ result: 'written' }], 'the old one goes on');
    await store.close();
    const again = await openMongodb(url, {}, undefined, version2(capitals));
    t.equal((await again.users.get('new'))?.content.name, 'CAPITALS', 'and a later upgrade takes what came since');
    await again.close();
    const copied = await withDatabase(url, (db) => db.collection<Stored>('backup_v1_users').findOne({ _id: 'new' }));
    t.equal(copied?.name, 'reader', 'with a backup of its own');
  });

  await test('a backup that can’t be made leaves the store as it was', async (t, url) => {
    const before = await withDatabase(url, everything);
    const { hostname, port, pathname } = new URL(url);
    await using proxy = await startTcpProxy({ host: hostname, port: Number(port) });
    // Nothing but a page of documents is so long.
    await proxy.behave({ resetAfterBytes: 20_000 });
    const proxied = `mongodb://${proxy.host}:${proxy.port}${pathname}?directConnection=true`;
    const failure = await failureOf(openMongodb(proxied, {}, undefined, version2(capitals)));
    t.equal(failure, 'STORE_BACKUP_FAILED');
    t.equal(await withDatabase(url, everything), before);
    const store = await openMongodb(url);
    t.match(await put(store.users, { id: 'new', content: user() }), [{ result: 'written' }]);
    await store.close();
  });

  await test('an upgrade that died halfway is carried on, with the backup it had made', async (t, url) => {
    const dead = version2(async (db) => {
      await capitals(db);
      // As after a kill: nothing is tidied up, and the lock has run out.
      await db.collection<Stored>('control').updateOne({ _id: 'upgrade' }, { $set: { token: 'dead' } });
      await db.collection<Stored>('control').updateOne({ _id: 'upgrade' }, { $set: { heartbeat: new Date(0) } });
      throw new Error('killed');
    });
    t.equal(await failureOf(openMongodb(url, {}, undefined, dead)), 'STORE_MIGRATION_FAILED');
    const old = await openMongodb(url);
    t.equal(await failureOf(openWriter(old.users)), 'STORE_NEWER', 'meanwhile nobody writes in the old way');
    await old.close();
    const store = await openMongodb(url, {}, undefined, version2(capitals));
    t.equal((await store.users.get('u1'))?.content.name, 'CAPITALS');
    await store.close();
    const copied = await withDatabase(url, (db) => db.collection<Stored>('backup_v1_users').findOne({ _id: 'u1' }));
    t.equal(copied?.name, '1', 'not of what was half upgraded');
  });

  await test('several that upgrade at once upgrade once', async (t, url) => {
    let applied = 0;
    const counting = version2(async (db) => {
      applied += 1;
      await capitals(db);
    });
    const stores = await Promise.all(Array.from({ length: 4 }, () => openMongodb(url, {}, undefined, counting)));
    t.equal(applied, 1);
    for (const store of stores) {
      t.equal((await store.users.get('u1'))?.content.name, 'CAPITALS');
      await store.close();
    }
  });

  await test('writers of the older Feedferry are fenced, and can’t open again', async (t, url) => {
    const old = await openMongodb(url);
    const writer = await openWriter(old.users);
    await writer.edit([{ id: 'a', content: user({ name: 'old' }) }]);
    const store = await openMongodb(url, {}, undefined, version2(capitals));
    t.equal(await failureOf(writer.edit([{ id: 'b', content: user() }])), 'WRITER_FENCED');
    t.equal(await failureOf(openWriter(old.users)), 'STORE_NEWER');
    t.equal((await store.users.get('a'))?.content.name, 'CAPITALS');
    await old.close();
    await store.close();
  });

  await test('a new store is made at the latest version, without a word', async (t) => {
    const { url, cleanup } = await engine.fresh();
    const events: MigrationEvent[] = [];
    const store = await openMongodb(url, { onMigration: (event) => events.push(event) }, undefined, version2(capitals));
    t.equal((await store.health()).schemaVersion, 2);
    t.same(events, []);
    await store.close();
    await cleanup();
  });
});
