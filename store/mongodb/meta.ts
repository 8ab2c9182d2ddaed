/** The document of `control` that makes a database a store: its site and its schema version. */
import type { SiteId } from '../contract.ts';
import { DATABASE_NAMES } from '../documents.ts';
import { storeError } from '../errors.ts';
import { newSiteId } from '../ids.ts';
import type { Connection, ControlDocument } from './connection.ts';
import { goneError, isDuplicateKey } from './failures.ts';

const META = 'meta';
const APP = 'feedferry';

export interface Meta extends ControlDocument {
  readonly app: string;
  readonly site: SiteId;
  /** 0: not made to its end yet. */
  readonly version: number;
}

/** Throws STORE_NOT_OURS. */
export async function readMeta(db: Connection): Promise<Meta | null> {
  const found = await db.patiently(() => db.control.findOne<Meta>({ _id: META }));
  if (found && found.app !== APP) throw notOurs(db, 'a collection named control');
  return found;
}

/** Whether the store is still there; it may have been dropped below an open one. */
export async function isThere(db: Connection): Promise<boolean> {
  return (await readMeta(db)) !== null;
}

/** Throws STORE_GONE. */
export async function expectMeta(db: Connection): Promise<Meta> {
  const meta = await readMeta(db);
  if (!meta) throw goneError(db.shown);
  return meta;
}

/** Of several that do so at once, one makes the site. Throws STORE_NOT_OURS where the database holds something else. */
export async function createMeta(db: Connection): Promise<Meta> {
  const collections = await db.patiently(() => db.db.listCollections({}, { nameOnly: true }).toArray());
  const ours = new Set<string>([...DATABASE_NAMES, 'control']);
  const foreign = collections.find(({ name }) => !ours.has(name) && !name.startsWith('system.'));
  if (foreign) throw notOurs(db, `a collection named ${foreign.name}`);
  const meta: Meta = { _id: META, app: APP, site: newSiteId(), version: 0 };
  return await db.patiently(async () => {
    try {
      await db.control.insertOne(meta);
      return meta;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return await expectMeta(db);
    }
  });
}

/** Nothing happens where the version is not `from` any more. */
export async function raiseVersion(db: Connection, from: number, to: number): Promise<void> {
  await db.patiently(() => db.control.updateOne({ _id: META, version: from }, { $set: { version: to } }));
}

function notOurs(db: Connection, what: string): Error {
  return storeError('STORE_NOT_OURS', `The database ${db.shown} holds ${what}, which is not Feedferry's.`, {
    input: db.shown,
  });
}
