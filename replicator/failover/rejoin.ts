/**
 * The return of a primary that was replaced: it stops writing, hands over what the new primary never saw, and becomes
 * its replica. Killed anywhere and run again, it goes on: each step finds out by itself what is left of it.
 */
import type { SiteId } from '../../store/contract.ts';
import { DATABASE_NAMES } from '../../store/documents.ts';
import { codeOf } from '../../store/errors.ts';
import type { Side } from '../applying/merge.ts';
import { replicatorError } from '../errors.ts';
import type { Policies } from '../policy.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import { readRole, type SiteRole } from '../role.ts';
import type { Runtime } from '../runtime.ts';
import type { Hello, Pushed, Target, TargetSession } from '../target.ts';
import { changeRole, fenceAll } from './failover.ts';
import { FENCED_NOTE } from './fence-source.ts';
import { findUnseen, type Unseen, type UnseenOptions } from './unseen.ts';
import { headOf, type UnseenFiles, unseenFiles } from './unseen-file.ts';

/** Of one batch that is merged. */
const BATCH_DOCS_MAX = 200;
const BATCH_CHARS_MAX = 2_000_000;

/** Moments at which tests end the process. */
export type RejoinPoint = 'fenced' | 'exported' | 'merging' | 'merged' | 'role-written' | 'opened';

export type RejoinEvent =
  | { readonly step: 'fenced' }
  | { readonly step: 'looking'; readonly docs: number }
  | { readonly step: 'exported'; readonly path: string; readonly docs: number }
  | { readonly step: 'merging'; readonly docs: number }
  | { readonly step: 'replica' };

export interface RejoinOptions {
  readonly store: ReplicatedStore;
  /** The new primary. */
  readonly target: Target;
  readonly policies: Policies;
  readonly runtime: Runtime;
  /** Written before anything is merged. One from an earlier, unfinished attempt is used again. */
  readonly exportPath: string;
  /** Default: those of the file system. */
  readonly files?: UnseenFiles;
  readonly onEvent?: (event: RejoinEvent) => void;
  readonly onUnseen?: (unseen: Unseen) => void;
  readonly at?: (point: RejoinPoint) => Promise<void> | void;
}

export interface Rejoined {
  readonly site: SiteId;
  readonly primary: SiteId;
  readonly epoch: number;
  /** How many documents the new primary had never seen; those are in the file. */
  readonly unseen: number;
  readonly written: number;
  readonly stale: number;
  readonly conflicts: number;
  /** Documents that the new primary will not take; they are in the file. */
  readonly refused: readonly Refused[];
}

export interface Refused {
  readonly id: string;
  readonly message: string;
}

/**
 * Throws REJOIN_NOT_PRIMARY, REJOIN_NOT_NEWER, REPLICATION_SAME_SITE, REJOIN_FILE_UNUSABLE, and the codes of both ends.
 * Until the last step nothing is sent to this site, as it is no replica before.
 */
export async function rejoin(options: RejoinOptions): Promise<Rejoined> {
  const { store, target, exportPath, onEvent, at } = options;
  const { primary, epoch } = await newerPrimary(store, target);
  const wrote = await hasWritten(store);
  await fenceAll(store);
  onEvent?.({ step: 'fenced' });
  await at?.('fenced');
  await exportOnce(options, primary, epoch);
  await at?.('exported');
  const merged = await mergeAll(options, primary, epoch, exportPath);
  await at?.('merged');
  await becomeReplica(options, primary, epoch, wrote);
  onEvent?.({ step: 'replica' });
  return { site: store.site, primary, epoch, ...merged };
}

/** What `rejoin` would export and merge, as things stand; changes nothing. Throws as `rejoin`. */
export async function previewRejoin(
  options: Omit<RejoinOptions, 'exportPath' | 'files' | 'at'>,
): Promise<Omit<Rejoined, 'refused'>> {
  const { store, target, onUnseen } = options;
  const { primary, epoch } = await newerPrimary(store, target);
  let unseen = 0;
  for await (const one of findUnseen(await whereToLook(options, primary, epoch))) {
    unseen += 1;
    onUnseen?.(one);
  }
  return { site: store.site, primary, epoch, unseen, written: 0, stale: 0, conflicts: 0 };
}

