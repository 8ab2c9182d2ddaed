/**
 * Brings numbered writes to an end that is sure, each of them: DESIGN section 4, points 1 and 3.
 *
 * An attempt that the server answered is over. One whose answer was lost may have landed, or be waiting in a socket, a
 * queue or a paused server and land later; it is repeated with the same number until an answer tells:
 * - It landed again: then the earlier one had not, and meets its own `_id` or its own number if it ever comes.
 * - It met a duplicate: what stands at its number tells whether the earlier one landed, or a takeover was here.
 * - No answer in time: a filler at its number keeps it from landing, or shows that it did.
 *
 * The number of a write that was dropped, as another version was there, needs no filler. Each attempt was answered, and
 * nothing but the writer sends it again (the driver's own retries are off). And were one left on its way, it could not
 * land: it inserts an id that is there, or replaces a version that is not there any more, and versions only grow, or
 * what stood at a place where it does not stand any more.
 */
import type { Collection } from 'mongodb';
import type { Version } from '../contract.ts';
import type { DatabaseName } from '../documents.ts';
import { storeError } from '../errors.ts';
import type { Faults } from '../faults.ts';
import { type Operation, type Sent, sendBulk } from './bulk.ts';
import { type Connection, nextPause, pause } from './connection.ts';
import { mayPass } from './failures.ts';
import { fill } from './slots.ts';
import type { StoredDocument } from './stored-document.ts';

/** How long a hole is being fenced, after the write itself was given up. */
const FENCE_MS_MAX = 2_000;

/**
 * - `landed`.
 * - `missed`: never will land; another version was there.
 * - `superseded`: a newer version is there, and an answer was lost: it landed and was replaced, or never landed.
 * - `failed`: never will land; `error` tells why.
 * - `fenced`: another process took the slot over.
 * - `unresolved`: nobody can say, and it is not fenced either.
 */
export type Fate = 'landed' | 'missed' | 'superseded' | 'failed' | 'fenced' | 'unresolved';

/** Where a document stands; no other ever stands there. */
export interface Place {
  readonly slot: number;
  readonly n: number;
}

export interface Landing {
  readonly id: string;
  readonly ver: Version;
  readonly n: number;
  /** The version that it replaces; null: it inserts; `older`: any that is older; a place: what stands just there. */
  readonly replaces: Version | null | 'older' | Place;
  readonly operation: Operation;
  fate: Fate | undefined;
  /** Of the last attempt that came to nothing. */
  error: unknown;
  /** The answer to an earlier attempt was lost. */
  isHazy: boolean;
}

export interface LandingContext {
  readonly db: Connection;
  readonly name: DatabaseName;
  readonly slot: number;
  readonly faults: Faults | undefined;
}

/** One command's worth of operations of one kind. Sets the fate of each. Throws what a fault before the write throws. */
export async function land(context: LandingContext, landings: readonly Landing[]): Promise<void> {
  const { db, faults } = context;
  if (faults) {
    const { name: database, slot } = context;
    await Promise.all(landings.map(({ n }) => faults.at('numbered', { database, slot, n })));
  }
  const until = performance.now() + db.waitMsMax;
  let open = landings;
  for (let pauseMs = nextPause(1); ; pauseMs = nextPause(pauseMs)) {
    await attempt(context, open, until);
    open = open.filter(({ fate }) => fate === undefined);
    if (open.length === 0) return;
    if (db.isClosed || performance.now() + pauseMs > until || !open.some(({ error }) => mayPass(error))) break;
    await pause(pauseMs);
  }
  await giveUp(context, open);
}

async function attempt(context: LandingContext, open: readonly Landing[], until: number): Promise<void> {
  const { db } = context;
  const sent = await sendBulk(
    collectionOf(context),
    open.map(({ operation }) => operation),
    db.shown,
  );
  const toLookUp = open.filter((one, i) => judge(context, one, sent[i]));
  if (context.faults)
    await Promise.all(open.filter(({ fate }) => fate === 'landed').map((one) => acknowledge(context, one)));
  if (toLookUp.length > 0) await lookUp(context, toLookUp, Math.max(0, until - performance.now()));
}

