/**
 * Slots: the right to number writes of one database, one document each in `control` (DESIGN section 4, points 1 to 3).
 * Every change of such a document is a compare-and-set, and does no harm when it is repeated.
 *
 *     free -> leased   a writer leases it: epoch + 1
 *     leased -> free   its writer gave it back, all its numbers resolved
 *     leased -> taking a takeover began: epoch + 1, the writer can't publish any more
 *     taking -> free   every number that the writer may have used is filled, and `stable` lies above them
 */
import { randomUUID } from 'node:crypto';
import type { SlotState } from '../contract.ts';
import type { DatabaseName } from '../documents.ts';
import { shutOutError, storeError } from '../errors.ts';
import { endOfPrefix } from '../id-order.ts';
import { isShut, kindOf, shutOutNote } from '../shut-out.ts';
import { sendBulk } from './bulk.ts';
import { type Connection, type ControlDocument, nextPause, pause } from './connection.ts';
import { readNote } from './control.ts';
import { isDuplicateKey } from './failures.ts';
import { confirmWritable, type WritableMode } from './modes.ts';
import { filler, type StoredDocument } from './stored-document.ts';

/** How far beyond `stable` a writer may number: what a takeover has to fill. */
export const WINDOW = 256;
/** Of a writer that loads a lot at once. */
export const BULK_WINDOW = 4096;

/** A lease whose writer gave no sign for so long, by the server's clock, is taken over. */
export const LEASE_MS_MAX = 60_000;

const SLOTS_MAX = 1024;
const LEASE_TRIES_MAX = 100;

export interface SlotDocument extends ControlDocument {
  readonly slot: number;
  readonly epoch: number;
  readonly stable: number;
  readonly window: number;
  readonly state: 'free' | 'leased' | 'taking';
  readonly owner: string;
  /** Of this lease alone, so that a writer knows its own after a lost acknowledgement. */
  readonly token: string;
  readonly heartbeat: Date;
}

export interface SlotsContext {
  readonly db: Connection;
  readonly name: DatabaseName;
  readonly schemaVersion: number;
}

export async function listSlots({ db, name }: SlotsContext): Promise<SlotDocument[]> {
  const prefix = slotId(name, '');
  const found = await db.patiently(() =>
    db.control.find<SlotDocument>({ _id: { $gte: prefix, $lt: endOfPrefix(prefix) ?? '' } }).toArray(),
  );
  return found.toSorted((a, b) => a.slot - b.slot);
}

export async function readSlot({ db, name }: SlotsContext, slot: number): Promise<SlotDocument | null> {
  return await db.patiently(() => db.control.findOne<SlotDocument>({ _id: slotId(name, slot) }));
}

export function stateOf({ slot, epoch, stable, window, state, owner }: SlotDocument): SlotState {
  return { slot, epoch, stable, window, owner: state === 'leased' ? owner : '' };
}

export interface Lease {
  readonly slot: SlotDocument;
  /** What it was leased in: any change of mode ends it. */
  readonly mode: WritableMode;
}

/**
 * A free slot, after those of the dead were taken over, or else a new one. Throws DATABASE_READ_ONLY, WRITER_SHUT_OUT,
 * STORE_NEWER.
 */
export async function leaseSlot(context: SlotsContext, owner: string, window: number): Promise<Lease> {
  await confirmWritable(context);
  await checkShutOut(context, owner);
  await takeOverTheDead(context);
  for (let tries = 0; tries < LEASE_TRIES_MAX; tries += 1) {
    const slots = await listSlots(context);
    const free = slots.find(({ state }) => state === 'free');
    const wanted = { owner, window, token: randomUUID() };
    const leased = await (free ? leaseFree(context, free, wanted) : leaseNew(context, slots, wanted));
    if (!leased) continue;
    // The mode may have changed after it was read, and this slot been leased after those to fence were listed. Whoever
    // shuts a kind of writers out later than this lease finds it.
    try {
      await checkShutOut(context, owner);
      return { slot: leased, mode: await confirmWritable(context) };
    } catch (error) {
      await release(context, leased, leased.stable);
      throw error;
    }
  }
  const message = `Other writers leased every free slot of ${context.name} in ${context.db.shown} first.`;
  throw storeError('STORE_LOCKED', message, { input: context.db.shown, retryable: true });
}

