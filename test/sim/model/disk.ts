import type { Mode, SiteId, Version, Versioned } from '../../../store/contract.ts';
import type { DatabaseName } from '../../../store/documents.ts';
import { storeError } from '../../../store/errors.ts';
import type { Stamped } from '../../../store/stamp.ts';
import type { Mistake } from '../mistakes.ts';

export type Engine = 'sqlite' | 'mongodb';

/** How far beyond `stable` a writer of the MongoDB-like model may number. */
export const WINDOW = 4;
/** Numbers that the SQLite-like model reserves at a time. */
export const RANGE = 12;

export interface Row extends Versioned<unknown>, Stamped {
  readonly body: string;
  readonly content: object | null;
}

export interface Slot {
  readonly slot: number;
  epoch: number;
  stable: number;
  state: 'free' | 'leased' | 'taking';
  owner: string;
  /** When its writer last gave a sign, by the server's clock. */
  beat: () => number;
  /** What stands at each number; null: a filler. */
  readonly places: Map<number, Row | null>;
  /** SQLite-like: the range that numbers come from. */
  base: number;
  reserved: number;
  /** SQLite-like: who has a writer open, by lease. */
  readonly leases: Map<number, string>;
}

export interface DatabaseState {
  readonly name: DatabaseName;
  mode: Mode;
  /** A change of mode was begun, and not every writer is fenced yet. */
  isChanging: boolean;
  rows: Map<string, Row>;
  slots: Map<number, Slot>;
}

export interface Note {
  readonly rev: number;
  readonly value: unknown;
}

/** Who watches what becomes of a store, from outside. `there`: what was replaced. */
export interface Ears {
  edited(disk: ModelDisk, database: DatabaseName, row: Row, there: Row | undefined, by: string): void;
  /** `openedAt`: when its writer was, in virtual time. */
  applied(disk: ModelDisk, database: DatabaseName, row: Row, by: string, openedAt: number): void;
  noted(disk: ModelDisk, id: string, value: unknown, by: string): void;
  /** A change of mode is complete, or one to `read-write` begins. */
  modeIs(disk: ModelDisk, database: DatabaseName, mode: Mode): void;
}

export interface Backup {
  readonly databases: Map<DatabaseName, DatabaseState>;
  readonly notes: Map<string, Note>;
}

interface Transaction {
  /** How to undo it, from the last step to the first. */
  readonly undo: (() => void)[];
  readonly rows: { readonly database: DatabaseName; readonly row: Row }[];
}

/** What one store holds, on its disk: it outlives processes. Every change is one step, atomic. */
export class ModelDisk {
  readonly site: SiteId;
  readonly engine: Engine;
  readonly mistake: Mistake;
  readonly ears: Ears;
  readonly databases = new Map<DatabaseName, DatabaseState>();
  readonly notes = new Map<string, Note>();
  revisions = 0;
  leases = 0;
  /** Raised when an older copy is put in place. */
  incarnation = 0;
  /** The transactions that are not synced yet. */
  #unsynced: Transaction[] = [];
  #transaction: Transaction | undefined;

  constructor(site: SiteId, engine: Engine, mistake: Mistake, ears: Ears) {
    this.site = site;
    this.engine = engine;
    this.mistake = mistake;
    this.ears = ears;
  }

  database(name: DatabaseName): DatabaseState {
    let found = this.databases.get(name);
    if (!found) {
      found = { name, mode: 'read-write', isChanging: false, rows: new Map(), slots: new Map() };
      this.databases.set(name, found);
      if (this.engine === 'sqlite') this.newSlot(found, 'free');
    }
    return found;
  }

  newSlot(state: DatabaseState, as: Slot['state']): Slot {
    const slot = state.slots.size + 1;
    const rest = { places: new Map<number, Row | null>(), base: 0, reserved: 0, beat: () => 0, leases: new Map() };
    const made: Slot = { slot, epoch: 1, stable: 0, state: as, owner: '', ...rest };
    state.slots.set(slot, made);
    return made;
  }

