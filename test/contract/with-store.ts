import type { Test } from 'tap';
import type { Database, Edit, OpenOptions, Outcome, Store, Version, Writer } from '../../store/contract.ts';
import { codeOf } from '../../store/errors.ts';
import type { Engine } from './engine.ts';

/** A fresh store for one test, gone after it. */
export async function withStore(
  engine: Engine,
  use: (store: Store, url: string) => Promise<void>,
  options: OpenOptions = {},
): Promise<void> {
  const { url, cleanup } = await engine.fresh();
  try {
    const store = await engine.open(url, options);
    try {
      await use(store, url);
    } finally {
      await store.close();
    }
  } finally {
    await cleanup();
  }
}

/** One batch through a writer of its own. */
export async function put<C>(database: Database<C>, ...edits: Edit<C>[]): Promise<Outcome[]> {
  await using writer = await database.openWriter({ owner: 'test', durability: 'lazy' });
  return await writer.edit(edits);
}

export function openWriter<C>(database: Database<C>, owner = 'test'): Promise<Writer<C>> {
  return database.openWriter({ owner, durability: 'sync' });
}

/** The version that an outcome says was written. */
export function writtenVer(outcome: Outcome | undefined): Version {
  if (outcome?.result !== 'written') throw new Error(`not written: ${JSON.stringify(outcome)}`);
  return outcome.ver;
}

/** The code that a call fails with; `none` where it succeeds. */
export async function failureOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    return codeOf(error) === 'INTERNAL' ? `INTERNAL: ${String(error)}` : codeOf(error);
  }
}

export async function rejectsWith(t: Test, call: Promise<unknown>, code: string, title: string): Promise<void> {
  t.equal(await failureOf(call), code, title);
}
