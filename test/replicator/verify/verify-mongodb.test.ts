/** Verifying MongoDB stores, whose sums and listings are of no single moment, and pairs of the two engines. */
import { MongoClient } from 'mongodb';
import t from 'tap';
import { realRuntime } from '../../../replicator/runtime.ts';
import { storeEnd } from '../../../replicator/verify/ends.ts';
import { verify } from '../../../replicator/verify/verify.ts';
import type { Store } from '../../../store/contract.ts';
import { openStore } from '../../../store/open.ts';
import { testSchedules } from '../../contract/random.ts';
import { put } from '../../contract/with-store.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { databaseUrl, randomName, withDatabase } from '../../store/mongodb/engine.ts';
import { putArticles, sqlitePair, start } from '../sending/pair.ts';
import { namesIn, verifyLive } from './verify-live.ts';

const server = await mongodbUrl();

async function withMongodb(use: (store: Store, url: string) => Promise<void>): Promise<void> {
  if ('skip' in server) return;
  const name = randomName();
  const url = databaseUrl(server.url, name);
  try {
    await using store = await openStore(url);
    await use(store, url);
  } finally {
    await using client = new MongoClient(server.url);
    await client.db(name).dropDatabase();
  }
}

/** Behind the store's back, as a shell would. */
async function tamper(url: string): Promise<string[]> {
  await withDatabase(url, async (db) => {
    const articles = db.collection<{ _id: string }>('articles');
    await articles.deleteOne({ _id: 'x1' });
    await articles.updateOne({ _id: 'x2' }, { $set: { title: 'Another', h1: 1 } });
    await articles.updateOne({ _id: 'x3' }, { $set: { html: '<p>Iello</p>' } });
  });
  return ['missing x1', 'damaged x2 destination', 'damaged x3 destination'];
}

t.test('one field, one document and one tombstone are found between SQLite and MongoDB', async (t) => {
  if ('skip' in server) return skipLoudly(t, server.skip);
  await using pair = await sqlitePair();
  await withMongodb(async (mongodb, url) => {
    const { a } = pair;
    await putArticles(a, 'x', 800);
    await put(a.articles, { id: 'x9', content: null }, { id: 'x7', content: null });
    await start(a, mongodb, { once: true }).ended;
    const ends = { source: storeEnd(a), destination: storeEnd(mongodb), runtime: realRuntime };
    const equal = await verify({ ...ends, databases: ['articles', 'feeds'], deep: true });
    t.equal(equal.verdict, 'equal');
    t.equal(equal.databases[0]?.hashed, 1600);
    const planted = await tamper(url);
    await withDatabase(url, async (db) => {
      const articles = db.collection<{ _id: string }>('articles');
      await articles.updateOne({ _id: 'x9' }, { $set: { del: false, delAt: null, title: 'Back again' } });
    });
    const deep = await verify({ ...ends, databases: ['articles'], deep: true });
    t.same(namesIn(deep), [planted[0], 'undeleted x9 destination', ...planted.slice(1)]);
    t.same(deep.databases[0]?.findings[2]?.fields, [{ field: 'title', source: '"A title"', destination: '"Another"' }]);
  });
});

for (const twoWay of [false, true]) {
  t.test(`no false report while MongoDB is written (${twoWay ? 'two-way' : 'one-way'})`, async (t) => {
    if ('skip' in server) return skipLoudly(t, server.skip);
    await using pair = await sqlitePair();
    await withMongodb(async (mongodb, url) => {
      const [a, b] = twoWay ? [pair.a, mongodb] : [mongodb, pair.a];
      const damage = async (): Promise<string[]> => {
        const names = await tamper(url);
        if (twoWay) return names;
        return ['damaged x2 source', 'damaged x3 source', 'extra x1'];
      };
      await verifyLive(t, a, b, { twoWay, rounds: testSchedules(8), tamper: damage });
    });
  });
}