  /** One transaction, synced to the disk or not. What throws was not done. */
  transact<T>(isSynced: boolean | (() => boolean), run: () => T): T {
    const transaction: Transaction = { undo: [], rows: [] };
    this.#transaction = transaction;
    try {
      const result = run();
      if ((typeof isSynced === 'function' ? isSynced() : isSynced) || this.engine === 'mongodb') this.#unsynced = [];
      else if (transaction.undo.length > 0) this.#unsynced.push(transaction);
      return result;
    } catch (error) {
      for (const step of transaction.undo.reverse()) step();
      throw error;
    } finally {
      this.#transaction = undefined;
    }
  }

  put(state: DatabaseState, row: Row): void {
    const there = state.rows.get(row.id);
    const places = slotOf(state, row.slot).places;
    const old = there && slotOf(state, there.slot).places;
    if (there) old?.delete(there.n);
    places.set(row.n, row);
    state.rows.set(row.id, row);
    this.#transaction?.rows.push({ database: state.name, row });
    this.#transaction?.undo.push(() => {
      places.delete(row.n);
      if (there) {
        old?.set(there.n, there);
        state.rows.set(row.id, there);
      } else {
        state.rows.delete(row.id);
      }
    });
  }

  note(id: string, note: Note | undefined): void {
    const there = this.notes.get(id);
    if (note) this.notes.set(id, note);
    else this.notes.delete(id);
    this.#transaction?.undo.push(() => {
      if (there) this.notes.set(id, there);
      else this.notes.delete(id);
    });
  }

  /** How many transactions a power cut may take. */
  get unsynced(): number {
    return this.#unsynced.length;
  }

  /** The last `count` transactions that were not synced are gone. Returns what they had written. */
  cutPower(count: number): { readonly database: DatabaseName; readonly row: Row }[] {
    const lost = this.#unsynced.splice(Math.max(0, this.#unsynced.length - count));
    for (const { undo } of lost.toReversed()) for (const step of undo.reverse()) step();
    this.#unsynced = [];
    return lost.flatMap(({ rows }) => rows);
  }

  backup(): Backup {
    return { databases: copyOf(this.databases), notes: new Map(this.notes) };
  }

  /** Puts an older copy of everything in place. */
  restore({ databases, notes }: Backup): void {
    this.databases.clear();
    for (const [name, state] of copyOf(databases)) this.databases.set(name, state);
    this.incarnation += 1;
    this.notes.clear();
    for (const [id, note] of notes) this.notes.set(id, note);
    this.#unsynced = [];
  }
}

function copyOf(databases: ReadonlyMap<DatabaseName, DatabaseState>): Map<DatabaseName, DatabaseState> {
  const copy = new Map<DatabaseName, DatabaseState>();
  for (const [name, state] of databases) {
    const slots = new Map<number, Slot>();
    for (const [number, slot] of state.slots) {
      slots.set(number, {
        ...slot,
        beat: () => Number.NEGATIVE_INFINITY,
        places: new Map(slot.places),
        leases: new Map(slot.leases),
      });
    }
    copy.set(name, { ...state, rows: new Map(state.rows), slots });
  }
  return copy;
}

export function slotOf(state: DatabaseState, number: number): Slot {
  const slot = state.slots.get(number);
  if (slot) return slot;
  throw storeError('STORE_CORRUPT', `The model has no slot ${number} of ${state.name}.`, { input: state.name });
}

/** SQLite-like: nobody who has a writer open can write any more. */
export function fence(slot: Slot): void {
  slot.epoch += 1;
  slot.leases.clear();
}

/** The greatest number that is visible. */
export function lastOf({ places }: Slot): number {
  let last = 0;
  for (const n of places.keys()) if (n > last) last = n;
  return last;
}

/** Whether a document is there in this version. */
export function holds(state: DatabaseState, id: string, ver: Version): boolean {
  return state.rows.get(id)?.ver === ver;
}
