import type { AnyEdit, Outcome, Replica, Writer } from '../contract.ts';
import { codeOf, storeError } from '../errors.ts';
import type { Faults } from '../faults.ts';
import { prepareEdits, prepareReplicas, type Stamper } from '../stamp.ts';
import { type Change, editChange, type Found, foundOf, projectionFor, replicaChange } from './change.ts';
import { nextPause, pause } from './connection.ts';
import type { MongodbControl } from './control.ts';
import { closedError, goneError } from './failures.ts';
import { type Landing, land } from './landing.ts';
import { readMode, readOnlyError, type WritableMode } from './modes.ts';
import { Numbering } from './numbering.ts';
import { Publisher } from './publisher.ts';
import type { Revisions } from './revisions.ts';
import {
  checkShutOut,
  type Lease,
  publish,
  readSlot,
  release,
  type SlotDocument,
  type SlotsContext,
  takeOver,
  WINDOW,
} from './slots.ts';
import { checkStorable } from './stored-document.ts';

/** Documents and characters of one command (which may be 7 times as large in BSON, and 16 MiB at most). */
const CHUNK_DOCS_MAX = 64;
const BULK_CHUNK_DOCS_MAX = 512;
const CHUNK_CHARS_MAX = 2 * 1024 * 1024;
/** Commands of one batch that are under way at a time. */
const CHUNKS_AT_ONCE_MAX = 4;

/** An edit is tried anew at least so often where others change the document all the time. */
const ROUNDS_MIN = 10;

/**
 * Replicas are inserted at first, which costs servers less than replacing what may be there. Where more than this share
 * of a command met something, so many commands replace, before the next one inserts again.
 */
const MET_SHARE_MAX = 0.2;
const REPLACING_CHUNKS = 32;

type Kind = 'edit' | 'apply';

export interface WriterContext extends SlotsContext {
  readonly control: MongodbControl;
  readonly stamper: Stamper;
  readonly faults: Faults | undefined;
  readonly onClose: () => void;
}

