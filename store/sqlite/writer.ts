import { setImmediate as turn } from 'node:timers/promises';
import type { AnyEdit, Between, Durability, Outcome, Replica, Writer, WriterOptions } from '../contract.ts';
import type { DatabaseName } from '../documents.ts';
import { storeError } from '../errors.ts';
import type { Faults } from '../faults.ts';
import {
  conflicts,
  heals,
  isStale,
  type PreparedEdit,
  type PreparedReplica,
  passes,
  prepareEdits,
  prepareReplicas,
  type Stamper,
  stampEdit,
  stampSerialized,
  stampUnparsed,
  type Unparsed,
} from '../stamp.ts';
import type { Connection } from './connection.ts';
import { putNote } from './control.ts';
import type { Rows } from './rows.ts';
import { checkShutOut, dropLease, type Lease, numbersFor, reserve, SLOT, type WriteKind } from './slots.ts';

/** Documents and bytes of one transaction: larger batches give others a turn in between. */
const TRANSACTION_DOCS_MAX = 256;
const BULK_TRANSACTION_DOCS_MAX = 1024;
const TRANSACTION_CHARS_MAX = 8 * 1024 * 1024;

/** What a writer needs of its store. */
export interface WriterContext {
  readonly db: Connection;
  readonly rows: Rows;
  readonly stamper: Stamper;
  readonly faults: Faults | undefined;
  readonly onClose: () => void;
}

/** One document of a batch, whichever way it came: `place` stamps it, or tells why it is not to be written. */
interface Change {
  readonly id: string;
  readonly chars: number;
  readonly place: (numbers: Numbering) => Outcome;
}

interface Batch {
  readonly kind: WriteKind;
  readonly changes: readonly Change[];
  readonly between: Between | undefined;
  /** To be put with the last of them. */
  readonly note?: { readonly id: string; readonly json: string };
}

/**
 * Versions further after the wall clock than this are synced, whoever writes: a power cut that took them, and the clock's
 * memory of them, would have the next edits get the same versions again. Coming back takes longer than this.
 */
const AHEAD_MS_MAX = 1000;

/** Versions were given that must not be lost: to be written again, synced. */
class AheadOfTheClock extends Error {}

/** The numbers were used up: to be reserved, outside the transaction, and tried again. */
class NumbersUsedUp extends Error {}

/** Gives numbers inside one transaction. */
class Numbering {
  last: number;
  readonly #end: number;

  constructor(next: number, end: number) {
    this.last = next - 1;
    this.#end = end;
  }

  next(): number {
    if (this.last >= this.#end) throw new NumbersUsedUp();
    this.last += 1;
    return this.last;
  }
}

export class SqliteWriter<C> implements Writer<C> {
  readonly slot = SLOT;
  readonly epoch: number;
  readonly lease: number;
  readonly #shutOutRev: number;
  readonly #options: WriterOptions;
  readonly #context: WriterContext;
  readonly #pending = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(lease: Lease, options: WriterOptions, context: WriterContext) {
    this.lease = lease.lease;
    this.epoch = lease.epoch;
    this.#shutOutRev = lease.shutOutRev;
    this.#options = options;
    this.#context = context;
  }

