/**
 * What Feedferry's MongoDB store relies on, asked of the test server through the official driver. Holds for a real
 * mongod as well: a difference between the two would make the store's tests worthless.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { type Collection, type Db, MongoBulkWriteError, MongoClient, MongoServerError } from 'mongodb';
import t, { type Test } from 'tap';
import { mongodbUrl } from './mongodb.ts';
import { skipLoudly } from './skip.ts';

interface Doc {
  _id: string;
  ver?: string;
  slot?: number;
  n?: number;
  sum?: number;
}

const service = await mongodbUrl();
if ('skip' in service) {
  t.test('the MongoDB test server', async (t) => skipLoudly(t, service.skip));
} else {
  tests(service.url);
}

/** A collection of its own for every test, with the unique index of the change feed. */
async function withDocs(t: Test, url: string, run: (docs: Collection<Doc>, db: Db) => Promise<void>): Promise<void> {
  const client = await MongoClient.connect(url, { maxPoolSize: 16 });
  const db = client.db(`rig_${randomBytes(6).toString('hex')}`);
  t.teardown(async () => {
    await db.dropDatabase();
    await client.close();
  });
  const docs = db.collection<Doc>('docs');
  await docs.createIndex({ slot: 1, n: 1 }, { unique: true });
  await run(docs, db);
}

async function serverError(promise: Promise<unknown>): Promise<MongoServerError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof MongoServerError) return error;
    throw error;
  }
  throw new Error('the server refused nothing');
}

const guarded = (id: string, ver: string, n: number) => ({
  replaceOne: { filter: { _id: id, ver: { $lt: ver } }, replacement: { ver, slot: 1, n }, upsert: true },
});