async function newerPrimary(store: ReplicatedStore, target: Target): Promise<{ primary: SiteId; epoch: number }> {
  const own = await readRole(store.control);
  const { site, role } = await target.inspect();
  if (site === store.site) {
    throw replicatorError('REPLICATION_SAME_SITE', `${target.url} is this very site, ${site}.`, { input: target.url });
  }
  if (role.role !== 'primary') {
    const message = `The site ${site} at ${target.url} is no primary, but a replica of ${role.primary ?? 'another site'}.`;
    throw replicatorError('REJOIN_NOT_PRIMARY', message, { input: target.url });
  }
  if (role.unfinished) {
    // What one of its old senders still writes there could replace what was found to be there already.
    const message = `The promotion of the site ${site} at ${target.url} is not finished: run \`feedferry promote\` there again.`;
    throw replicatorError('REJOIN_NOT_PRIMARY', message, { input: target.url });
  }
  if (role.epoch > own.epoch || (own.role === 'replica' && role.epoch === own.epoch)) {
    return { primary: site, epoch: role.epoch };
  }
  const message = `The primary ${site} at ${target.url} has epoch ${role.epoch}, and this site, ${store.site}, ${own.epoch}.`;
  throw replicatorError('REJOIN_NOT_NEWER', message, { input: target.url });
}

/** Whether this site has edits of its own: also a replica of some databases has, in the others. */
async function hasWritten(store: ReplicatedStore): Promise<boolean> {
  const role = await readRole(store.control);
  if (role.role === 'primary' || role.wrote || role.doubtful) return true;
  for (const name of DATABASE_NAMES) {
    const database = store.database(name);
    if ((await database.mode()) === 'replica') continue;
    if ((await database.digests({ limit: 1 })).digests.length > 0) return true;
  }
  return false;
}

/** A whole file from an earlier attempt has everything, unless something was written here since that is unseen, too. */
async function exportOnce(options: RejoinOptions, primary: SiteId, epoch: number): Promise<void> {
  const { store, runtime, exportPath, files = unseenFiles, onEvent, onUnseen } = options;
  const there = await files.readHead(exportPath);
  const holds = await sumOf(store);
  if (there !== undefined) {
    const isOurs = there.site === store.site && there.primary === primary && there.epoch === epoch;
    if (isOurs && (there.holds === holds || !(await hasUnseen(options, primary, epoch)))) return;
    const since = isOurs ? ', and more was written here since' : '';
    const message = `The file ${exportPath} holds what ${there.site} had for ${there.primary}, of epoch ${there.epoch}${since}.`;
    throw replicatorError('REJOIN_FILE_UNUSABLE', message, { input: exportPath });
  }
  const head = headOf({ site: store.site, primary, epoch, at: runtime.clock(), holds });
  const docs = await files.write(exportPath, head, told());
  onEvent?.({ step: 'exported', path: exportPath, docs });

  async function* told(): AsyncGenerator<Unseen> {
    for await (const unseen of findUnseen(await whereToLook(options, primary, epoch))) {
      onUnseen?.(unseen);
      yield unseen;
    }
  }
}

async function hasUnseen(
  options: Omit<RejoinOptions, 'exportPath' | 'files' | 'at'>,
  primary: SiteId,
  epoch: number,
): Promise<boolean> {
  for await (const _one of findUnseen(await whereToLook(options, primary, epoch))) return true;
  return false;
}

/** The same as long as nothing was written here. */
async function sumOf(store: ReplicatedStore): Promise<string> {
  const sums: string[] = [];
  for (const name of DATABASE_NAMES) {
    const sum = { docs: 0, h1: 0, h2: 0 };
    for (const { count, s1, s2 } of await store.database(name).bucketSums()) {
      sum.docs += count;
      sum.h1 = (sum.h1 + s1) % 2 ** 32;
      sum.h2 = (sum.h2 + s2) % 2 ** 32;
    }
    sums.push(`${name} ${sum.docs} ${sum.h1.toString(16)} ${sum.h2.toString(16)}`);
  }
  return sums.join(', ');
}

async function whereToLook(
  options: Omit<RejoinOptions, 'exportPath' | 'files' | 'at'>,
  primary: SiteId,
  epoch: number,
): Promise<UnseenOptions> {
  const { store, target, onEvent } = options;
  const isTrusted = await isHeir(options);
  const checkpoints = await inSession(options, epoch, async (session) => (isTrusted ? session.checkpoints : {}));
  let docs = 0;
  const onLooked = (count: number): void => {
    docs += count;
    onEvent?.({ step: 'looking', docs });
  };
  return { store, target, primary, databases: DATABASE_NAMES, checkpoints, onLooked };
}

/**
 * Whether what the new primary has acknowledged to this site counts. Had it ever followed somebody else, that one's
 * versions may have replaced what it had from here, without being merged: then everything is compared.
 */
async function isHeir({ store, target }: Pick<RejoinOptions, 'store' | 'target'>): Promise<boolean> {
  return (await target.inspect()).role.only === store.site;
}

