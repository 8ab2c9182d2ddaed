import type { SiteId } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import type { ReplicatorErrorCode } from '../errors.ts';
import type { SiteRole } from '../role.ts';
import type { Hello } from '../target.ts';

/** What a store knows of itself when a sender asks to be admitted. */
export interface Applicant {
  readonly site: SiteId;
  /** Null: it never was part of anything. */
  readonly role: SiteRole | null;
  /** Of the databases that the sender wants to send: whether all are empty. */
  readonly isEmpty: boolean;
  /** Whether all databases are empty. */
  readonly isUntouched: boolean;
  /** Of the databases that the sender wants to send: those that are no replica's yet, for all that is known. */
  readonly untaken: readonly DatabaseName[];
  /** Whether it keeps a checkpoint of this source. */
  readonly knowsSource: boolean;
  /**
   * It was a primary once, has not come back to this source, and has not brought it all that it holds either; or it is a
   * replica of other databases yet, and that holds for those that the sender wants to send.
   */
  readonly hasUnseen: boolean;
}

export type Admission =
  | { readonly kind: 'refuse'; readonly code: ReplicatorErrorCode; readonly message: string }
  /** The store takes on this role first, and its databases the mode of a replica. */
  | { readonly kind: 'become'; readonly role: Omit<SiteRole, 'since'> }
  | { readonly kind: 'admit' };

/** Whether a store takes this sender's documents (docs/replication.md has the rules as a table). No I/O. */
export function decideAdmission(hello: Hello, store: Applicant): Admission {
  const decision = decideFor(hello, store);
  const { role, untaken } = store;
  const isIts = role?.role === 'replica' && role.primary === hello.site && untaken.length === 0;
  if (decision.kind !== 'become' || hello.isRepair !== true || isIts) return decision;
  const message = `The destination ${store.site} is no replica of the source ${hello.site}, or not of all of ${hello.databases.join(', ')}, and a repair makes none of it: replicate these first, or name others with \`--databases\`.`;
  return refuse('REPLICATION_REFUSED', message);
}

function decideFor(hello: Hello, store: Applicant): Admission {
  const role = store.role ?? { role: 'primary', epoch: 0, primary: null };
  if (hello.site === store.site) {
    return refuse('REPLICATION_SAME_SITE', `Source and destination are the same site, ${store.site}.`);
  }
  if (hello.epoch < role.epoch) {
    const message = `The source ${hello.site} has epoch ${hello.epoch}, and the destination knows a newer primary, of epoch ${role.epoch}.`;
    return refuse('REPLICATION_EPOCH_OLDER', message);
  }
  if (hello.direction === 'two-way') {
    if (role.role === 'primary') return { kind: 'admit' };
    const message = `The destination ${store.site} is a replica of ${role.primary ?? 'another site'}: two-way wants a primary.`;
    return refuse('REPLICATION_REFUSED', message);
  }
  return role.role === 'replica' ? asReplica(hello, store, role) : asPrimary(hello, store);
}

/** An empty store, or one that is adopted, becomes a replica. One with a life of its own does not. */
function asPrimary(hello: Hello, store: Applicant): Admission {
  if (!store.isEmpty && hello.follows === store.site) {
    // Adopted, it would follow what follows it, and nobody could write any more.
    const message = `The destination ${store.site} is the primary that the source ${hello.site} is a replica of. Are source and destination interchanged?`;
    return refuse('REPLICATION_TARGET_PRIMARY', message);
  }
  if (store.isEmpty || hello.adopt) return become(hello, store);
  if (store.role !== null || store.knowsSource) {
    const message = `The destination ${store.site} is a primary, and not empty.`;
    return refuse('REPLICATION_TARGET_PRIMARY', message);
  }
  return hasData(hello, store);
}

/**
 * A replica follows its primary, any newer one, and any that it followed before; what was a primary hands over first.
 * Another replica, which may send out of old habit, it follows only where it was set up so: what that one has today may
 * give way there tomorrow to what it gets from its own primary.
 */
function asReplica(hello: Hello, store: Applicant, role: Omit<SiteRole, 'since'>): Admission {
  const isKnown = role.primary === hello.site && role.epoch === hello.epoch;
  if (isKnown && store.untaken.length === 0) return { kind: 'admit' };
  if (store.hasUnseen && !hello.adopt) {
    const message = `The destination ${store.site} was a primary once, or is one of other databases yet, and the source ${hello.site} has not seen all of its documents: run \`feedferry demote --to\` there with the URL of the source, which hands them over.`;
    return refuse('REPLICATION_REFUSED', message);
  }
  // An empty one, too, would have what its own primary refuses to mix with.
  const isFree = store.isEmpty && (hello.follows === undefined || role.primary === null);
  if (role.primary === hello.site || isFree || hello.adopt) return become(hello, store);
  if (hello.follows !== undefined) {
    const whose = role.primary === null ? 'that waits for a primary' : `of ${role.primary}`;
    const message = `The destination ${store.site} is a replica ${whose}, and the source ${hello.site} is a replica, too: with \`--adopt\` it becomes one of the source.`;
    return refuse('REPLICATION_REFUSED', message);
  }
  const mayFollow = role.primary === null || hello.epoch > role.epoch || store.knowsSource;
  return mayFollow ? become(hello, store) : hasData(hello, store);
}

/** What is in doubt of other databases stays so. */
function become({ site, epoch, databases }: Hello, { isUntouched, role }: Applicant): Admission {
  const isOnly = isUntouched || role?.only === site;
  const doubtful = role?.doubtful?.filter((name) => !databases.includes(name)) ?? [];
  const kept = { ...(role?.wrote && { wrote: true as const }), ...(doubtful.length > 0 && { doubtful }) };
  return { kind: 'become', role: { role: 'replica', epoch, primary: site, ...(isOnly && { only: site }), ...kept } };
}

/**
 * What a store is that is about to become `wished`, until everybody is fenced who may still write there: had something
 * landed meanwhile in what was found empty, it is one with documents that nobody else has seen; or it may have them of
 * another sender.
 */
export function whileFencing(wished: SiteRole, was: SiteRole | null, untaken: readonly DatabaseName[]): SiteRole {
  const { only, ...rest } = wished;
  const role: SiteRole = { ...rest, ...(only !== undefined && was?.only === only && { only }) };
  if (untaken.length === 0) return role;
  const doubtful = [...(role.doubtful ?? []), ...untaken];
  return was?.role === 'replica' ? { ...role, doubtful } : { ...role, primary: null, wrote: true, doubtful };
}

function hasData(hello: Hello, store: Applicant): Admission {
  const message = `The destination ${store.site} holds documents, and nothing tells that they came from ${hello.site}.`;
  return refuse('REPLICATION_TARGET_HAS_DATA', message);
}

function refuse(code: ReplicatorErrorCode, message: string): Admission {
  return { kind: 'refuse', code, message };
}