function tests(url: string): void {
  t.test('a guarded upsert writes what is newer', (t) =>
    withDocs(t, url, async (docs) => {
      await docs.bulkWrite([guarded('a', 'v1', 1)]);
      await docs.bulkWrite([guarded('a', 'v2', 2)]);
      t.match(await docs.findOne({ _id: 'a' }), { ver: 'v2', n: 2 });
    }),
  );

  t.test('a guarded upsert of what is older meets a duplicate _id', (t) =>
    withDocs(t, url, async (docs) => {
      await docs.insertOne({ _id: 'a', ver: 'v5', slot: 1, n: 1 });
      const stale = docs.replaceOne({ _id: 'a', ver: { $lt: 'v4' } }, { ver: 'v4', slot: 1, n: 2 }, { upsert: true });
      const error = await serverError(stale);
      t.match(error, { code: 11000, keyPattern: { _id: 1 } });
      t.match(error.message, /index: _id_/);
    }),
  );

  t.test('a number that was used meets a duplicate of slot and n', (t) =>
    withDocs(t, url, async (docs) => {
      await docs.insertOne({ _id: 'a', slot: 1, n: 1 });
      const error = await serverError(docs.insertOne({ _id: 'b', slot: 1, n: 1 }));
      t.match(error, { code: 11000, keyPattern: { slot: 1, n: 1 } });
      t.match(error.message, /index: slot_1_n_1/);
    }),
  );

  t.test('an unordered batch does all that can be done and names the rest by its place', (t) =>
    withDocs(t, url, async (docs) => {
      await docs.insertMany([
        { _id: 'stale', ver: 'v9', slot: 1, n: 1 },
        { _id: 'old', ver: 'v1', slot: 1, n: 2 },
      ]);
      const batch = [
        guarded('stale', 'v5', 3),
        guarded('new', 'v5', 4),
        guarded('old', 'v5', 5),
        guarded('used', 'v5', 1),
      ];
      const error = await serverError(docs.bulkWrite(batch, { ordered: false }));
      if (!(error instanceof MongoBulkWriteError)) throw error;
      const failed = [error.writeErrors].flat();
      t.strictSame(
        failed.map(({ index, code }) => ({ index, code })),
        [
          { index: 0, code: 11000 },
          { index: 3, code: 11000 },
        ],
      );
      t.match(failed[0]?.err.errmsg, /index: _id_/);
      t.match(failed[1]?.err.errmsg, /index: slot_1_n_1/);
      t.strictSame(error.result.upsertedIds, { 1: 'new' });
      t.equal(error.result.modifiedCount, 1);
    }),
  );

  t.test('an ordered batch stops at the first failure', (t) =>
    withDocs(t, url, async (docs) => {
      const batch: Doc[] = [1, 1, 2].map((n) => ({ _id: `d${n}`, slot: 1, n }));
      const error = await serverError(docs.insertMany(batch));
      t.equal(error.code, 11000);
      t.equal(await docs.countDocuments(), 1);
    }),
  );

  t.test('a compare-and-set by findOneAndUpdate is won by one of many, each time', (t) =>
    withDocs(t, url, async (docs) => {
      await docs.insertOne({ _id: 'slot', slot: 1, n: 0 });
      const raise = async (): Promise<void> => {
        for (let won = 0; won < 10; ) {
          const seen = await docs.findOne({ _id: 'slot' });
          if (!seen) throw new Error('the document is gone');
          const filter = { _id: 'slot', n: seen.n ?? 0 };
          if (await docs.findOneAndUpdate(filter, { $inc: { n: 1 } }, { returnDocument: 'after' })) won += 1;
        }
      };
      await Promise.all(Array.from({ length: 8 }, raise));
      t.equal((await docs.findOne({ _id: 'slot' }))?.n, 80);
    }),
  );

  t.test('findOneAndUpdate that meets a unique index fails as an insert does', (t) =>
    withDocs(t, url, async (docs) => {
      await docs.insertMany([
        { _id: 'a', slot: 1, n: 1 },
        { _id: 'b', slot: 1, n: 2 },
      ]);
      const error = await serverError(docs.findOneAndUpdate({ _id: 'b' }, { $set: { n: 1 } }));
      t.match(error, { code: 11000, keyPattern: { slot: 1, n: 1 } });
      const upsert = { $setOnInsert: { slot: 2, n: 1 } };
      t.equal((await serverError(docs.findOneAndUpdate({ _id: 'a', n: 9 }, upsert, { upsert: true }))).code, 11000);
    }),
  );

  t.test('of writers that race for one number, exactly one gets it', (t) =>
    withDocs(t, url, async (docs) => {
      const won = await Promise.all(
        Array.from({ length: 8 }, async (_, writer) => {
          let count = 0;
          for (let n = 0; n < 20; n += 1) {
            const insert = docs.insertOne({ _id: `w${writer}-${n}`, slot: 1, n });
            count += await insert.then(
              () => 1,
              (error) => (error.code === 11000 ? 0 : Promise.reject(error)),
            );
          }
          return count;
        }),
      );
      t.equal(
        won.reduce((sum, count) => sum + count),
        20,
      );
      t.equal(await docs.countDocuments(), 20);
    }),
  );

  t.test('batches that meet on the same documents in different orders fail on duplicates only', (t) =>
    withDocs(t, url, async (docs) => {
      const ids = Array.from({ length: 30 }, (_, at) => `d${at}`);
      const codes = new Set<unknown>();
      await Promise.all(
        Array.from({ length: 6 }, async (_, writer) => {
          const order = writer % 2 === 0 ? ids : ids.toReversed();
          for (let round = 0; round < 5; round += 1) {
            const batch = order.map((id, at) => guarded(id, `v${round}${writer}`, (writer * 5 + round) * 100 + at));
            await docs.bulkWrite(batch, { ordered: false }).catch((error) => codes.add(error.code));
          }
        }),
      );
      t.equal(await docs.countDocuments(), ids.length);
      t.ok([...codes].every((code) => code === 11000));
    }),
  );

  t.test('a cursor goes on over many batches, sorted or not', (t) =>
    withDocs(t, url, async (docs) => {
      await docs.insertMany(Array.from({ length: 2500 }, (_, n) => ({ _id: `d${n}`, slot: 1, n })));
      t.equal((await docs.find({}, { batchSize: 100 }).toArray()).length, 2500);
      const sorted = await docs.find({}, { batchSize: 300 }).sort({ n: -1 }).toArray();
      t.strictSame(
        sorted.map((doc) => doc.n),
        Array.from({ length: 2500 }, (_, at) => 2499 - at),
      );
      const page = await docs
        .find({ slot: 1, n: { $gt: 10 } })
        .sort({ n: 1 })
        .limit(3)
        .toArray();
      t.strictSame(
        page.map((doc) => doc.n),
        [11, 12, 13],
      );
    }),
  );

  t.test('a cursor that was closed is gone', (t) =>
    withDocs(t, url, async (docs, db) => {
      await docs.insertMany(Array.from({ length: 500 }, (_, n) => ({ _id: `d${n}`, slot: 1, n })));
      const cursor = docs.find({}, { batchSize: 10 }).sort({ n: 1 });
      await cursor.next();
      const { id } = cursor;
      t.ok(id && !id.isZero());
      await cursor.close();
      t.equal((await serverError(db.command({ getMore: id, collection: 'docs' }))).code, 43);
    }),
  );

  t.test('groups sum numbers up to 2^32 exactly', (t) =>
    withDocs(t, url, async (docs) => {
      const top = 2 ** 32 - 1;
      await docs.insertMany(Array.from({ length: 1000 }, (_, n) => ({ _id: `d${n}`, slot: 1, n, sum: top })));
      const [group] = await docs
        .aggregate([{ $group: { _id: null, s: { $sum: '$sum' }, count: { $sum: 1 } } }])
        .toArray();
      t.match(group, { s: top * 1000, count: 1000 });
    }),
  );

  t.test('indexes and collections are listed, dropped, and made twice without harm', (t) =>
    withDocs(t, url, async (docs, db) => {
      await docs.createIndex({ slot: 1, n: 1 }, { unique: true });
      await docs.createIndex({ sum: 1 });
      t.strictSame((await docs.indexes()).map(({ name }) => name).sort(), ['_id_', 'slot_1_n_1', 'sum_1']);
      await docs.dropIndex('sum_1');
      t.strictSame((await docs.indexes()).map(({ name }) => name).sort(), ['_id_', 'slot_1_n_1']);
      t.strictSame(
        await db
          .listCollections()
          .toArray()
          .then((found) => found.map(({ name }) => name)),
        ['docs'],
      );
      t.ok((await db.admin().listDatabases()).databases.some(({ name }) => name === db.databaseName));
      await docs.drop();
      t.strictSame(await db.listCollections().toArray(), []);
    }),
  );

  t.test('concerns and time limits are understood', (t) =>
    withDocs(t, url, async (docs) => {
      const writeConcern = { w: 'majority', journal: true } as const;
      await docs.insertOne({ _id: 'a', slot: 1, n: 1 }, { writeConcern, maxTimeMS: 10_000 });
      const found = await docs.find({}, { readConcern: 'majority', maxTimeMS: 10_000 }).toArray();
      t.equal(found.length, 1);
    }),
  );

  t.test('errors carry the codes of MongoDB', (t) =>
    withDocs(t, url, async (docs, db) => {
      await docs.insertOne({ _id: 'a', slot: 1, n: 1 });
      t.equal((await serverError(docs.find({ $nope: 1 }).toArray())).code, 2, 'BadValue');
      t.equal((await serverError(db.command({ nope: 1 }))).code, 59, 'CommandNotFound');
      t.equal((await serverError(docs.updateOne({ _id: 'a' }, { $set: { _id: 'b' } }))).code, 66, 'ImmutableField');
    }),
  );

  t.test('what is not the protocol is hung up on, and others are still served', (t) =>
    withDocs(t, url, async (docs) => {
      const { hostname, port } = new URL(url);
      const socket = connect(Number(port), hostname);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.on('error', () => {});
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await closed;
      t.equal(await docs.countDocuments(), 0);
    }),
  );
}
