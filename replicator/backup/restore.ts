/** `feedferry restore`: a backup file into a store, and the proof that it is all there. docs/backup.md tells the why. */
import type { Writer } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { applyTwoWay } from '../applying/two-way.ts';
import { replicatorError } from '../errors.ts';
import { DEFAULT_POLICIES } from '../policy.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import { ROLE_NOTE, type SiteRole } from '../role.ts';
import type { Runtime } from '../runtime.ts';
import { replicaOf, type StoredDocument } from './format.ts';
import { IdSet } from './id-set.ts';
import type { PlannedRestore } from './planned-restore.ts';
import { RESTORE_NOTE, type RestoreState, readRestoreState } from './restore-note.ts';
import { type DatabaseProof, proveHeld, proveRestored } from './restore-proof.ts';
import { documentsIn, IDS_MAX, newestDocuments } from './state.ts';

/** Documents applied in one go, and those gathered before some batches of them are. */
const BATCH_DOCS = 500;
const GROUP_DOCS = 2_000;
/** What proving a document takes, where restoring it takes 1. */
const PROOF_WORK = 0.15;

export interface RestoreOptions {
  readonly planned: PlannedRestore;
  readonly store: ReplicatedStore;
  /** Also into a store that holds documents: merged by the rules of two-way, so that the newer version of each stays. */
  readonly intoExisting: boolean;
  readonly runtime: Runtime;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RestoreProgress) => void;
}

export interface RestoreProgress {
  readonly step: 'restoring' | 'indexing' | 'proving';
  readonly database: DatabaseName;
  /** Documents read in this step; those that are in several frames count as often. */
  readonly docs: number;
  readonly docsTotal: number;
  /** 0 to 1, of both steps. */
  readonly share: number;
  readonly docsPerSecond: number;
  readonly etaMs: number | null;
}

export interface RestoreReport {
  readonly path: string;
  readonly id: string;
  /** The last frame that is in it as a whole, its time, and whether it is the state of one moment. */
  readonly frame: number;
  readonly at: number;
  readonly exact: boolean;
  /** Versions taken from the frame after it, which reaches beyond the moment asked for. */
  readonly fromNext: boolean;
  readonly site: string;
  readonly written: number;
  /** As new or newer there already. */
  readonly stale: number;
  readonly resumed: boolean;
  readonly proof: readonly DatabaseProof[];
  /** Whether the proof holds for every database. */
  readonly equal: boolean;
  /** A run that was cut off stands at the end of the file. */
  readonly tornBytes: number;
  readonly seconds: number;
}

/** Throws BACKUP_DAMAGED, RESTORE_NOT_EMPTY, RESTORE_OTHER_BEGUN, RESTORE_STOPPED and STORE_*. */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  const { planned, store, runtime } = options;
  const { file, contents, plan, databases } = planned;
  const begun = runtime.elapsed();
  const { state, resumed } = await beginState(options);
  const tell = teller(options, begun);
  const sum = { written: 0, stale: 0 };
  for (const database of databases) {
    const done = await restoreOne({ options, database, state, tell });
    sum.written += done.written;
    sum.stale += done.stale;
    state.blocks = { ...state.blocks, [database]: done.blocks };
  }
  const proof: DatabaseProof[] = [];
  for (const database of databases) {
    const about = { file, contents, plan, database, store: store.database(database) };
    const onRead = (docs: number) => tell('proving', database, docs);
    proof.push(await (options.intoExisting ? proveHeld(about, onRead) : proveRestored(about, onRead)));
  }
  const equal = proof.every((one) => one.equal);
  if (equal) await finishState(options, state);
  // The next run trusts nothing and applies everything again.
  else await store.control.put(RESTORE_NOTE, { ...state, blocks: {} } satisfies RestoreState);
  const { trailer } = plan.last;
  return {
    ...{
      path: file.path,
      id: contents.head.id,
      frame: trailer.frame,
      at: trailer.at,
      exact: trailer.exact,
      site: store.site,
    },
    ...{ fromNext: plan.next !== null, ...sum, resumed, proof, equal },
    tornBytes: contents.tail?.bytes ?? 0,
    seconds: (runtime.elapsed() - begun) / 1000,
  };
}

/** The state that is noted as the restore goes on. */
type Going = { -readonly [K in keyof RestoreState]: RestoreState[K] };

/** Marks the store as half restored, or finds the mark of the same restore. */
async function beginState(options: RestoreOptions): Promise<{ state: Going; resumed: boolean }> {
  const { store, intoExisting, runtime } = options;
  const { file, contents, plan, at, databases } = options.planned;
  const { head } = contents;
  const { frame } = plan.last.trailer;
  const before = await readRestoreState(store.control);
  if (before !== null && before.finishedAt === null) {
    const isSame = before.backup === head.id && before.frame === frame && before.at === at;
    if (isSame && before.databases.join() === databases.join()) return { state: { ...before }, resumed: true };
    if (!intoExisting) {
      const message = `${store.url} is half restored from frame ${before.frame} of ${before.path}.`;
      throw replicatorError('RESTORE_OTHER_BEGUN', message, { input: store.url });
    }
  }
  if (!intoExisting) await requireEmpty(store);
  const startedAt = runtime.clock();
  const about = { backup: head.id, frame, at, databases, path: file.path };
  const state = { ...about, startedAt, finishedAt: null, blocks: {} };
  await store.control.put(RESTORE_NOTE, state);
  return { state, resumed: false };
}

