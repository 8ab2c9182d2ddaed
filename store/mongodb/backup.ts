/** Copies of all collections within the same database, made and verified before an upgrade. */
import type { Collection, Document } from 'mongodb';
import { DATABASE_NAMES } from '../documents.ts';
import { storeError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { sumBuckets } from './sums.ts';

/** Documents copied at a time. */
const COPY_DOCS = 200;

/** Numbers keep their types: nothing is read as a JavaScript value on the way. */
const EXACT = { promoteValues: false, promoteLongs: false, promoteBuffers: false } as const;

/** About the upgrade itself; a restored store must not get these back. */
const PASSING_NOTES = /^(?:upgrade|backup\/.*)$/;

type Copied = Collection<Document & { _id: string }>;

/**
 * Nothing may write meanwhile. A backup that a crashed upgrade left whole is kept: the collections may be half upgraded
 * by now. Returns what it is called. Throws STORE_BACKUP_FAILED.
 */
export async function backUp(db: Connection, version: number): Promise<string> {
  const note = `backup/v${version}`;
  const called = `${db.shown} collections backup_v${version}_*`;
  if (await db.control.findOne({ _id: note })) return called;
  try {
    for (const name of [...DATABASE_NAMES, 'control']) {
      const copy = collection(db, copyName(version, name));
      await copy.drop();
      await copyAll(collection(db, name), copy);
      await verify(collection(db, name), copy);
    }
    await db.control.insertOne({ _id: note, at: await db.serverTime() });
    return called;
  } catch (cause) {
    const error = db.asStoreError(cause);
    const said = error instanceof Error ? error.message : String(error);
    const message = `No backup of ${db.shown} could be made: ${said}`;
    throw storeError('STORE_BACKUP_FAILED', message, { input: db.shown, cause });
  }
}

/** Makes every collection what its copy is, and forgets that there is a backup: a later upgrade makes a new one. */
export async function restore(db: Connection, version: number): Promise<void> {
  for (const name of [...DATABASE_NAMES, 'control'])
    await makeEqual(collection(db, copyName(version, name)), collection(db, name));
  await db.control.deleteOne({ _id: `backup/v${version}` });
}

async function copyAll(from: Copied, to: Copied): Promise<void> {
  for await (const page of pages(from)) await to.insertMany(page, { ordered: false });
}

async function makeEqual(from: Copied, to: Copied): Promise<void> {
  const keep = { $not: PASSING_NOTES };
  let after = '';
  for await (const page of pages(from)) {
    const ids = page.map(({ _id }) => _id);
    const last = ids.at(-1) ?? after;
    await to.deleteMany({ $and: [{ _id: { $gt: after, $lte: last } }, { _id: { $nin: ids } }, { _id: keep }] });
    const wanted = page.filter(({ _id }) => !PASSING_NOTES.test(_id));
    const operations = wanted.map((replacement) => ({
      replaceOne: { filter: { _id: replacement._id }, replacement, upsert: true },
    }));
    if (operations.length > 0) await to.bulkWrite(operations, { ordered: false });
    after = last;
  }
  await to.deleteMany({ $and: [{ _id: { $gt: after } }, { _id: keep }] });
}

/** By ids, in their order. */
async function* pages(from: Copied): AsyncGenerator<(Document & { _id: string })[]> {
  let after = '';
  for (;;) {
    const page = await from
      .find({ _id: { $gt: after } }, EXACT)
      .sort({ _id: 1 })
      .limit(COPY_DOCS)
      .toArray();
    if (page.length === 0) return;
    yield page;
    after = page.at(-1)?._id ?? after;
  }
}

async function verify(original: Copied, copy: Copied): Promise<void> {
  const [wanted, got] = [await original.countDocuments({}), await copy.countDocuments({})];
  if (wanted !== got) throw new Error(`${original.collectionName} has ${wanted} documents, its copy ${got}`);
  const differ = JSON.stringify(await sorted(original)) !== JSON.stringify(await sorted(copy));
  if (differ) throw new Error(`${original.collectionName} and its copy hold different documents`);
}

async function sorted(of: Copied): Promise<unknown[]> {
  return (await sumBuckets(of)).toSorted((x, y) => x.b - y.b);
}

function collection(db: Connection, name: string): Copied {
  return db.db.collection<Document & { _id: string }>(name);
}

function copyName(version: number, name: string): string {
  return `backup_v${version}_${name}`;
}
