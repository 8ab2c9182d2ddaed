/** From one engine to the other and back: nothing in the documents tells which ones they went through. */
import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import t from 'tap';
import type { Store } from '../../../store/contract.ts';
import { openStore } from '../../../store/open.ts';
import { article, feed } from '../../contract/samples.ts';
import { put } from '../../contract/with-store.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { until } from '../../rig/until.ts';
import { differences, putArticles, sqlitePair, start } from './pair.ts';

t.test('SQLite to MongoDB and on to SQLite, whole and then live', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  await using pair = await sqlitePair();
  const { a, b } = pair;
  const name = `feedferry-test-${randomUUID()}`;
  const mongodb: Store = await openStore(new URL(name, server.url).href);
  try {
    await putArticles(a, 'x', 700);
    await put(a.articles, { id: 'x5', content: null }, { id: 'x6', content: article({ html: '<p>ä € 𝄞</p>' }) });
    await put(a.feeds, { id: 'f', content: feed({ history: [] }) });
    const first = start(a, mongodb, { name: 'mongodb' });
    await until(() => first.status().state === 'tailing' && first.status().docsToDo === 0, 'the first tails');
    const second = start(mongodb, b);
    await until(async () => (await differences(a, b)).length === 0, 'the third has what the first has');
    await put(a.articles, { id: 'x7', content: null }, { id: 'new', content: article() });
    await until(async () => (await differences(a, b)).length === 0, 'and goes on to');
    t.strictSame(await differences(a, mongodb), []);
    await Promise.all([first.stop(), second.stop()]);
    const [sums, there] = [await a.articles.bucketSums(), await mongodb.articles.bucketSums()];
    const sorted = (each: typeof sums) => each.toSorted((one, other) => one.b - other.b);
    t.strictSame(sorted(sums), sorted(there), 'verification agrees');
    const again = await start(a, mongodb, { name: 'mongodb', once: true }).ended;
    t.equal(again.docs, 0, 'and resumes where it was');
  } finally {
    await mongodb.close();
    await using client = new MongoClient(server.url);
    await client.db(name).dropDatabase();
  }
});
