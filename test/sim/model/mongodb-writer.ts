import type { Edit, Outcome, Replica, Writer, WriterOptions } from '../../../store/contract.ts';
import { storeError } from '../../../store/errors.ts';
import { Numbering } from '../../../store/mongodb/numbering.ts';
import { prepareEdits, prepareReplicas, type Stamper } from '../../../store/stamp.ts';
import type { Caller } from './call.ts';
import { type Change, editChange, replicaChange } from './change.ts';
import { type DatabaseState, type Row, slotOf, WINDOW } from './disk.ts';
import { type Lease, leaseSlot, publish, release, takeOver } from './mongodb-slots.ts';
import { readOnly } from './sqlite-writer.ts';

/** Another version was there again and again. */
const ROUNDS_MAX = 20;
/** A lost answer is asked for again so often, before the number is fenced. */
const ATTEMPTS_MAX = 3;
const PAUSE_MS = 5;
/** Revisions of notes are taken so many at a time. */
const REVISIONS_AHEAD = 16;

/** `missed`: another version was there. `failed`: fenced with a filler, and never will land. */
type Fate = 'landed' | 'missed' | 'failed' | 'fenced' | 'superseded' | 'unresolved';

/**
 * A leased slot. Numbers are taken in memory, at most `WINDOW` beyond what is published; each document goes its own way
 * and lands when it does; `stable` follows.
 */
export class MongodbWriter implements Writer<unknown> {
  readonly slot: number;
  readonly epoch: number;
  readonly #caller: Caller;
  readonly #state: DatabaseState;
  readonly #stamper: Stamper;
  readonly #lease: Lease;
  readonly #openedAt: number;
  readonly #numbering: Numbering;
  readonly #pending = new Set<Promise<unknown>>();
  #turn: Promise<unknown> = Promise.resolve();
  #changed = Promise.withResolvers<void>();
  #isPublishing = false;
  #acknowledged = 0;
  #loss: 'fenced' | 'unresolved' | undefined;
  #isClosed = false;
  #revision = 0;
  #lastRevision = 0;

  private constructor(caller: Caller, state: DatabaseState, stamper: Stamper, lease: Lease, openedAt: number) {
    this.#caller = caller;
    this.#state = state;
    this.#stamper = stamper;
    this.#lease = lease;
    this.#openedAt = openedAt;
    this.slot = lease.slot;
    this.epoch = lease.epoch;
    this.#numbering = new Numbering(lease.stable, WINDOW);
  }

  static async open(
    caller: Caller,
    state: DatabaseState,
    stamper: Stamper,
    options: WriterOptions,
  ): Promise<MongodbWriter> {
    const openedAt = caller.proc.world.now;
    const lease = await leaseSlot(caller, state, options.owner);
    return new MongodbWriter(caller, state, stamper, lease, openedAt);
  }