/** Returns whether what is there must tell. */
function judge(context: LandingContext, one: Landing, sent: Sent | undefined): boolean {
  switch (sent?.is) {
    case 'landed':
      one.fate = 'landed';
      return false;
    case 'duplicate':
      if (one.isHazy || sent.index === undefined) return true;
      one.fate = sent.index === 'place' ? 'fenced' : 'missed';
      return false;
    case 'refused':
      one.error = context.db.asStoreError(sent.error);
      if (!sent.isPassing && !one.isHazy) one.fate = 'failed';
      return false;
    default:
      one.isHazy = true;
      one.error = context.db.asStoreError(sent?.error);
      return false;
  }
}

async function acknowledge({ faults, name, slot, db }: LandingContext, one: Landing): Promise<void> {
  try {
    await faults?.at('written', { database: name, slot, n: one.n });
  } catch (cause) {
    one.fate = undefined;
    one.isHazy = true;
    const message = `The answer of ${db.shown} was lost.`;
    one.error = storeError('STORE_UNREACHABLE', message, { input: db.shown, retryable: true, cause });
  }
}

/** For duplicates that may be the write itself. Leaves the fate open where it must be tried again. */
async function lookUp(context: LandingContext, landings: readonly Landing[], waitMsMax: number): Promise<void> {
  const { db, slot } = context;
  const collection = collectionOf(context);
  const projection = { ver: 1, n: 1, slot: 1 };
  const holders = new Map<number, StoredDocument>();
  const there = new Map<string, StoredDocument>();
  try {
    const numbers = landings.map(({ n }) => n);
    const ids = landings.map(({ id }) => id);
    const [atPlaces, withIds] = await db.patiently(
      () =>
        Promise.all([
          collection.find({ slot, n: { $in: numbers } }, { projection }).toArray(),
          collection.find({ _id: { $in: ids } }, { projection }).toArray(),
        ]),
      waitMsMax,
    );
    for (const doc of atPlaces) holders.set(doc.n, doc);
    for (const doc of withIds) there.set(doc._id, doc);
  } catch (error) {
    for (const one of landings) one.error = error;
    return;
  }
  for (const one of landings) {
    const fate = fateBy(one, holders.get(one.n), there.get(one.id));
    one.fate = fate;
    one.error = tryAgain(db);
  }
}

function fateBy(one: Landing, holder: StoredDocument | undefined, there: StoredDocument | undefined): Fate | undefined {
  if (holder) return holder._id === one.id && holder.ver === one.ver ? 'landed' : 'fenced';
  if (!there) return undefined;
  if (there.ver > one.ver) return one.isHazy ? 'superseded' : 'missed';
  // Elsewhere, so it is not this write, which leaves it alone unless it is to replace just this.
  if (there.ver === one.ver) return isAt(one.replaces, there) ? undefined : 'missed';
  return one.replaces === 'older' || one.replaces === there.ver ? undefined : 'missed';
}

function isAt(place: Landing['replaces'], { slot, n }: StoredDocument): boolean {
  return typeof place === 'object' && place !== null && place.slot === slot && place.n === n;
}

/** A number that is given up must be fenced, unless no attempt at it can be on its way. */
async function giveUp(context: LandingContext, open: readonly Landing[]): Promise<void> {
  for (const one of open) if (!one.isHazy) one.fate = 'failed';
  const hazy = open.filter(({ isHazy }) => isHazy);
  if (hazy.length === 0) return;
  const { db, name, slot } = context;
  const numbers = hazy.map(({ n }) => n);
  try {
    await fill(db, name, slot, numbers, FENCE_MS_MAX);
    const found = await db.patiently(
      () =>
        collectionOf(context)
          .find({ slot, n: { $in: numbers } }, { projection: { n: 1, ver: 1 } })
          .toArray(),
      FENCE_MS_MAX,
    );
    const holders = new Map(found.map((doc) => [doc.n, doc]));
    for (const one of hazy) {
      const holder = holders.get(one.n);
      // Nothing there: it landed and was replaced by a newer version before it could be read.
      if (!holder) one.fate = 'superseded';
      else one.fate = holder._id === one.id && holder.ver === one.ver ? 'landed' : 'failed';
    }
  } catch {
    for (const one of hazy) one.fate = 'unresolved';
  }
}

function collectionOf({ db, name }: LandingContext): Collection<StoredDocument> {
  return db.documents(name);
}

function tryAgain(db: Connection): Error {
  const message = `The store ${db.shown} did not say whether a write landed.`;
  return storeError('STORE_UNREACHABLE', message, { input: db.shown, retryable: true });
}
