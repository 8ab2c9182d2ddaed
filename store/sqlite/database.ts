import type {
  Between,
  BucketSum,
  ChangeFeed,
  ChangePage,
  Database,
  DigestPage,
  DigestQuery,
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
import { countAfter, digests } from './digests.ts';
import { buildIndexes, deferIndexes } from './indexes.ts';
import { DOCUMENT, type DocumentRow, documentOf, isLive, Rows, unparsedOf } from './rows.ts';
import { changeMode, fence, modeOf, SLOT, shutOut, slotState, takeLease } from './slots.ts';
import { bucketSums } from './sums.ts';
import { SqliteWriter } from './writer.ts';

/** A page of changes ends once its bodies exceed this, unless the caller says otherwise. */
const PAGE_CHARS_MAX = 32 * 1024 * 1024;

interface PageWish {
  readonly slot: number;
  readonly after: number;
  readonly limit: number;
  readonly charsMax: number | undefined;
  readonly between: Between | undefined;
}

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
      read: (slot, after, limit, charsMax, between) => this.#read({ slot, after, limit, charsMax, between }),
      remaining: (slot, after) => this.#remaining(slot, after),
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

  async versions(ids: readonly string[]): Promise<Map<string, Versioned<C>>> {
    const sql = `SELECT ${DOCUMENT} FROM ${this.name} WHERE _id = ?`;
    return await this.db.read(() => {
      const found = new Map<string, Versioned<C>>();
      for (const id of ids) {
        const row = this.db.statement(sql).get(id) as DocumentRow | undefined;
        if (row) found.set(id, unparsedOf(row));
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
    const first = from === '_id > ?' ? after : prefix;
    return await this.db.read(() => {
      const rows = this.db.statement(sql).all(first, end, deleted ? 1 : 0, limit) as unknown as DocumentRow[];
      return rows.map(unparsedOf<C>);
    });
  }

  async count(): Promise<number> {
    const all = `SELECT count(*) FROM ${this.name}`;
    const sql = `SELECT (${all}) - (${all} WHERE del = 1) AS count`;
    return await this.db.read(() => Number(this.db.statement(sql).get()?.count));
  }

  async bucketSums(): Promise<BucketSum[]> {
    return await bucketSums(this.name, this.db.patience);
  }

  async digests(query: DigestQuery): Promise<DigestPage> {
    return await digests(this.name, this.db.patience, query);
  }

  async mode(): Promise<Mode> {
    return await this.db.read(() => modeOf(this.db, this.name));
  }

  async setMode(mode: Mode): Promise<void> {
    await this.db.write('sync', () => changeMode(this.db, this.name, mode));
  }

  async setIndexes(indexes: 'deferred' | 'kept'): Promise<boolean> {
    const { db, leases } = this.#context;
    return indexes === 'deferred'
      ? await deferIndexes(db, this.name, leases)
      : await buildIndexes(db, this.name, leases);
  }

  async openWriter(options: WriterOptions): Promise<Writer<C>> {
    const { db, stamper, faults, leases } = this.#context;
    const lease = await db.write('sync', () => takeLease(db, this.name, options.owner));
    leases.add(lease.lease);
    const endLoad = options.bulk ? db.beginLoad() : undefined;
    const onClose = () => {
      leases.delete(lease.lease);
      endLoad?.();
    };
    return new SqliteWriter<C>(lease, options, { db, rows: this.#rows, stamper, faults, onClose });
  }

  async shutOut(kind: string): Promise<SlotState[]> {
    return await this.db.write('sync', () => shutOut(this.db, this.name, kind));
  }

  #get(id: string): Live<C> | undefined {
    const sql = `SELECT ${DOCUMENT} FROM ${this.name} WHERE _id = ? AND del = 0`;
    const row = this.db.statement(sql).get(id) as DocumentRow | undefined;
    const doc = row && documentOf<C>(row);
    return doc && isLive(doc) ? doc : undefined;
  }

  async #slots(): Promise<SlotState[]> {
    return await this.db.snapshot(() => [slotState(this.db, this.name)]);
  }

  async #read({ slot, after, limit, charsMax = PAGE_CHARS_MAX, between }: PageWish): Promise<ChangePage<C>> {
    if (slot !== SLOT) return { docs: [], through: after, stable: 0 };
    return await this.db.snapshot(() => {
      const { stable } = slotState(this.db, this.name);
      const docs: Versioned<C>[] = [];
      const sql = `SELECT ${DOCUMENT} FROM ${this.name} WHERE n > ? ORDER BY n LIMIT ?`;
      let chars = 0;
      for (const row of this.db.statement(sql).iterate(after, limit) as IterableIterator<unknown>) {
        const document = row as DocumentRow;
        docs.push(unparsedOf<C>(document));
        chars += document.body.length;
        if (chars > charsMax) break;
        between?.();
      }
      const isCut = docs.length >= limit || chars > charsMax;
      // A checkpoint can be past `stable`, after a power cut took what was shipped already.
      const through = isCut ? (docs.at(-1)?.n ?? after) : Math.max(after, stable);
      return { docs, through, stable };
    });
  }

  async #remaining(slot: number, after: number): Promise<number> {
    return slot === SLOT ? await countAfter(this.db, this.name, after) : 0;
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
