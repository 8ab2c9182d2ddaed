import type { Writer } from '../store/contract.ts';
import type { DatabaseName } from '../store/documents.ts';
import { type Admission, decideAdmission } from './admission.ts';
import { type Checkpoint, checkpointFrom } from './checkpoint.ts';
import { replicatorError } from './errors.ts';
import type { ReplicatedStore } from './replicated-store.ts';
import { ROLE_NOTE, type SiteRole } from './role.ts';
import type { Runtime } from './runtime.ts';
import type { Hello } from './target.ts';

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
  readonly isEditable: boolean;
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
    if (wished.kind === 'become') await become(store, hello, before, wished.role, runtime);
    const writers = await openWriters(store, hello, before.isEmpty);
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
  const { role, isEmpty, isEditable } = seen;
  const decision = decideAdmission(hello, { site: store.site, role, isEmpty, isEditable, knowsSource });
  if (decision.kind === 'refuse') throw replicatorError(decision.code, decision.message, { input: store.url });
  return decision;
}

async function look(store: ReplicatedStore, { site, databases }: Hello): Promise<Seen> {
  const note = await store.control.get(ROLE_NOTE);
  const checkpoints: Partial<Record<DatabaseName, Checkpoint | null>> = {};
  let isEmpty = true;
  let isEditable = false;
  for (const name of databases) {
    const kept = await store.control.get(checkpointFrom(site, name));
    checkpoints[name] = (kept?.value as Checkpoint | undefined) ?? null;
    isEmpty &&= await isEmptyDatabase(store, name);
    isEditable ||= (await store.database(name).mode()) === 'read-write';
  }
  return { role: (note?.value as SiteRole | undefined) ?? null, rev: note?.rev ?? 0, isEmpty, isEditable, checkpoints };
}

/** Tombstones count: deletions are documents, too. */
async function isEmptyDatabase(store: ReplicatedStore, name: DatabaseName): Promise<boolean> {
  const { changes } = store.database(name);
  for (const { slot, stable } of await changes.slots()) {
    if (stable > 0 && (await changes.read(slot, 0, 1)).docs.length > 0) return false;
  }
  return true;
}

/** The role first, by compare-and-set; then the modes, which fence whoever wrote there until now. */
async function become(
  store: ReplicatedStore,
  { databases }: Hello,
  { rev }: Seen,
  role: Omit<SiteRole, 'since'>,
  runtime: Runtime,
): Promise<void> {
  const value: SiteRole = { ...role, since: runtime.clock() };
  if ((await store.control.put(ROLE_NOTE, value, rev)) === null) return;
  for (const name of databases) {
    const database = store.database(name);
    const mode = await database.mode();
    if (mode === 'replica') continue;
    await database.setMode('replica');
    await undoIfPromoted(store, name);
  }
}

/** A promotion that came in between has set its modes already; this one must not be the last word. */
async function undoIfPromoted(store: ReplicatedStore, name: DatabaseName): Promise<void> {
  const role = (await store.control.get(ROLE_NOTE))?.value as SiteRole | undefined;
  if (role?.role === 'primary') await store.database(name).setMode('read-write');
}

async function openWriters(store: ReplicatedStore, hello: Hello, isEmpty: boolean): Promise<Writers> {
  const isLoad = isEmpty && hello.docsToDo >= LOAD_DOCS_MIN;
  const writers = new Map<DatabaseName, Writer<unknown>>();
  try {
    for (const name of hello.databases) {
      const database = store.database(name);
      if (isLoad) await database.setIndexes('deferred');
      const owner = `replication from ${hello.site}`;
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
