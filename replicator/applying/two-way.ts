import type { Between, Replica, Writer } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { replicatorError } from '../errors.ts';
import type { Policy } from '../policy.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import type { Runtime } from '../runtime.ts';
import { type Conflict, conflictOf, keepLosers } from './conflicts.ts';
import { type Decision, decide } from './merge.ts';

/** So often a document may change between looking at it and writing it. */
const ROUNDS_MAX = 50;

export interface TwoWayContext {
  readonly store: ReplicatedStore;
  readonly database: DatabaseName;
  readonly writer: Writer<unknown>;
  readonly policy: Policy;
  readonly runtime: Runtime;
  readonly between?: Between | undefined;
}

export interface TwoWayApplied {
  readonly written: number;
  readonly stale: number;
  /** Documents that met a concurrent version which did not say the same. */
  readonly conflicts: number;
}

/**
 * Applies documents of another site where this one writes too: `decide` says what becomes of each. Losers are kept
 * before what replaces them is written, and a document is replaced only where it is still the one that was looked at.
 * Killed anywhere and called again, it ends the same. `note` is put once everything is applied.
 * Throws REPLICATION_STUCK, and what `versions`, `apply` and `control.put` throw.
 */
export async function applyTwoWay(
  context: TwoWayContext,
  docs: readonly Replica<unknown>[],
  note?: { readonly id: string; readonly value: unknown },
): Promise<TwoWayApplied> {
  const conflicts = new Set<string>();
  const healing = await thoseThatHeal(context, docs);
  const healed = healing.size === 0 ? [] : await context.writer.apply([...healing], undefined, context.between);
  let written = healed.filter(({ result }) => result === 'written').length;
  let open = docs.filter((doc) => !healing.has(doc));
  for (let round = 1; open.length > 0; round += 1) {
    if (round > ROUNDS_MAX) throw stuck(context.database, open);
    const decisions = await decideAll(context, open);
    for (const { id, isConflict } of decisions) {
      if (isConflict) conflicts.add(id);
      else conflicts.delete(id);
    }
    await keepLosers(
      context.store.control,
      decisions.flatMap((decision) => losersOf(context, decision)),
    );
    const again = await writeAll(context, decisions);
    written += decisions.filter(({ write }) => write !== null).length - again.size;
    open = open.filter(({ id }) => again.has(id));
  }
  if (note) await context.writer.apply([], note);
  return { written, stale: docs.length - written, conflicts: conflicts.size };
}

/** Of the very version that is there: there is nothing to decide. What changes meanwhile is newer, and stays. */
async function thoseThatHeal(
  { store, database }: TwoWayContext,
  docs: readonly Replica<unknown>[],
): Promise<Set<Replica<unknown>>> {
  const wished = docs.filter(({ heal }) => heal === true);
  if (wished.length === 0) return new Set();
  const versions = await store.database(database).versions(wished.map(({ id }) => id));
  return new Set(wished.filter(({ id, ver }) => versions.get(id)?.ver === ver));
}

interface Decided extends Decision {
  readonly id: string;
  readonly write: Replica<unknown> | null;
  readonly there: Replica<unknown>['ver'] | null;
}

async function decideAll(
  { store, database, policy }: TwoWayContext,
  docs: readonly Replica<unknown>[],
): Promise<Decided[]> {
  const versions = await store.database(database).versions(docs.map(({ id }) => id));
  return docs.map((doc) => {
    const there = versions.get(doc.id);
    const decision = decide(there, doc, policy, database);
    const ifVer = there?.ver ?? null;
    return { ...decision, id: doc.id, there: ifVer, write: decision.write && { ...decision.write, ifVer } };
  });
}

function losersOf({ database, runtime }: TwoWayContext, { losers, write, there }: Decided): Conflict[] {
  const winner = write?.ver ?? there;
  return winner === null ? [] : losers.map((loser) => conflictOf(database, loser, winner, runtime.clock()));
}

/** The ids of those that met another version than the one that was looked at. */
async function writeAll({ writer, between }: TwoWayContext, decisions: readonly Decided[]): Promise<Set<string>> {
  const writes = decisions.flatMap(({ write }) => (write === null ? [] : [write]));
  if (writes.length === 0) return new Set();
  const outcomes = await writer.apply(writes, undefined, between);
  return new Set(outcomes.filter(({ result }) => result !== 'written').map(({ id }) => id));
}

function stuck(database: DatabaseName, open: readonly Replica<unknown>[]): Error {
  const message = `Documents of ${database} changed ${ROUNDS_MAX} times while they were merged, ${open[0]?.id} among them.`;
  return replicatorError('REPLICATION_STUCK', message, { input: open[0]?.id ?? database, retryable: true });
}
