/** Who is the primary: raising a site to it, and taking it down. Each can be killed anywhere and run again. */
import type { SiteId } from '../../store/contract.ts';
import { DATABASE_NAMES } from '../../store/documents.ts';
import { replicatorError } from '../errors.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import { FIRST_ROLE, ROLE_NOTE, readRole, type SiteRole } from '../role.ts';
import type { Runtime } from '../runtime.ts';
import { FENCED_NOTE, type Fenced } from './fence-source.ts';

/** A role that others change so often is somebody else's doing. */
const TRIES_MAX = 5;

export interface PromoteOptions {
  readonly runtime: Runtime;
  /** To be above a primary that this site never heard of. Default: one above the primary that it followed. */
  readonly epoch?: number;
}

export interface Promotion {
  readonly site: SiteId;
  readonly was: SiteRole;
  readonly epoch: number;
  /** It was the primary already, and let edits into all databases. */
  readonly isAlready: boolean;
}

/**
 * Makes this site the primary. The role with its higher epoch is written first, and then every database is opened to
 * edits, which fences whoever wrote until then: a sender of the old primary that was admitted before is fenced, and one
 * that comes later is refused. Throws PROMOTE_FENCED, PROMOTE_EPOCH_LOW, REPLICATION_STUCK and the codes of the store.
 */
export async function promote(store: ReplicatedStore, { runtime, epoch: wished }: PromoteOptions): Promise<Promotion> {
  const fenced = (await store.control.get(FENCED_NOTE))?.value as Fenced | undefined;
  const { was, epoch } = await changeRole(store, (role) => {
    const epoch = epochFor(store, role, fenced, wished);
    if (role.role === 'primary' && role.epoch === epoch) return null;
    const only = role.only && { only: role.only };
    return { role: 'primary', epoch, primary: null, ...only, unfinished: true, since: runtime.clock() };
  });
  const isNew = was.role !== 'primary' || was.epoch !== epoch;
  let isAlready = !isNew;
  for (const name of DATABASE_NAMES) {
    const database = store.database(name);
    const wasOpen = (await database.mode()) === 'read-write';
    // Senders of the old primary are fenced before edits are let in: one that met an edit it has not seen would take its
    // own version for delivered.
    if (!wasOpen) {
      isAlready = false;
      await database.setMode('read-only');
    }
    // Even if it is open: a promotion that was killed may have set the mode, and not yet fenced everybody.
    await database.setMode('read-write');
    if (wasOpen && (isNew || was.unfinished || wished !== undefined)) {
      // The mode did not change, so that fenced nobody: senders of another primary may be among the writers.
      for (const { slot } of await database.changes.slots()) await database.changes.takeOver(slot);
    }
  }
  if (fenced !== undefined) await store.control.delete(FENCED_NOTE);
  await changeRole(store, ({ unfinished, ...role }) => {
    return unfinished && role.role === 'primary' && role.epoch === epoch ? role : null;
  });
  return { site: store.site, was, epoch, isAlready };
}

function epochFor(
  store: ReplicatedStore,
  role: SiteRole,
  fenced: Fenced | undefined,
  wished: number | undefined,
): number {
  if (wished === undefined) {
    if (role.role === 'replica') return role.epoch + 1;
    if (fenced === undefined) return role.epoch;
    const message = `The site ${store.site} was fenced, as there is a newer primary: ${fenced.why}`;
    throw replicatorError('PROMOTE_FENCED', message, { input: store.url });
  }
  const least = role.role === 'primary' && role.epoch > 0 ? role.epoch : role.epoch + 1;
  if (Number.isSafeInteger(wished) && wished >= least) return wished;
  const message = `The epoch ${wished} is not above the one of the site ${store.site}, ${role.epoch}.`;
  throw replicatorError('PROMOTE_EPOCH_LOW', message, { input: String(wished) });
}

export interface Demotion {
  readonly site: SiteId;
  readonly was: SiteRole;
  /** It was no primary. */
  readonly isAlready: boolean;
}

/**
 * Takes a primary down, for a planned change: no edit gets in any more, and what was written goes on to be replicated.
 * It follows whichever primary sends to it next. Throws REPLICATION_STUCK and the codes of the store.
 */
export async function demote(store: ReplicatedStore, { runtime }: { readonly runtime: Runtime }): Promise<Demotion> {
  if ((await readRole(store.control)).role === 'primary') await fenceAll(store);
  const { was } = await changeRole(store, (role) => {
    if (role.role === 'replica') return null;
    return { role: 'replica', epoch: role.epoch, primary: null, wrote: true, since: runtime.clock() };
  });
  return { site: store.site, was, isAlready: was.role === 'replica' };
}

/** Nothing is written any more when this returns, by anybody who writes now or wakes up later. */
export async function fenceAll(store: ReplicatedStore): Promise<void> {
  for (const name of DATABASE_NAMES) await store.database(name).setMode('read-only');
}

/** `change` returns null where the role is to stay. */
export async function changeRole(
  store: ReplicatedStore,
  change: (role: SiteRole) => SiteRole | null,
): Promise<{ readonly was: SiteRole; readonly epoch: number }> {
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const note = await store.control.get(ROLE_NOTE);
    const was = (note?.value as SiteRole | undefined) ?? FIRST_ROLE;
    const role = change(was);
    if (role === null) return { was, epoch: was.epoch };
    if ((await store.control.put(ROLE_NOTE, role, note?.rev ?? 0)) !== null) return { was, epoch: role.epoch };
  }
  const message = `Others keep changing the role of the site ${store.site}.`;
  throw replicatorError('REPLICATION_STUCK', message, { input: store.url, retryable: true });
}