  edit(edits: readonly Edit<unknown>[]): Promise<Outcome[]> {
    if (this.#lease.isReplica) return Promise.reject(readOnly({ ...this.#state, mode: 'replica' }));
    return this.#write(() => prepareEdits(this.#state.name, edits).map((edit) => editChange(this.#stamper, edit)));
  }

  async apply(replicas: readonly Replica<unknown>[], note?: { id: string; value: unknown }): Promise<Outcome[]> {
    const { disk } = this.#caller;
    const outcomes = await this.#write(() =>
      prepareReplicas(replicas).map((replica) => replicaChange(disk, this.#stamper, replica)),
    );
    if (note) await this.#save(note);
    return outcomes;
  }

  async settle(): Promise<void> {
    const target = this.#acknowledged;
    await this.#until(() => this.#numbering.published >= target);
    if (this.#numbering.published < target) throw this.#lossError();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([...this.#pending]);
    const { settled, last } = this.#numbering;
    // No more signs of life: if the slot can't be given back now, somebody takes it over later.
    this.#lease.lostAt ??= this.#caller.proc.world.now;
    if (this.#loss === undefined && settled === last) {
      await release(this.#caller, this.#state, this.#lease, settled);
    } else if (this.#loss !== 'fenced') {
      await takeOver(this.#caller, this.#state, this.slot, this.epoch).catch(() => {});
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Only whoever still has the slot may speak for what was applied through it. */
  async #save({ id, value }: { id: string; value: unknown }): Promise<void> {
    const { disk, proc } = this.#caller;
    if (this.#revision === this.#lastRevision) {
      this.#revision = disk.revisions;
      disk.revisions += REVISIONS_AHEAD;
      this.#lastRevision = disk.revisions;
    }
    this.#revision += 1;
    const rev = this.#revision;
    await this.#caller.call(
      `puts note ${id}`,
      () => {
        const there = disk.notes.get(id);
        if (there && there.rev > rev) return;
        disk.note(id, { rev, value });
        disk.ears.noted(disk, id, value, proc.name);
      },
      true,
    );
  }

  async #write(prepare: () => Change[]): Promise<Outcome[]> {
    if (this.#isClosed) throw storeError('WRITER_CLOSED', `This writer of ${this.#state.name} is closed.`);
    const changes = prepare();
    if (this.#loss !== undefined) throw this.#lossError();
    if (changes.length === 0) return [];
    const writing = this.#writeAll(changes);
    this.#pending.add(writing);
    try {
      return await writing;
    } finally {
      this.#pending.delete(writing);
    }
  }

  async #writeAll(changes: readonly Change[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (let from = 0; from < changes.length; from += WINDOW) {
      outcomes.push(...(await this.#writeChunk(changes.slice(from, from + WINDOW))));
    }
    return outcomes;
  }

  async #writeChunk(changes: readonly Change[]): Promise<Outcome[]> {
    const outcomes = new Map<string, Outcome>();
    let open = changes;
    for (let round = 1; round <= ROUNDS_MAX; round += 1) {
      const there = await this.#caller.call(
        () => `reads ${open.map(({ id }) => id).join(', ')} of ${this.#state.name}`,
        () => new Map(open.map(({ id }) => [id, this.#state.rows.get(id)])),
      );
      const toWrite: Change[] = [];
      for (const change of open) {
        const outcome = change.decide(there.get(change.id));
        if (outcome) outcomes.set(change.id, outcome);
        else toWrite.push(change);
      }
      if (toWrite.length > 0) await this.#writeRound(toWrite, there, outcomes);
      open = toWrite.filter(({ id }) => !outcomes.has(id));
      if (open.length === 0) return changes.flatMap(({ id }) => outcomes.get(id) ?? []);
      await this.#caller.proc.runtime.sleep(PAUSE_MS);
    }
    throw storeError('EDIT_CONTENDED', `Others kept changing a document of ${this.#state.name}.`, { retryable: true });
  }

  async #writeRound(
    changes: readonly Change[],
    there: ReadonlyMap<string, Row | undefined>,
    outcomes: Map<string, Outcome>,
  ): Promise<void> {
    const numbers = await this.#reserve(changes.length);
    const fates = await Promise.all(
      changes.map(async (change, i) => {
        const old = there.get(change.id);
        const row: Row = { ...change.stamp(old, this.slot), slot: this.slot, n: numbers[i] ?? 0 };
        const fate = await this.#land(change, row, old);
        if (fate !== 'fenced' && fate !== 'unresolved') this.#numbering.resolve(row.n);
        if (fate === 'landed') {
          this.#acknowledged = Math.max(this.#acknowledged, row.n);
          outcomes.set(change.id, { id: change.id, result: 'written', ver: row.ver, n: row.n });
        }
        if (fate === 'superseded' && !change.isEdit) outcomes.set(change.id, { id: change.id, result: 'stale' });
        return fate;
      }),
    );
    if (fates.includes('fenced')) this.#lose('fenced');
    if (fates.includes('unresolved')) this.#lose('unresolved');
    this.#news();
    if (this.#loss !== undefined) throw this.#lossError();
    const { name } = this.#state;
    if (fates.includes('failed'))
      throw storeError('STORE_UNREACHABLE', `A write to ${name} failed.`, { retryable: true });
    if (fates.some((fate, i) => fate === 'superseded' && changes[i]?.isEdit)) throw unresolved(name);
  }

  /** Until it is sure what became of it: repeated with the same number, in the end fenced. */
  async #land(change: Change, row: Row, old: Row | undefined): Promise<Fate> {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      try {
        return await this.#attempt(change, row, old, attempt > 1);
      } catch {
        await this.#caller.proc.runtime.sleep(PAUSE_MS * attempt);
      }
    }
    const { disk } = this.#caller;
    const { id, ver, n } = row;
    try {
      return await this.#caller.call(`fills ${this.slot}:${n} of ${this.#state.name} itself`, () => {
        const { places } = slotOf(this.#state, this.slot);
        const holder = places.get(n);
        if (holder) return holder.id === id && holder.ver === ver ? 'landed' : 'failed';
        if (holder === null) return 'fenced';
        if (disk.mistake !== 'no-hole-fence') places.set(n, null);
        return 'failed';
      });
    } catch {
      return 'unresolved';
    }
  }

  /** The server judges by two unique keys, the id with its expected version and the number. */
  #attempt(change: Change, row: Row, old: Row | undefined, isHazy: boolean): Promise<Fate> {
    const { disk, proc } = this.#caller;
    const state = this.#state;
    const { id, ver, n, slot } = row;
    const land = (): Fate =>
      disk.transact(true, () => {
        const { places } = slotOf(state, slot);
        const holder = places.get(n);
        if (holder !== undefined) {
          const isItself = isHazy && holder?.id === id && holder.ver === ver;
          return isItself ? 'landed' : 'fenced';
        }
        const there = state.rows.get(id);
        if (!replaces(disk.mistake === 'no-ver-guard', change, old, there, row)) {
          return isHazy && there !== undefined && there.ver > ver ? 'superseded' : 'missed';
        }
        disk.put(state, row);
        if (change.isEdit) disk.ears.edited(disk, state.name, row, there, proc.name);
        else disk.ears.applied(disk, state.name, row, proc.name, this.#openedAt);
        return 'landed';
      });
    return this.#caller.call(() => `writes ${id} at ${slot}:${n} of ${state.name}`, land, true);
  }

  /** Numbers in the order of the calls; waits while the window is used up. */
  #reserve(count: number): Promise<number[]> {
    const mine = this.#turn.then(async () => {
      await this.#until(() => this.#numbering.hasRoom(count));
      if (this.#loss !== undefined) throw this.#lossError();
      return Array.from({ length: count }, () => this.#numbering.take());
    });
    this.#turn = mine.catch(() => {});
    return mine;
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && this.#loss === undefined) {
      this.#news();
      await this.#changed.promise;
    }
  }

  #news(): void {
    if (!this.#isPublishing && this.#loss === undefined && this.#numbering.settled > this.#numbering.published) {
      void this.#publishAll();
    }
  }

