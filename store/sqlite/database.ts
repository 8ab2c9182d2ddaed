import type {
  BucketSum,
  ChangeFeed,
  ChangePage,
  Database,
  Live,
  Mode,
  ScanOptions,
  SlotState,
  Versioned,
  Writer,
  WriterOptions,
} from '../contract.ts';
import type { DatabaseName } from '../documents.ts';
import type { Faults } from '../faults.ts';
import { compareIds, endOfPrefix } from '../id-order.ts';
import type { Stamper } from '../stamp.ts';
import type { Connection } from './connection.ts';
import { DOCUMENT, type DocumentRow, documentOf, isLive, Rows } from './rows.ts';
import { changeMode, fence, modeOf, SLOT, slotState, takeLease } from './slots.ts';
import { bucketSums } from './sums.ts';
import { SqliteWriter } from './writer.ts';

export interface DatabaseContext {
  readonly db: Connection;
  readonly stamper: Stamper;
  readonly faults: Faults | undefined;
  /** Leases of writers that are open, to be dropped when the store closes. */
  readonly leases: Set<number>;
}

/** One versioned database: a table of its own. */
export class SqliteDatabase<C> implements Database<C> {
  readonly name: DatabaseName;
  readonly changes: ChangeFeed<C>;
  protected readonly db: Connection;
  readonly #context: DatabaseContext;
  readonly #rows: Rows;

  constructor(name: DatabaseName, context: DatabaseContext) {
    this.name = name;
    this.db = context.db;
    this.#context = context;
    this.#rows = new Rows(context.db, name);
    this.changes = {
      slots: () => this.#slots(),
      read: (slot, after, limit) => this.#read(slot, after, limit),
      takeOver: (slot) => this.#takeOver(slot),
    };
  }

  async get(id: string): Promise<Live<C> | undefined> {
    return await this.db.read(() => this.#get(id));
  }

  async getMany(ids: readonly string[]): Promise<Map<string, Live<C>>> {
    return await this.db.read(() => {
      const found = new Map<string, Live<C>>();
      for (const id of ids) {
        const doc = this.#get(id);
        if (doc) found.set(id, doc);
      }
      return found;
    });
  }

  scan(options: ScanOptions & { deleted?: false }): Promise<Live<C>[]>;
  scan(options: ScanOptions): Promise<Versioned<C>[]>;
  async scan({ prefix = '', after = '', limit, deleted = false }: ScanOptions): Promise<Versioned<C>[]> {
    // One lower bound, so that the index is entered at the right place.
    const from = compareIds(after, prefix) >= 0 ? '_id > ?' : '_id >= ?';
    const sql = `SELECT ${DOCUMENT} FROM ${this.name} WHERE ${from} AND _id < ? AND del <= ? ORDER BY _id LIMIT ?`;
    // A blob sorts behind any text.
    const end = endOfPrefix(prefix) ?? new Uint8Array();
    return await this.db.read(() =>
      this.#documents(sql, from === '_id > ?' ? after : prefix, end, deleted ? 1 : 0, limit),
    );
  }

  async count(): Promise<number> {
    const all = `SELECT count(*) FROM ${this.name}`;
    const sql = `SELECT (${all}) - (${all} WHERE del = 1) AS count`;
    return await this.db.read(() => Number(this.db.statement(sql).get()?.count));
  }

  async bucketSums(): Promise<BucketSum[]> {
    return await bucketSums(this.name, this.db.patience);
  }

  async mode(): Promise<Mode> {
    return await this.db.read(() => modeOf(this.db, this.name));
  }

  async setMode(mode: Mode): Promise<void> {
    await this.db.write('sync', () => changeMode(this.db, this.name, mode));
  }

  async openWriter(options: WriterOptions): Promise<Writer<C>> {
    const { db, stamper, faults, leases } = this.#context;
    const lease = await db.write('sync', () => takeLease(db, this.name, options.owner));
    leases.add(lease.lease);
    const onClose = () => void leases.delete(lease.lease);
    return new SqliteWriter<C>(lease, options, { db, rows: this.#rows, stamper, faults, onClose });
  }

  #get(id: string): Live<C> | undefined {
    const sql = `SELECT ${DOCUMENT} FROM ${this.name} WHERE _id = ? AND del = 0`;
    const [doc] = this.#documents(sql, id);
    return doc && isLive(doc) ? doc : undefined;
  }

  #documents(sql: string, ...parameters: (string | number | Uint8Array)[]): Versioned<C>[] {
    const rows = this.db.statement(sql).all(...parameters) as unknown as DocumentRow[];
    return rows.map(documentOf<C>);
  }

  async #slots(): Promise<SlotState[]> {
    return await this.db.snapshot(() => [slotState(this.db, this.name)]);
  }

  async #read(slot: number, after: number, limit: number): Promise<ChangePage<C>> {
    if (slot !== SLOT) return { docs: [], through: after, stable: 0 };
    return await this.db.snapshot(() => {
      const { stable } = slotState(this.db, this.name);
      const sql = `SELECT ${DOCUMENT} FROM ${this.name} WHERE n > ? ORDER BY n LIMIT ?`;
      const docs = this.#documents(sql, after, limit);
      // A checkpoint can be past `stable`, after a power cut took what was shipped already.
      const through = docs.length < limit ? Math.max(after, stable) : (docs.at(-1)?.n ?? after);
      return { docs, through, stable };
    });
  }

  async #takeOver(slot: number): Promise<SlotState> {
    if (slot !== SLOT) return { slot, epoch: 0, stable: 0, window: 0, owner: '' };
    return await this.db.write('sync', () => fence(this.db, this.name));
  }
}

/** Rows come without a prototype. */
export function plain<T>(row: Record<string, unknown>): T {
  return { ...row } as T;
}
