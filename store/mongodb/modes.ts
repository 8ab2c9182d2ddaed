/** Whether a database may be written: one document each in `control`, made with the schema. */
import type { Mode } from '../contract.ts';
import { storeError } from '../errors.ts';
import type { Connection, ControlDocument } from './connection.ts';
import { goneError } from './failures.ts';
import type { SlotsContext } from './slots.ts';

interface ModeDocument extends ControlDocument {
  readonly mode: Mode;
  /** Writers that know another schema version may not open: an upgrade raises it before it begins. */
  readonly schema: number;
}

export function modeId(name: string): string {
  return `mode/${name}`;
}

export async function readMode({ db, name }: Pick<SlotsContext, 'db' | 'name'>): Promise<Mode> {
  return (await readModeDocument(db, name)).mode;
}

export async function writeMode({ db, name }: SlotsContext, mode: Mode): Promise<void> {
  const { matchedCount } = await db.patiently(() => db.control.updateOne({ _id: modeId(name) }, { $set: { mode } }));
  if (matchedCount === 0) throw goneError(db.shown);
}

/**
 * Throws where writers may not open: DATABASE_READ_ONLY, STORE_NEWER. It is a write, as a read may be answered by a
 * primary that was replaced without knowing: whoever sets the mode after this finds the slots that were leased before.
 */
export async function confirmWritable({ db, name, schemaVersion }: SlotsContext): Promise<void> {
  const filter = { _id: modeId(name), mode: 'read-write', schema: schemaVersion };
  const { matchedCount } = await db.patiently(() => db.control.updateOne(filter, { $inc: { confirmed: 1 } }));
  if (matchedCount === 1) return;
  const { mode, schema } = await readModeDocument(db, name);
  if (mode === 'read-only') throw readOnlyError(db, name);
  if (schema !== schemaVersion) throw newerError(db, schema, schemaVersion);
}

export function readOnlyError(db: Connection, name: string): Error {
  return storeError('DATABASE_READ_ONLY', `The database ${name} of ${db.shown} is read-only.`, { input: name });
}

export function newerError(db: Connection, version: number, known: number): Error {
  const message = `The store ${db.shown} has schema version ${version}, this Feedferry knows ${known}.`;
  return storeError('STORE_NEWER', message, { input: db.shown });
}

async function readModeDocument(db: Connection, name: string): Promise<ModeDocument> {
  const found = await db.patiently(() => db.control.findOne<ModeDocument>({ _id: modeId(name) }));
  if (!found) throw goneError(db.shown);
  return found;
}
