import type { Edit, Outcome, Replica, Version, Writer, WriterOptions } from '../../../store/contract.ts';
import { storeError } from '../../../store/errors.ts';
import { prepareEdits, prepareReplicas, type Stamper } from '../../../store/stamp.ts';
import { readVersion } from '../../../store/version.ts';
import type { Caller } from './call.ts';
import { type Change, editChange, replicaChange } from './change.ts';
import { type DatabaseState, lastOf, RANGE, type Row, slotOf } from './disk.ts';

const SLOT = 1;

/** One slot for all, numbers given inside the transaction, out of a range that was synced before. */
export class SqliteWriter implements Writer<unknown> {
  readonly slot = SLOT;
  readonly epoch: number;
  readonly #caller: Caller;
  readonly #state: DatabaseState;
  readonly #stamper: Stamper;
  readonly #options: WriterOptions;
  readonly #openedAt: number;
  readonly #lease: number;
  readonly #pending = new Set<Promise<unknown>>();
  #isClosed = false;

  private constructor(
    caller: Caller,
    state: DatabaseState,
    stamper: Stamper,
    options: WriterOptions,
    { epoch, lease }: { readonly epoch: number; readonly lease: number },
    openedAt: number,
  ) {
    this.#caller = caller;
    this.#state = state;
    this.#stamper = stamper;
    this.#options = options;
    this.epoch = epoch;
    this.#openedAt = openedAt;
    this.#lease = lease;
  }

  static async open(
    caller: Caller,
    state: DatabaseState,
    stamper: Stamper,
    options: WriterOptions,
  ): Promise<SqliteWriter> {
    const openedAt = caller.proc.world.now;
    const lease = await caller.call(`opens a writer of ${state.name}`, () =>
      caller.disk.transact(true, () => {
        if (state.mode === 'read-only') throw readOnly(state);
        const slot = slotOf(state, SLOT);
        slot.base = slot.reserved;
        slot.reserved += RANGE;
        caller.disk.leases += 1;
        slot.leases.set(caller.disk.leases, options.owner);
        return { epoch: slot.epoch, lease: caller.disk.leases };
      }),
    );
    return new SqliteWriter(caller, state, stamper, options, lease, openedAt);
  }

  edit(edits: readonly Edit<unknown>[]): Promise<Outcome[]> {
    return this.#write(() => prepareEdits(this.#state.name, edits).map((edit) => editChange(this.#stamper, edit)));
  }

  apply(replicas: readonly Replica<unknown>[], note?: { id: string; value: unknown }): Promise<Outcome[]> {
    const { disk } = this.#caller;
    return this.#write(
      () => prepareReplicas(replicas).map((replica) => replicaChange(disk, this.#stamper, replica)),
      note,
    );
  }

  async settle(): Promise<void> {}

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([...this.#pending]);
    // Synced, and with it all that this writer wrote lazily.
    await this.#caller.call(`closes a writer of ${this.#state.name}`, () =>
      this.#caller.disk.transact(true, () => {
        slotOf(this.#state, SLOT).leases.delete(this.#lease);
      }),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #write(prepare: () => Change[], note?: { id: string; value: unknown }): Promise<Outcome[]> {
    if (this.#isClosed) throw storeError('WRITER_CLOSED', `This writer of ${this.#state.name} is closed.`);
    const writing = this.#transact(prepare(), note);
    this.#pending.add(writing);
    try {
      return await writing;
    } finally {
      this.#pending.delete(writing);
    }
  }

  async #transact(changes: readonly Change[], note?: { id: string; value: unknown }): Promise<Outcome[]> {
    const { disk, proc } = this.#caller;
    const what = () => `writes ${changes.map(({ id }) => id).join(', ')} of ${this.#state.name}`;
    return await this.#caller.call(what, () => {
      let isSynced = this.#options.durability === 'sync';
      return disk.transact(
        () => isSynced,
        () => {
          if (disk.mistake !== 'no-epoch-fence') this.#checkRight(changes.some(({ isEdit }) => isEdit));
          const outcomes = changes.map((change) => this.#place(change));
          // A version ahead of the wall clock must not be lost: after a power cut it would be given again.
          isSynced ||= outcomes.some(
            (outcome) => outcome.result === 'written' && isAhead(outcome.ver, proc.clock.now()),
          );
          if (note) {
            disk.revisions += 1;
            disk.note(note.id, { rev: disk.revisions, value: note.value });
            disk.ears.noted(disk, note.id, note.value, proc.name);
          }
          return outcomes;
        },
      );
    });
  }

  #place(change: Change): Outcome {
    const { disk, proc } = this.#caller;
    const state = this.#state;
    const slot = slotOf(state, SLOT);
    const there = state.rows.get(change.id);
    const outcome = change.decide(there);
    if (outcome) return outcome;
    const n = Math.max(lastOf(slot), slot.base) + 1;
    if (n > slot.reserved) slot.reserved = n + RANGE;
    const stamped = change.stamp(there, SLOT);
    const row: Row = { ...stamped, slot: SLOT, n };
    disk.put(state, row);
    if (change.isEdit) disk.ears.edited(disk, state.name, row, there, proc.name);
    else disk.ears.applied(disk, state.name, row, proc.name, this.#openedAt);
    return { id: row.id, result: 'written', ver: row.ver, n };
  }

  #checkRight(edits: boolean): void {
    const { mode, name } = this.#state;
    if (mode === 'read-only' || (mode === 'replica' && edits)) throw readOnly(this.#state);
    if (slotOf(this.#state, SLOT).epoch !== this.epoch)
      throw storeError('WRITER_FENCED', `This writer of ${name} was taken over.`);
  }
}

function isAhead(ver: Version, now: number): boolean {
  return readVersion(ver).ms > now;
}

export function readOnly({ name, mode }: DatabaseState): Error {
  return storeError('DATABASE_READ_ONLY', `The database ${name} is ${mode}.`, { input: name });
}
