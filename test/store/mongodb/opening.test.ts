import t, { type Test } from 'tap';
import type { User } from '../../../store/documents.ts';
import { openMongodb } from '../../../store/mongodb/store.ts';
import { user } from '../../contract/samples.ts';
import { failureOf, openWriter, withStore } from '../../contract/with-store.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { mongodbEngine, withDatabase } from './engine.ts';

t.test('what is special about MongoDB', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  const engine = mongodbEngine(server.url);

  await t.test('a database of something else is not touched', async (t) => {
    const { url, cleanup } = await engine.fresh();
    await withDatabase(url, async (db) => void (await db.collection('invoices').insertOne({ total: 1 })));
    t.equal(await failureOf(openMongodb(url)), 'STORE_NOT_OURS');
    const names = await withDatabase(url, async (db) => (await db.listCollections().toArray()).map(({ name }) => name));
    t.same(names, ['invoices']);
    await cleanup();
    await withDatabase(url, async (db) => {
      await db.collection<{ _id: string; app: string }>('control').insertOne({ _id: 'meta', app: 'other' });
    });
    t.equal(await failureOf(openMongodb(url)), 'STORE_NOT_OURS');
    await cleanup();
  });

  await t.test('a store that was half made when the process died is made to its end', async (t) => {
    const { url, cleanup } = await engine.fresh();
    const { site } = await openMongodb(url).then(async (store) => {
      await store.close();
      return store;
    });
    await withDatabase(url, async (db) => {
      await db.collection<{ _id: string }>('control').updateOne({ _id: 'meta' }, { $set: { version: 0 } });
      await db.collection<{ _id: string }>('control').deleteOne({ _id: 'mode/states' });
      await db.dropCollection('states');
    });
    t.equal(await failureOf(openMongodb(url, { mustExist: true })), 'STORE_MISSING');
    const store = await openMongodb(url);
    t.equal(store.site, site);
    t.equal(await store.states.mode(), 'read-write');
    await store.close();
    await cleanup();
  });

  await t.test('a database that is dropped in use is gone, and is not made again', async (t) => {
    await withStore(engine, async (store, url) => {
      const writer = await openWriter(store.users);
      await writer.edit([{ id: 'a', content: user() }]);
      await writer.settle();
      await withDatabase(url, async (db) => void (await db.dropDatabase()));
      t.equal(await failureOf(store.health()), 'STORE_GONE');
      t.equal(await failureOf(store.users.mode()), 'STORE_GONE');
      t.equal(await failureOf(openWriter(store.users)), 'STORE_GONE');
      t.equal(await failureOf(store.users.setMode('read-only')), 'STORE_GONE');
      let failure = 'none';
      for (let i = 0; i < 100 && failure === 'none'; i += 1)
        failure = await failureOf(writer.edit([{ id: `${i}`, content: user() }]));
      t.equal(failure, 'STORE_GONE', 'a writer learns it with its next publication');
      await writer.close();
    });
  });

  await t.test('what BSON can’t keep is refused, and the writer goes on', async (t) => {
    await withStore(engine, async (store) => {
      await using writer = await openWriter(store.users);
      const deep = Array.from({ length: 120 }).reduce<unknown>((inner) => [inner], 0);
      const refused: readonly (readonly [title: string, content: unknown])[] = [
        ['an operator', { ...user(), extra: { $set: 1 } }],
        ['a path', { ...user(), extra: [{ 'a.b': 1 }] }],
        ['a path at the top', { ...user(), 'a.b': 1 }],
        ['NUL in a name', { ...user(), extra: { 'a\0b': 1 } }],
        ['what the driver takes for a type', { ...user(), extra: { _bsontype: 'ObjectId', id: 'x' } }],
        ['too many levels', { ...user(), extra: deep }],
        ['short in JSON, too long in BSON', { ...user(), extra: Array.from({ length: 2_000_000 }, () => 1) }],
      ];
      for (const [title, content] of refused)
        t.equal(await failureOf(writer.edit([{ id: 'a', content: content as User }])), 'BATCH_INVALID', title);
      const odd = JSON.parse(
        '{"": 1, "__proto__": {"x": 2}, "toString": 3, "1": 4, "ä": -0.5, "big": [1e300, 5e-324]}',
      );
      await writer.edit([{ id: 'odd', content: { ...user(), num: 1, odd } as User }]);
      const back = (await store.users.get('odd'))?.content as User & { odd: unknown };
      t.equal(JSON.stringify(Object.entries(back.odd as object).sort()), JSON.stringify(Object.entries(odd).sort()));
    });
  });

  await t.test('indexes answer the reading lists and the due feeds', async (t: Test) => {
    await withStore(engine, async (_store, url) => {
      const keys = await withDatabase(url, async (db) =>
        (await db.collection('articles').indexes()).map(({ key }) => Object.keys(key).join()),
      );
      for (const key of ['slot,n', 'b,h1,h2,h3', 'at,num,feed,_id', 'feed,at,num,_id', 'feed,num', 'num'])
        t.ok(keys.includes(key), key);
    });
  });
});
