import type { SiteId, Writer } from '../../store/contract.ts';
import { DATABASE_NAMES, type DatabaseName } from '../../store/documents.ts';
import { type Checkpoint, checkpointFrom, checkpointTo, readCheckpoint, resumeFrom } from '../checkpoint.ts';
import { replicatorError } from '../errors.ts';
import { isAnyAside } from '../notes.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import { ROLE_NOTE, readRoleNote, type SiteRole } from '../role.ts';
import type { Runtime } from '../runtime.ts';
import type { Hello } from '../target.ts';
import { positionIn } from '../vector.ts';
import { type Admission, decideAdmission, whileFencing } from './admission.ts';

/** A role that changes all the while is somebody else's doing. */
const TRIES_MAX = 5;

/** More documents to come: a store that is empty leaves out what only readers need until all are there. */
const LOAD_DOCS_MIN = 10_000;

export type Writers = ReadonlyMap<DatabaseName, Writer<unknown>>;

export interface Admitted {
  readonly writers: Writers;
  readonly role: SiteRole | null;
  readonly checkpoints: Readonly<Partial<Record<DatabaseName, Checkpoint | null>>>;
}

interface Seen {
  readonly role: SiteRole | null;
  readonly rev: number;
  readonly isEmpty: boolean;
  readonly isUntouched: boolean;
  /** Databases that are no replica's yet: that let local edits in, or did until the site was taken down. */
  readonly untaken: readonly DatabaseName[];
  readonly hasUnseen: boolean;
  readonly checkpoints: Readonly<Partial<Record<DatabaseName, Checkpoint | null>>>;
}

/**
 * Admits a sender to a store, or throws why not: REPLICATION_*, DATABASE_READ_ONLY and the codes of the store.
 *
 * Writers are opened first, and the role is read after. A promotion writes the role first, and fences all writers after:
 * whichever comes first, a sender of the old primary is either refused here, or fenced before the promotion is done.
 */
export async function admit(store: ReplicatedStore, hello: Hello, runtime: Runtime): Promise<Admitted> {
  for (let tries = 1; ; tries += 1) {
    const before = await look(store, hello);
    const wished = decide(store, hello, before);
    const taken = wished.kind === 'become' ? await become(store, hello, before, wished.role, runtime) : null;
    if (hello.direction === 'one-way') await fenceOthers(store, hello);
    if (taken !== null && taken.doubtful.length > 0 && (await isProven(store, hello, taken.doubtful))) {
      await store.control.put(ROLE_NOTE, taken.role, taken.rev);
    }
    const isEmpty = before.isEmpty && (await areEmpty(store, hello.databases));
    const writers = await openWriters(store, hello, isEmpty);
    try {
      const after = await look(store, hello);
      const decision = decide(store, hello, after);
      if (decision.kind === 'admit') return { writers, role: after.role, checkpoints: after.checkpoints };
      if (tries === TRIES_MAX) {
        const message = `The role of ${store.site} keeps changing.`;
        throw replicatorError('REPLICATION_REFUSED', message, { input: store.url, retryable: true });
      }
      await closeAll(writers);
    } catch (error) {
      await closeAll(writers);
      throw error;
    }
  }
}

function decide(store: ReplicatedStore, hello: Hello, seen: Seen): Exclude<Admission, { kind: 'refuse' }> {
  const knowsSource = Object.values(seen.checkpoints).some((checkpoint) => checkpoint !== null);
  const decision = decideAdmission(hello, { ...seen, site: store.site, knowsSource });
  if (decision.kind === 'refuse') throw replicatorError(decision.code, decision.message, { input: store.url });
  return decision;
}

async function look(store: ReplicatedStore, hello: Hello): Promise<Seen> {
  const { site, databases } = hello;
  const note = await store.control.get(ROLE_NOTE);
  const checkpoints: Partial<Record<DatabaseName, Checkpoint | null>> = {};
  const role = (note?.value as SiteRole | undefined) ?? null;
  const untaken: DatabaseName[] = [];
  for (const name of databases) {
    checkpoints[name] = await readCheckpoint(store.control, checkpointFrom(site, name));
    const isTaken = (await store.database(name).mode()) === 'replica' && role?.doubtful?.includes(name) !== true;
    if (!isTaken) untaken.push(name);
  }
  const isEmpty = await areEmpty(store, databases);
  const isUntouched = isEmpty && (await areEmpty(store, DATABASE_NAMES));
  // The primary that it came back to was handed everything. Another one, even a newer one, need not have got it.
  const isStranger = role?.role === 'replica' && (role.primary === null || (role.wrote && role.primary !== site));
  // What a source acknowledged that had other senders, too, may have been older than a version that never was merged.
  const hasOld = isStranger === true && !isEmpty && !(await hasAll(store, hello, databases));
  // A replica of some databases goes on writing the others, or has written them before it was taken down.
  const hasUnseen = hasOld || (role?.role === 'replica' && !(await isProven(store, hello, untaken)));
  return { role, rev: note?.rev ?? 0, isEmpty, isUntouched, untaken, hasUnseen, checkpoints };
}