/** Throws WRITER_SHUT_OUT where a writer of this owner may not open. */
export async function checkShutOut({ db, name }: SlotsContext, owner: string): Promise<void> {
  const kind = kindOf(owner);
  if (kind === null) return;
  if (isShut(await readNote(db, shutOutNote(kind)))) throw shutOutError(name, db.shown, owner);
}

type Wanted = Pick<SlotDocument, 'owner' | 'window' | 'token'>;

async function leaseFree({ db }: SlotsContext, free: SlotDocument, wanted: Wanted): Promise<SlotDocument | null> {
  const { _id, epoch } = free;
  const { token } = wanted;
  return await db.patiently(async () => {
    const leased = await db.control.findOneAndUpdate(
      { _id, epoch, state: 'free' },
      { $set: { ...wanted, state: 'leased', epoch: epoch + 1 }, $currentDate: { heartbeat: true } },
      { returnDocument: 'after' },
    );
    return (leased ?? (await db.control.findOne({ _id, token }))) as SlotDocument | null;
  });
}

async function leaseNew(
  context: SlotsContext,
  slots: readonly SlotDocument[],
  wanted: Wanted,
): Promise<SlotDocument | null> {
  const { db, name } = context;
  const slot = (slots.at(-1)?.slot ?? 0) + 1;
  if (slot > SLOTS_MAX) {
    const message = `All ${SLOTS_MAX} slots of ${name} in ${db.shown} are in use.`;
    throw storeError('STORE_LOCKED', message, { input: db.shown, retryable: true });
  }
  const { token } = wanted;
  const lease = { slot, epoch: 1, stable: 0, state: 'leased', ...wanted } as const;
  const document = { _id: slotId(name, slot), ...lease, heartbeat: await db.serverTime() };
  return await db.patiently(async () => {
    try {
      await db.control.insertOne(document);
      return document;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return (await db.control.findOne({ _id: document._id, token })) ? document : null;
    }
  });
}

/**
 * Stores `stable`, and shows that the writer lives. False: the slot is not this writer's any more. An earlier attempt
 * that comes late can't take `stable` back.
 */
export async function publish({ db }: SlotsContext, lease: SlotDocument, stable: number): Promise<boolean> {
  const { _id, epoch } = lease;
  const { matchedCount } = await db.patiently(() =>
    db.control.updateOne(
      { _id, epoch, state: 'leased', stable: { $lte: stable } },
      { $set: { stable }, $currentDate: { heartbeat: true } },
    ),
  );
  return matchedCount === 1;
}

/** Gives the slot back. Only with every number up to `stable` resolved and none beyond it taken. */
export async function release({ db }: SlotsContext, lease: SlotDocument, stable: number): Promise<void> {
  const { _id, epoch } = lease;
  await db.patiently(() =>
    db.control.updateOne({ _id, epoch, state: 'leased' }, { $set: { state: 'free', owner: '', stable } }),
  );
}

/** Those that gave no sign of life for too long, whether writers or takeovers. */
export async function takeOverTheDead(context: SlotsContext): Promise<void> {
  const slots = (await listSlots(context)).filter(({ state }) => state !== 'free');
  if (slots.length === 0) return;
  const alive = (await context.db.serverTime()).getTime() - LEASE_MS_MAX;
  for (const { slot, heartbeat, epoch } of slots) if (heartbeat.getTime() < alive) await takeOver(context, slot, epoch);
}

/**
 * Fences whoever writes in this slot. Two that do so at once, and one that goes on where another died, do no harm: the
 * numbers to fill stand in the document until they are filled. `ifEpoch`: only that lease, not a later one.
 */