/** Tombstones count: a store in which something was deleted is in use. */
async function requireEmpty(store: ReplicatedStore): Promise<void> {
  for (const name of ['articles', 'feeds', 'users', 'subscriptions', 'states'] as const) {
    const { changes } = store.database(name);
    for (const { slot } of await changes.slots()) {
      if ((await changes.remaining(slot, 0)) === 0) continue;
      const message = `${store.url} holds documents in ${name}.`;
      throw replicatorError('RESTORE_NOT_EMPTY', message, { input: store.url });
    }
  }
}

interface One {
  readonly options: RestoreOptions;
  readonly database: DatabaseName;
  readonly state: RestoreState;
  readonly tell: Tell;
}

/** Blocks that an earlier run has applied are read again, for their ids only. */
async function restoreOne(one: One): Promise<{ written: number; stale: number; blocks: number }> {
  const { options, database, state, tell } = one;
  const { file, contents, plan } = options.planned;
  const target = options.store.database(database);
  const docsMax = documentsIn(plan, database);
  const skip = state.blocks[database] ?? 0;
  const deferred = !options.intoExisting && skip === 0 && docsMax > 0 && (await target.setIndexes('deferred'));
  await using writer = await target.openWriter({ owner: 'restore', durability: 'lazy', bulk: true });
  // Without a set of ids the guard drops the older versions; it only has more to look at.
  const ids = docsMax > IDS_MAX ? null : new IdSet(docsMax);
  const sum = { written: 0, stale: 0, blocks: 0 };
  const apply = applierOf(options, database, writer);
  let group: StoredDocument[] = [];
  const flush = async () => {
    const note = { ...state, blocks: { ...state.blocks, [database]: sum.blocks } };
    const done = await applyGroup(apply, group, note);
    sum.written += done.written;
    sum.stale += group.length - done.written;
    group = [];
  };
  for await (const { docs, read } of newestDocuments(file, contents, plan, { database, ids })) {
    sum.blocks += 1;
    if (sum.blocks > skip) group.push(...docs);
    if (group.length >= GROUP_DOCS) await flush();
    tell('restoring', database, read);
    if (options.signal?.aborted) throw replicatorError('RESTORE_STOPPED', 'The restore was stopped.');
  }
  await flush();
  await writer.settle();
  tell('indexing', database, 0);
  if (deferred || skip > 0) await target.setIndexes('kept');
  return sum;
}

type Apply = (docs: readonly StoredDocument[], note?: Parameters<Writer<unknown>['apply']>[1]) => Promise<number>;

/** Returns how many were written. In a store that has edits of its own the losers of conflicts are kept and listed. */
function applierOf(
  { store, intoExisting, runtime }: RestoreOptions,
  database: DatabaseName,
  writer: Writer<unknown>,
): Apply {
  if (intoExisting) {
    const context = { store, database, writer, policy: DEFAULT_POLICIES[database], runtime };
    return async (docs, note) => (await applyTwoWay(context, docs.map(replicaOf), note)).written;
  }
  return async (docs, note) => {
    const outcomes = await writer.apply(docs.map(replicaOf), note);
    return outcomes.filter(({ result }) => result === 'written').length;
  };
}

/** Several batches are under way at a time. The note goes along with the last one, so that it never says too much. */
async function applyGroup(
  apply: Apply,
  group: readonly StoredDocument[],
  state: RestoreState,
): Promise<{ written: number }> {
  // Without a set of ids one may be there twice, the newer one first.
  const docs = [...new Map(group.toReversed().map((doc) => [doc.id, doc])).values()];
  const batches: StoredDocument[][] = [];
  for (let from = 0; from < docs.length; from += BATCH_DOCS) batches.push(docs.slice(from, from + BATCH_DOCS));
  const last = batches.pop() ?? [];
  const written = await Promise.all(batches.map((batch) => apply(batch)));
  written.push(await apply(last, { id: RESTORE_NOTE, value: state }));
  return { written: written.reduce((sum, docs) => sum + docs, 0) };
}

/**
 * The store is whole. It is a primary of its own, with the epoch that the source had: destinations of the source then
 * take it neither for an outdated one nor for a newer one than a source that is still alive.
 */
async function finishState({ store, planned, runtime }: RestoreOptions, state: RestoreState): Promise<void> {
  const { epoch } = planned.plan.last.trailer;
  const now = runtime.clock();
  if (epoch > 0 && (await store.control.get(ROLE_NOTE)) === undefined) {
    await store.control.put(ROLE_NOTE, { role: 'primary', epoch, primary: null, since: now } satisfies SiteRole);
  }
  await store.control.put(RESTORE_NOTE, { ...state, finishedAt: now } satisfies RestoreState);
}

type Tell = (step: RestoreProgress['step'], database: DatabaseName, docs: number) => void;

function teller({ planned, runtime, onProgress }: RestoreOptions, begun: number): Tell {
  const { plan, databases } = planned;
  const docsTotal = databases.reduce((sum, name) => sum + documentsIn(plan, name), 0);
  const read = { restoring: 0, indexing: 0, proving: 0 };
  return (step, database, more) => {
    read[step] += more;
    const docs = Math.round(read[step]);
    const work = docsTotal * (1 + PROOF_WORK);
    const share = work === 0 ? 1 : Math.min(1, (read.restoring + read.proving * PROOF_WORK) / work);
    const ms = Math.max(1, runtime.elapsed() - begun);
    const docsPerSecond = ((read.restoring + read.proving) / ms) * 1000;
    const etaMs = share === 0 || share === 1 ? null : (ms / share) * (1 - share);
    onProgress?.({ step, database, docs, docsTotal, share, docsPerSecond, etaMs });
  };
}