  async #publishAll(): Promise<void> {
    this.#isPublishing = true;
    while (this.#loss === undefined && this.#numbering.settled > this.#numbering.published) {
      const stable = this.#numbering.settled;
      try {
        if (await publish(this.#caller, this.#state, this.#lease, stable)) this.#numbering.publish(stable);
        else this.#lose('fenced');
      } catch {
        await this.#caller.proc.runtime.sleep(PAUSE_MS);
      }
      this.#announce();
    }
    this.#isPublishing = false;
  }

  #lose(loss: 'fenced' | 'unresolved'): void {
    this.#loss ??= loss;
    this.#lease.lostAt ??= this.#caller.proc.world.now;
    this.#announce();
  }

  #announce(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }

  #lossError(): Error {
    const { name, mode } = this.#state;
    if (this.#loss === 'unresolved') return unresolved(name);
    if (mode === 'read-only') return readOnly(this.#state);
    return storeError('WRITER_FENCED', `This writer of ${name} was taken over.`);
  }
}

/** Edits replace exactly the version that was read; replicas any older one, or the one that they expect. */
function replaces(
  isUnguarded: boolean,
  change: Change,
  old: Row | undefined,
  there: Row | undefined,
  row: Row,
): boolean {
  if (there?.ver === old?.ver) return true;
  if (change.isEdit || there === undefined) return false;
  if (change.decide(there)?.result === 'conflict') return false;
  return isUnguarded || there.ver < row.ver;
}

function unresolved(name: string): Error {
  return storeError('WRITE_UNRESOLVED', `Nobody can say whether a write to ${name} landed.`, { retryable: true });
}