export async function takeOver(context: SlotsContext, slot: number, ifEpoch?: number): Promise<SlotState> {
  for (let tries = 0; tries < LEASE_TRIES_MAX; tries += 1) {
    const there = await readSlot(context, slot);
    if (!there) return { slot, epoch: 0, stable: 0, window: WINDOW, owner: '' };
    if (there.state === 'free' || (ifEpoch !== undefined && there.epoch !== ifEpoch)) return stateOf(there);
    const taken = there.state === 'taking' ? there : await revoke(context, there);
    if (taken) return await finishTakeover(context, taken);
  }
  throw changingHands(context, `The slot ${slot}`);
}

function changingHands({ db, name }: SlotsContext, what: string): Error {
  const message = `${what} of ${name} in ${db.shown} changed hands in all of ${LEASE_TRIES_MAX} attempts.`;
  return storeError('STORE_LOCKED', message, { input: db.shown, retryable: true });
}

/**
 * Fences all writers of this kind, and ends takeovers that others began. Those that open meanwhile see the note, after
 * their lease if not before. Returns the slots as they were.
 */
export async function shutOut(context: SlotsContext, kind: string): Promise<SlotState[]> {
  const fenced: SlotState[] = [];
  for (let tries = 0; tries < LEASE_TRIES_MAX; tries += 1) {
    const held = (await listSlots(context)).filter(
      ({ state, owner }) => state === 'taking' || (state === 'leased' && kindOf(owner) === kind),
    );
    if (held.length === 0) return fenced;
    for (const { slot, epoch } of held) await takeOver(context, slot, epoch);
    fenced.push(...held.filter(({ state }) => state === 'leased').map(stateOf));
  }
  throw changingHands(context, 'Slots');
}

/** From here on its writer can't publish, and `stable` stands. Null: somebody else changed the slot. */
async function revoke({ db }: SlotsContext, { _id, epoch }: SlotDocument): Promise<SlotDocument | null> {
  const change = { $set: { state: 'taking', owner: '', epoch: epoch + 1 }, $currentDate: { heartbeat: true } } as const;
  const filter = { _id, epoch, state: 'leased' };
  const taken = await db.patiently(() => db.control.findOneAndUpdate(filter, change, { returnDocument: 'after' }));
  return taken as SlotDocument | null;
}

async function finishTakeover(context: SlotsContext, taken: SlotDocument): Promise<SlotState> {
  const { db, name } = context;
  const { _id, slot, stable, window } = taken;
  const numbers = Array.from({ length: window }, (_, i) => stable + 1 + i);
  await fill(db, name, slot, numbers);
  const filled = stable + window;
  // Whoever finds another state or another `stable` was second: the same numbers were filled, and it is free.
  await db.patiently(() =>
    db.control.updateOne({ _id, state: 'taking', stable }, { $set: { state: 'free', stable: filled } }),
  );
  return { slot, epoch: taken.epoch, stable: filled, window, owner: '' };
}

/**
 * Makes sure that something stands at each of these numbers, so that no write which is under way can land there:
 * the write itself, or a filler.
 */
export async function fill(
  db: Connection,
  name: DatabaseName,
  slot: number,
  numbers: readonly number[],
  waitMsMax = db.waitMsMax,
): Promise<void> {
  const until = performance.now() + waitMsMax;
  let open = numbers;
  for (let pauseMs = nextPause(1); open.length > 0; pauseMs = nextPause(pauseMs)) {
    const operations = open.map((n) => ({ insertOne: { document: filler(slot, n) as StoredDocument } }));
    db.checkOpen();
    const sent = await sendBulk(db.documents(name), operations, db.shown);
    const failed = sent.filter((one) => one.is === 'refused' || one.is === 'unclear');
    open = open.filter((_, i) => sent[i]?.is === 'refused' || sent[i]?.is === 'unclear');
    const [first] = failed;
    if (!first) return;
    const isHopeless = failed.some((one) => one.is === 'refused' && !one.isPassing);
    if (isHopeless || performance.now() + pauseMs > until) throw db.asStoreError(first.error);
    await pause(pauseMs);
  }
}

export function slotId(name: DatabaseName, slot: number | ''): string {
  return `slot/${name}/${slot}`;
}
