import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { BenchFailure } from '../measure/progress.ts';

/** A store that nobody has used yet, removed when it is no longer needed. */
export interface FreshStore extends AsyncDisposable {
  readonly url: string;
}

export async function freshStore(engine: 'sqlite' | 'mongodb'): Promise<FreshStore> {
  if (engine === 'mongodb') return freshMongodb();
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-bench-store-'));
  return {
    url: `sqlite:${join(folder, 'bench.db')}`,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What the crawler's writes promise. */
export const DURABILITY = {
  sqlite: 'lazy: WAL, synchronous=NORMAL; survives kill -9, a power cut may take the last moments',
  mongodb: 'majority, journaled',
} as const;

async function freshMongodb(): Promise<FreshStore> {
  const { mongodbUrl } = await import('../../test/rig/mongodb.ts');
  const server = await mongodbUrl();
  if ('skip' in server) throw new BenchFailure(`no MongoDB to measure with: ${server.skip}`);
  const url = new URL(server.url);
  const name = `feedferry_bench_${process.pid}_${Date.now()}`;
  url.pathname = `/${name}`;
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      const client = new MongoClient(url.href);
      await client.db(name).dropDatabase();
      await client.close();
    },
  };
}