/** Whether nothing is in these databases that the source has not seen. */
async function isProven(store: ReplicatedStore, hello: Hello, databases: readonly DatabaseName[]): Promise<boolean> {
  return (await areEmpty(store, databases)) || (await hasAll(store, hello, databases));
}

/**
 * Whether the other site, which heard of nobody else, has everything that is here, as the notes of both say: it may have
 * lost with power, or to an older copy, what it once acknowledged, or have refused some of it.
 */
async function hasAll(
  store: ReplicatedStore,
  { site, only, fromOnly }: Hello,
  databases: readonly DatabaseName[],
): Promise<boolean> {
  if (only !== store.site) return false;
  for (const name of databases) {
    if (await isAnyAside(store.control, name)) return false;
    const here = await readCheckpoint(store.control, checkpointTo(site, name));
    const { changes } = store.database(name);
    const vector = resumeFrom(fromOnly?.[name] ?? null, here) ?? {};
    for (const { slot, stable } of await changes.slots()) {
      const after = positionIn(vector, slot);
      // Past the checkpoint there may be only numbers that were given up.
      if (stable > after && (await changes.read(slot, after, 1)).docs.length > 0) return false;
    }
  }
  return true;
}

/** Tombstones count: deletions are documents, too. So does what has landed and is not published yet. */
async function areEmpty(store: ReplicatedStore, databases: readonly DatabaseName[]): Promise<boolean> {
  for (const name of databases) {
    if ((await store.database(name).digests({ limit: 1 })).digests.length > 0) return false;
  }
  return true;
}

interface Taken {
  readonly role: SiteRole;
  /** Of the role that it has. */
  readonly rev: number;
  /** It gets `role` only if these hold nothing of their own still, now that nobody writes there. */
  readonly doubtful: readonly DatabaseName[];
}

/**
 * The role first, by compare-and-set; then the modes, which fence whoever wrote there until now. Where it matters that
 * databases are empty, the role says at first that this is in doubt. Null: somebody else changed the role.
 */
async function become(
  store: ReplicatedStore,
  { databases, adopt }: Hello,
  before: Seen,
  wished: Omit<SiteRole, 'since'>,
  runtime: Runtime,
): Promise<Taken | null> {
  const role: SiteRole = { ...wished, since: runtime.clock() };
  const untaken = adopt && !before.isEmpty ? [] : before.untaken;
  const doubtful = before.isEmpty ? databases : untaken;
  const first = doubtful.length > 0 ? whileFencing(role, before.role, untaken) : role;
  const rev = await store.control.put(ROLE_NOTE, first, before.rev);
  if (rev === null) return null;
  for (const name of databases) {
    const database = store.database(name);
    const mode = await database.mode();
    if (mode === 'replica') continue;
    await database.setMode('replica');
    await undoIfPromoted(store, name);
  }
  return { role, rev, doubtful };
}

/** A promotion that came in between has set its modes already; this one must not be the last word. */
async function undoIfPromoted(store: ReplicatedStore, name: DatabaseName): Promise<void> {
  const role = await readRoleNote(store.control);
  if (role?.role === 'primary') await store.database(name).setMode('read-write');
}

/**
 * A replica has one primary: a sender of another one that was let in before must not go on, even where neither the mode
 * changes nor that sender hears of it. Sessions of the same source don't disturb each other.
 */
async function fenceOthers(store: ReplicatedStore, { site, databases }: Hello): Promise<void> {
  for (const name of databases) {
    const { changes } = store.database(name);
    for (const { slot, owner } of await changes.slots()) {
      const isForeign = owner.split(', ').some((one) => one !== '' && one !== ownerFor(site));
      if (isForeign) await changes.takeOver(slot);
    }
  }
}

function ownerFor(source: SiteId): string {
  return `replication from ${source}`;
}

async function openWriters(store: ReplicatedStore, hello: Hello, isEmpty: boolean): Promise<Writers> {
  const isLoad = hello.docsToDo >= LOAD_DOCS_MIN;
  const writers = new Map<DatabaseName, Writer<unknown>>();
  try {
    for (const name of hello.databases) {
      const database = store.database(name);
      if (isEmpty && isLoad) await database.setIndexes('deferred');
      const owner = ownerFor(hello.site);
      writers.set(name, await database.openWriter({ owner, durability: 'lazy', bulk: isLoad }));
    }
    return writers;
  } catch (error) {
    await closeAll(writers);
    throw error;
  }
}

export async function closeAll(writers: Writers): Promise<void> {
  await Promise.allSettled([...writers.values()].map((writer) => writer.close()));
}