/** This site has heard of the new primary, and speaks with its epoch. */
function helloOf(
  { store, policies, runtime }: Pick<RejoinOptions, 'store' | 'policies' | 'runtime'>,
  epoch: number,
): Hello {
  const session = `rejoin-${store.site}-${runtime.clock().toString(16)}`;
  const { site } = store;
  return {
    ...{ session, site, epoch, direction: 'two-way', databases: DATABASE_NAMES, policies, adopt: false, docsToDo: 0 },
  };
}

type Merged = Pick<Rejoined, 'unseen' | 'written' | 'stale' | 'conflicts' | 'refused'>;

/** Merging a document twice is harmless, so an attempt that was cut off is simply repeated. */
async function mergeAll(options: RejoinOptions, primary: SiteId, epoch: number, path: string): Promise<Merged> {
  const { target, onEvent, at } = options;
  const tally = { unseen: 0, written: 0, stale: 0, conflicts: 0, refused: [] as Refused[] };
  return await inSession(options, epoch, async (session) => {
    if (session.info.site !== primary) {
      throw replicatorError('REJOIN_NOT_PRIMARY', `${target.url} is another site now.`, { input: target.url });
    }
    for await (const batch of batchesOf((options.files ?? unseenFiles).read(path))) {
      await at?.('merging');
      for (const pushed of await pushAll(session, batch)) {
        if ('message' in pushed) tally.refused.push(pushed);
        else {
          tally.written += pushed.written;
          tally.stale += pushed.stale;
          tally.conflicts += pushed.conflicts;
        }
      }
      tally.unseen += batch.length;
      onEvent?.({ step: 'merging', docs: tally.unseen });
    }
    return tally;
  });
}

/** A session that failed is closed as well as may be; what it failed with is what counts. */
async function inSession<T>(
  options: Pick<RejoinOptions, 'store' | 'policies' | 'runtime' | 'target'>,
  epoch: number,
  use: (session: TargetSession) => Promise<T>,
): Promise<T> {
  const session = await options.target.connect(helloOf(options, epoch));
  try {
    const result = await use(session);
    await session.close();
    return result;
  } catch (error) {
    await session.close().catch(() => {});
    throw error;
  }
}

/** One document that is refused does not hold up the others of its batch. */
async function pushAll(session: TargetSession, batch: readonly Unseen[]): Promise<(Pushed | Refused)[]> {
  try {
    return [await push(session, batch)];
  } catch (error) {
    if (codeOf(error) !== 'BATCH_INVALID') throw error;
    const [only] = batch;
    if (only && batch.length === 1) return [{ id: only.doc.id, message: (error as Error).message }];
    const parts: (Pushed | Refused)[] = [];
    for (const one of batch) parts.push(...(await pushAll(session, [one])));
    return parts;
  }
}

async function push(session: TargetSession, batch: readonly Unseen[]): Promise<Pushed> {
  const database = batch[0]?.database ?? 'articles';
  const docs: Side[] = batch.map(({ doc }) => doc);
  return await session.push({ database, docs, checkpoint: null, caughtUp: false });
}

/** Of one database each. */
async function* batchesOf(all: AsyncIterable<Unseen>): AsyncGenerator<Unseen[]> {
  let batch: Unseen[] = [];
  let chars = 0;
  for await (const unseen of all) {
    const isFull = batch.length === BATCH_DOCS_MAX || chars > BATCH_CHARS_MAX;
    if (isFull || (batch.length > 0 && batch[0]?.database !== unseen.database)) {
      yield batch;
      batch = [];
      chars = 0;
    }
    batch.push(unseen);
    chars += JSON.stringify(unseen.doc.content).length;
  }
  if (batch.length > 0) yield batch;
}

/** The role first: a kill between the two leaves a replica that lets nobody write, and this runs again. */
async function becomeReplica(
  { store, runtime, at }: RejoinOptions,
  primary: SiteId,
  epoch: number,
  hasWritten: boolean,
): Promise<void> {
  await changeRole(store, (role): SiteRole | null => {
    if (role.epoch > epoch || (role.role === 'primary' && role.epoch === epoch)) {
      const message = `The site ${store.site} was promoted to epoch ${role.epoch} while it rejoined the primary ${primary}.`;
      throw replicatorError('REJOIN_NOT_NEWER', message, { input: primary });
    }
    const wrote = hasWritten || role.role === 'primary' || role.wrote === true;
    const isIts = role.role === 'replica' && role.epoch === epoch && role.primary === primary;
    const isDone = isIts && (role.wrote === true) === wrote && role.doubtful === undefined;
    return isDone ? null : { role: 'replica', epoch, primary, ...(wrote && { wrote }), since: runtime.clock() };
  });
  await at?.('role-written');
  for (const name of DATABASE_NAMES) await store.database(name).setMode('replica');
  await store.control.delete(FENCED_NOTE);
  await at?.('opened');
}