/** One leased slot, and the batches that are written through it. */
export class MongodbWriter<C> implements Writer<C> {
  readonly slot: number;
  readonly epoch: number;
  readonly #context: WriterContext;
  readonly #lease: SlotDocument;
  readonly #mode: WritableMode;
  readonly #numbering: Numbering;
  readonly #publisher: Publisher;
  readonly #revisions: Revisions;
  readonly #pending = new Set<Promise<unknown>>();
  #acknowledged = 0;
  /** Commands that are still to replace what they may meet. */
  #replacing = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor({ slot: lease, mode }: Lease, context: WriterContext) {
    this.#mode = mode;
    this.slot = lease.slot;
    this.epoch = lease.epoch;
    this.#lease = lease;
    this.#context = context;
    this.#numbering = new Numbering(lease.stable, lease.window);
    this.#publisher = new Publisher(context, lease, this.#numbering, context.faults);
    this.#revisions = context.control.revisions();
  }

  edit(edits: readonly AnyEdit<C>[]): Promise<Outcome[]> {
    const { name, stamper } = this.#context;
    return this.#write('edit', () =>
      prepareEdits(name, edits).map((edit) => {
        const change = editChange(stamper, edit);
        checkStorable(edit.id, edit.content, change.chars);
        return change;
      }),
    );
  }

  async apply(replicas: readonly Replica<C>[], note?: { id: string; value: unknown }): Promise<Outcome[]> {
    const { stamper, control } = this.#context;
    const prepare = () =>
      prepareReplicas(replicas).map((prepared) => {
        const change = replicaChange(stamper, prepared);
        checkStorable(change.id, prepared.content, change.chars);
        return change;
      });
    if (!note) return await this.#write('apply', prepare);
    const prepared = control.prepare(note.id, note.value, this.#revisions);
    prepared.catch(() => {});
    return await this.#write('apply', prepare, async (outcomes) => {
      // What wrote nothing did not show either that the slot is still this writer's.
      if (!outcomes.some(({ result }) => result === 'written')) await this.#confirm();
      await (await prepared)();
    });
  }

  async settle(): Promise<void> {
    const target = this.#acknowledged;
    const deadline = performance.now() + this.#context.db.waitMsMax;
    await this.#publisher.until(() => this.#numbering.published >= target, deadline);
    if (this.#numbering.published < target) throw await this.#explain('apply', this.#lossError());
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The store closes: an idle writer gives its slot back, any other leaves it to be taken over. */
  async abandon(): Promise<void> {
    this.#publisher.stop();
    if (this.#pending.size === 0) await this.close();
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#pending]);
    const { db, onClose } = this.#context;
    this.#publisher.stop();
    onClose();
    if (db.isClosed) return;
    const { loss } = this.#publisher;
    const { settled, last } = this.#numbering;
    if (loss === undefined && settled === last) {
      await release(this.#context, this.#lease, settled);
      this.#numbering.publish(settled);
    } else if (loss === undefined || loss === 'unresolved') {
      // Best effort: otherwise whoever opens next does it, when the lease has run out.
      await takeOver(this.#context, this.slot, this.epoch).catch(() => {});
    }
  }

  async #write(
    kind: Kind,
    prepare: () => Change[],
    after?: (outcomes: readonly Outcome[]) => Promise<void>,
  ): Promise<Outcome[]> {
    const writing = this.#prepareAndWrite(kind, prepare, after);
    this.#pending.add(writing);
    try {
      return await writing;
    } catch (error) {
      throw await this.#explain(kind, error);
    } finally {
      this.#pending.delete(writing);
    }
  }

  async #prepareAndWrite(
    kind: Kind,
    prepare: () => Change[],
    after?: (outcomes: readonly Outcome[]) => Promise<void>,
  ): Promise<Outcome[]> {
    this.#context.db.checkOpen();
    if (this.#closed) throw storeError('WRITER_CLOSED', `This writer of ${this.#context.name} is closed.`);
    const changes = prepare();
    if (this.#publisher.loss !== undefined || (kind === 'edit' && this.#mode === 'replica')) throw this.#lossError();
    const outcomes = await this.#writeAll(changes);
    await after?.(outcomes);
    return outcomes;
  }

  /** Throws where the slot is not this writer's any more. */
  async #confirm(): Promise<void> {
    if (await publish(this.#context, this.#lease, this.#numbering.published)) return;
    const there = await readSlot(this.#context, this.slot);
    // A publication that was sent later came first.
    if (there?.state === 'leased' && there.epoch === this.epoch) return;
    this.#publisher.lose('fenced');
    throw this.#lossError();
  }

  async #writeAll(changes: readonly Change[]): Promise<Outcome[]> {
    const chunks = chunksOf(changes, this.#lease.window > WINDOW ? BULK_CHUNK_DOCS_MAX : CHUNK_DOCS_MAX);
    const outcomes: Outcome[][] = [];
    let failure: { error: unknown } | undefined;
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let at = next++; at < chunks.length && !failure; at = next++) {
        try {
          outcomes[at] = await this.#writeChunk(chunks[at] ?? []);
        } catch (error) {
          failure ??= { error };
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(CHUNKS_AT_ONCE_MAX, chunks.length) }, lane));
    if (failure) throw failure.error;
    return outcomes.flat();
  }

  /** Round after round, until each document was written or decided upon. */
  async #writeChunk(changes: readonly Change[]): Promise<Outcome[]> {
    const { db, name } = this.#context;
    const outcomes = new Map<string, Outcome>();
    const deadline = performance.now() + db.waitMsMax;
    let open = changes;
    let pauseMs = nextPause(1);
    for (let round = 1; ; round += 1) {
      const isHopeful = ({ reads }: Change) => round === 1 && reads === 'nothing';
      const there = await this.#there(open.filter((change) => !isHopeful(change)));
      const toWrite: Change[] = [];
      for (const change of open) {
        const outcome = isHopeful(change) ? undefined : change.decide(there.get(change.id));
        if (outcome) outcomes.set(change.id, outcome);
        else toWrite.push(change);
      }
      if (toWrite.length > 0) await this.#writeRound(toWrite, there, outcomes);
      open = toWrite.filter(({ id }) => !outcomes.has(id));
      const [first] = open;
      if (!first) return changes.flatMap(({ id }) => outcomes.get(id) ?? []);
      if (round >= ROUNDS_MIN && performance.now() > deadline) {
        const message = `Other writers changed document ${first.id} of ${name} in all of ${round} attempts.`;
        throw storeError('EDIT_CONTENDED', message, { input: first.id, retryable: true });
      }
      if (round > 1) await pause(pauseMs);
      pauseMs = nextPause(pauseMs);
    }
  }

  /** Writes each once; those that met another version than they took for there have no outcome afterwards. */
  async #writeRound(
    changes: readonly Change[],
    there: ReadonlyMap<string, Found>,
    outcomes: Map<string, Outcome>,
  ): Promise<void> {
    const numbers = await this.#reserve(changes.length);
    const overOlder = this.#replacing > 0;
    const landings = changes.map((change, i) =>
      change.land(there.get(change.id), this.slot, numbers[i] ?? 0, overOlder),
    );
    const inserts = landings.filter(({ operation }) => 'insertOne' in operation);
    const others = landings.filter(({ operation }) => !('insertOne' in operation));
    try {
      await Promise.all(
        [inserts, others].map((some) => some.length > 0 && land({ ...this.#context, slot: this.slot }, some)),
      );
    } catch (error) {
      this.#publisher.lose('crashed');
      throw error;
    }
    const met = inserts.filter(({ fate }) => fate === 'missed').length;
    this.#replacing = met > inserts.length * MET_SHARE_MAX ? REPLACING_CHUNKS : Math.max(0, this.#replacing - 1);
    for (const [i, one] of landings.entries()) this.#conclude(one, changes[i]?.ifSuperseded, outcomes);
    this.#publisher.news();
    await this.#throwFailure(landings, outcomes);
  }

  #conclude({ id, ver, n, fate }: Landing, ifSuperseded: Outcome | undefined, outcomes: Map<string, Outcome>): void {
    if (fate === 'fenced' || fate === 'unresolved') return;
    this.#numbering.resolve(n);
    if (fate === 'superseded' && ifSuperseded) outcomes.set(id, ifSuperseded);
    if (fate !== 'landed') return;
    this.#acknowledged = Math.max(this.#acknowledged, n);
    outcomes.set(id, { id, result: 'written', ver, n });
  }

  async #throwFailure(landings: readonly Landing[], outcomes: ReadonlyMap<string, Outcome>): Promise<void> {
    const unresolved = landings.find(({ fate }) => fate === 'unresolved');
    if (unresolved) this.#publisher.lose('unresolved');
    if (landings.some(({ fate }) => fate === 'fenced')) {
      this.#publisher.lose('fenced');
      throw this.#lossError();
    }
    const failed = landings.find(({ fate }) => fate === 'failed');
    if (failed) throw failed.error;
    const unclear = unresolved ?? landings.find(({ fate, id }) => fate === 'superseded' && !outcomes.has(id));
    if (!unclear) return;
    if (['STORE_FULL', 'STORE_CLOSED'].includes(codeOf(unclear.error))) throw unclear.error;
    const { db, name } = this.#context;
    const message = `The store ${db.shown} did not say whether document ${unclear.id} of ${name} was written.`;
    throw storeError('WRITE_UNRESOLVED', message, { input: unclear.id, cause: unclear.error });
  }

  /** Numbers for one chunk, in the order of the calls; waits while the window is used up. */
  #reserve(count: number): Promise<number[]> {
    const deadline = performance.now() + this.#context.db.waitMsMax;
    const mine = this.#turn.then(async () => {
      await this.#publisher.until(() => this.#numbering.hasRoom(count), deadline);
      if (this.#publisher.loss !== undefined) throw this.#lossError();
      return Array.from({ length: count }, () => this.#numbering.take());
    });
    this.#turn = mine.catch(() => {});
    return mine;
  }

  async #there(changes: readonly Change[]): Promise<Map<string, Found>> {
    if (changes.length === 0) return new Map();
    const { db, name } = this.#context;
    const ids = changes.map(({ id }) => id);
    const projection = projectionFor(changes);
    const found = await db.patiently(() =>
      db
        .documents(name)
        .find({ _id: { $in: ids } }, { batchSize: ids.length, ...(projection && { projection }) })
        .toArray(),
    );
    return new Map(found.map((doc) => [doc._id, foundOf(doc)]));
  }

  #lossError(): Error {
    const { db, name } = this.#context;
    const { loss } = this.#publisher;
    if (db.isClosed) return closedError(db.shown);
    if (loss === 'gone') return goneError(db.shown);
    const why = loss === 'crashed' || loss === 'unresolved' ? 'gave up its slot' : 'was taken over by another process';
    return storeError('WRITER_FENCED', `This writer of ${name} in ${db.shown} ${why}.`, { input: name });
  }

  /** Whether it was a change of mode that ended this writer, or its kind is shut out. */
  async #explain(kind: Kind, error: unknown): Promise<unknown> {
    if (codeOf(error) !== 'WRITER_FENCED') return error;
    const { db, name } = this.#context;
    const mode = await readMode(this.#context);
    const isRefused = mode === 'read-only' || (mode === 'replica' && kind === 'edit');
    if (isRefused) return readOnlyError(db, name, mode);
    return await checkShutOut(this.#context, this.#lease.owner).then(
      () => error,
      (shutOut) => shutOut,
    );
  }
}

function chunksOf(changes: readonly Change[], docsMax: number): Change[][] {
  const chunks: Change[][] = [];
  let chars = 0;
  for (const change of changes) {
    const last = chunks.at(-1);
    chars += change.chars;
    if (last && last.length < docsMax && chars <= CHUNK_CHARS_MAX) {
      last.push(change);
    } else {
      chunks.push([change]);
      chars = change.chars;
    }
  }
  return chunks;
}