  get #name(): DatabaseName {
    return this.#context.rows.name;
  }

  edit(edits: readonly AnyEdit<C>[]): Promise<Outcome[]> {
    return this.#write(() => {
      const changes = prepareEdits(this.#name, edits).map((edit) => this.#editChange(edit));
      return { kind: 'edit', changes, between: undefined };
    });
  }

  apply(
    replicas: readonly Replica<C>[],
    note?: { readonly id: string; readonly value: unknown },
    between?: Between,
  ): Promise<Outcome[]> {
    return this.#write(() => {
      const changes = prepareReplicas(replicas).map((replica) => this.#replicaChange(replica));
      const put = note && { id: note.id, json: JSON.stringify(note.value) };
      return { kind: 'apply', changes, between, ...(put && { note: put }) };
    });
  }

  /** `stable` is the last committed number: what was acknowledged is covered already. */
  async settle(): Promise<void> {}

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#pending]);
    const { db, onClose } = this.#context;
    onClose();
    if (db.isClosed) return;
    // Synced, and with it all that this writer wrote lazily.
    await db.write('sync', () => dropLease(db, this.lease));
  }

  async #write(prepare: () => Batch): Promise<Outcome[]> {
    this.#context.db.checkOpen();
    if (this.#closed) throw storeError('WRITER_CLOSED', `This writer of ${this.#name} is closed.`);
    const writing = this.#writeAll(prepare());
    this.#pending.add(writing);
    try {
      return await writing;
    } finally {
      this.#pending.delete(writing);
    }
  }

  async #writeAll({ kind, changes, between, note }: Batch): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    const docsMax = this.#options.bulk ? BULK_TRANSACTION_DOCS_MAX : TRANSACTION_DOCS_MAX;
    for (let from = 0; from < changes.length || (from === 0 && note); ) {
      if (from > 0) await turn();
      const to = endOfTransaction(changes, from, docsMax);
      const isLast = to >= changes.length;
      outcomes.push(
        ...(await this.#transact({ kind, changes: changes.slice(from, to), between, ...(isLast && note && { note }) })),
      );
      if (isLast) break;
      from = to;
    }
    return outcomes;
  }

  async #transact(batch: Batch): Promise<Outcome[]> {
    const { db, faults } = this.#context;
    const info = { database: this.#name, slot: SLOT };
    await faults?.at('before-commit', { ...info, n: 0 });
    const { outcomes, last } = await this.#commit(db, batch);
    try {
      await faults?.at('after-commit', { ...info, n: last });
    } catch (cause) {
      throw storeError('WRITE_UNRESOLVED', `The store ${db.path} did not answer.`, { input: db.path, cause });
    }
    return outcomes;
  }

  async #commit(db: Connection, batch: Batch): Promise<{ outcomes: Outcome[]; last: number }> {
    const { bulk } = this.#options;
    let durability: Durability = this.#isAhead(batch) ? 'sync' : this.#options.durability;
    for (;;) {
      const use = (): { outcomes: Outcome[]; last: number } => {
        const placed = this.#place(db, batch);
        if (durability === 'lazy' && this.#isAhead(batch)) throw new AheadOfTheClock();
        return placed;
      };
      try {
        return await db.write(durability, use, bulk);
      } catch (error) {
        if (error instanceof AheadOfTheClock) durability = 'sync';
        else if (error instanceof NumbersUsedUp)
          await db.write('sync', () => reserve(db, this.#name, batch.changes.length));
        else throw error;
      }
    }
  }

  #isAhead({ kind }: Batch): boolean {
    return kind === 'edit' && this.#context.stamper.versions.aheadMs() > AHEAD_MS_MAX;
  }

  #place(db: Connection, { kind, changes, between, note }: Batch): { outcomes: Outcome[]; last: number } {
    const { rows, stamper } = this.#context;
    checkShutOut(db, this.#name, this.#options.owner, this.#shutOutRev);
    const { next, end } = numbersFor(db, this.#name, this.epoch, kind);
    const numbering = new Numbering(next, end);
    // Another process may have numbered later than this one's clock shows: its integer ids must stay below.
    if (kind === 'edit') stamper.versions.observeNumber(rows.greatestNum());
    const outcomes = changes.map((change) => {
      between?.();
      return change.place(numbering);
    });
    if (note) putNote(db, note.id, note.json);
    return { outcomes, last: numbering.last };
  }

  #editChange(edit: PreparedEdit): Change {
    const { rows, stamper } = this.#context;
    const place = (numbering: Numbering): Outcome => {
      const there = rows.there(edit.id);
      if (!passes(edit, there)) return { id: edit.id, result: 'conflict' };
      const n = numbering.next();
      const stamped = edit.serialized
        ? stampSerialized(stamper, edit, edit.serialized, there, SLOT)
        : stampEdit(stamper, edit, there, SLOT);
      rows.put(stamped, () => stamped.content, n, there?.n);
      return written(stamped, n);
    };
    return { id: edit.id, chars: edit.serialized?.bytes ?? edit.head.length, place };
  }

  #replicaChange(prepared: PreparedReplica): Change {
    const { rows, stamper } = this.#context;
    const { replica, body } = prepared;
    const place = (numbering: Numbering): Outcome => {
      const there = rows.there(replica.id);
      if (isStale(replica, there)) return { id: replica.id, result: 'stale' };
      if (conflicts(replica, there)) return { id: replica.id, result: 'conflict' };
      const stamped = stampUnparsed(stamper, prepared);
      if (there?.ver === replica.ver && !heals(stamped, rows.stored(there.n)))
        return { id: replica.id, result: 'stale' };
      const n = numbering.next();
      rows.put(stamped, () => prepared.content, n, there?.n);
      return written(stamped, n);
    };
    return { id: replica.id, chars: body.length, place };
  }
}

function written(stamped: Pick<Unparsed, 'id' | 'ver'>, n: number): Outcome {
  return { id: stamped.id, result: 'written', ver: stamped.ver, n };
}

function endOfTransaction(changes: readonly Change[], from: number, docsMax: number): number {
  let chars = 0;
  let to = from;
  while (to < changes.length && to - from < docsMax) {
    chars += changes[to]?.chars ?? 0;
    if (chars > TRANSACTION_CHARS_MAX && to > from) break;
    to += 1;
  }
  return to;
}
