import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { openMongodb } from '../../../store/mongodb/store.ts';
import type { Engine } from '../../contract/engine.ts';

/** The base URL's server, with a database of one test's own. */
export function databaseUrl(base: string, name: string): string {
  const [, hosts = '', options = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)\/?(\?.*)?$/.exec(base) ?? [];
  return `${hosts}/${name}${options}`;
}

export function randomName(): string {
  return `feedferry_test_${randomBytes(6).toString('hex')}`;
}

/** The engine as the contract suites see it, on the server at a base URL. */
export function mongodbEngine(base: string): Engine {
  return {
    name: 'mongodb',
    async fresh() {
      const url = databaseUrl(base, randomName());
      return { url, cleanup: () => withDatabase(url, async (db) => void (await db.dropDatabase())) };
    },
    open: openMongodb,
    makeNewer: (url) =>
      withDatabase(url, async (db) => {
        await db.collection<{ _id: string }>('control').updateOne({ _id: 'meta' }, { $inc: { version: 1 } });
      }),
  };
}

/** The database behind a store, as an operator with a shell sees it. */
export async function withDatabase<T>(url: string, use: (db: ReturnType<MongoClient['db']>) => Promise<T>): Promise<T> {
  const client = new MongoClient(url);
  try {
    return await use(client.db());
  } finally {
    await client.close();
  }
}
