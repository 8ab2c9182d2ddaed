/** Whether a database may be written: one document each in `control`, made with the schema. */
import { randomUUID } from 'node:crypto';
import type { Mode } from '../contract.ts';
import { storeError } from '../errors.ts';
import type { Connection, ControlDocument } from './connection.ts';
import { goneError } from './failures.ts';
import type { SlotsContext } from './slots.ts';

interface ModeDocument extends ControlDocument {
  readonly mode: Mode;
  /** Writers that know another schema version may not open: an upgrade raises it before it begins. */
  readonly schema: number;
  /** Of a change of mode whose writers are not all fenced yet. */
  readonly unfenced?: string;
}

/** In these a writer can be opened. */
export type WritableMode = Exclude<Mode, 'read-only'>;

export function modeId(name: string): string {
  return `mode/${name}`;
}

export async function readMode({ db, name }: Pick<SlotsContext, 'db' | 'name'>): Promise<Mode> {
  return (await readModeDocument(db, name)).mode;
}

/**
 * Sets the mode, and `fence`s whoever may still write by the one before. Nothing happens where that mode was set and
 * fenced already; a change that died before it had fenced everybody is carried on by the next one.
 */
export async function changeMode({ db, name }: SlotsContext, mode: Mode, fence: () => Promise<void>): Promise<void> {
  const unfenced = randomUUID();
  const filter = { _id: modeId(name), $or: [{ mode: { $ne: mode } }, { unfenced: { $exists: true } }] };
  const { matchedCount } = await db.patiently(() => db.control.updateOne(filter, { $set: { mode, unfenced } }));
  if (matchedCount === 0) {
    await readModeDocument(db, name);
    return;
  }
  await fence();
  // Not where another change came in between: it fences by itself.
  await db.patiently(() => db.control.updateOne({ _id: modeId(name), unfenced }, { $unset: { unfenced: '' } }));
}

/**
 * Throws where writers may not open: DATABASE_READ_ONLY, STORE_NEWER. It is a write, as a read may be answered by a
 * primary that was replaced without knowing: whoever sets the mode after this finds the slots that were leased before.
 */
export async function confirmWritable({ db, name, schemaVersion }: SlotsContext): Promise<WritableMode> {
  const filter = { _id: modeId(name), mode: { $in: ['read-write', 'replica'] }, schema: schemaVersion };
  const confirmed = await db.patiently(() =>
    db.control.findOneAndUpdate(filter, { $inc: { confirmed: 1 } }, { returnDocument: 'after' }),
  );
  if (confirmed) return confirmed.mode;
  const { mode, schema } = await readModeDocument(db, name);
  if (mode !== 'read-only' && schema !== schemaVersion) throw newerError(db, schema, schemaVersion);
  throw readOnlyError(db, name, mode);
}

export function readOnlyError(db: Connection, name: string, mode: Mode): Error {
  const how = mode === 'replica' ? 'a replica, which only takes documents of other sites' : 'read-only';
  return storeError('DATABASE_READ_ONLY', `The database ${name} of ${db.shown} is ${how}.`, { input: name });
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
