import type { Collection, Filter } from 'mongodb';
import type {
  BucketSum,
  ChangeFeed,
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
import { type DatabaseName, NUMBERED } from '../documents.ts';
import type { Faults } from '../faults.ts';
import { compareIds, endOfPrefix } from '../id-order.ts';
import type { Stamper } from '../stamp.ts';
import { MongodbChangeFeed } from './change-feed.ts';
import type { Connection } from './connection.ts';
import type { MongodbControl } from './control.ts';
import { readDigests } from './digests.ts';
import { changeMode, readMode } from './modes.ts';
import { BULK_WINDOW, leaseSlot, listSlots, type SlotsContext, shutOut, takeOver, WINDOW } from './slots.ts';
import { fromStored, isLive, REAL, type StoredDocument } from './stored-document.ts';
import { countAll, sumBuckets } from './sums.ts';
import { MongodbWriter } from './writer.ts';

/** Ids asked for in one query. */
const IDS_MAX = 1000;

export interface DatabaseContext {
  readonly db: Connection;
  readonly control: MongodbControl;
  readonly schemaVersion: number;
  readonly stamper: Stamper;
  readonly faults: Faults | undefined;
  /** Those that are open, to be given up when the store closes. */
  readonly writers: Set<{ abandon(): Promise<void> }>;
}

/** One versioned database: a collection of its own. */
export class MongodbDatabase<C> implements Database<C> {
  readonly name: DatabaseName;
  readonly changes: ChangeFeed<C>;
  protected readonly db: Connection;
  protected readonly documents: Collection<StoredDocument>;
  readonly #context: DatabaseContext & SlotsContext;

  constructor(name: DatabaseName, context: DatabaseContext) {
    this.name = name;
    this.db = context.db;
    this.documents = context.db.documents(name);
    this.#context = { ...context, name };
    this.changes = new MongodbChangeFeed(this.#context);
  }

  async get(id: string): Promise<Live<C> | undefined> {
    const found = await this.db.patiently(() => this.documents.findOne({ _id: id, del: false }));
    const doc = found && fromStored<C>(found);
    return doc && isLive(doc) ? doc : undefined;
  }

  async getMany(ids: readonly string[]): Promise<Map<string, Live<C>>> {
    const found = new Map<string, Live<C>>();
    await this.someAtATime(ids, async (some) => {
      const options = { batchSize: some.length };
      for (const stored of await this.documents.find({ _id: { $in: some }, del: false }, options).toArray()) {
        const doc = fromStored<C>(stored);
        if (isLive(doc)) found.set(doc.id, doc);
      }
    });
    return found;
  }

  async versions(ids: readonly string[]): Promise<Map<string, Versioned<C>>> {
    const found = new Map<string, Versioned<C>>();
    await this.someAtATime(ids, async (some) => {
      const options = { batchSize: some.length };
      for (const stored of await this.documents.find({ _id: { $in: some }, ...REAL }, options).toArray())
        found.set(stored._id, fromStored<C>(stored));
    });
    return found;
  }

  scan(options: ScanOptions & { deleted?: false }): Promise<Live<C>[]>;
  scan(options: ScanOptions): Promise<Versioned<C>[]>;
  async scan({ prefix = '', after = '', limit, deleted = false }: ScanOptions): Promise<Versioned<C>[]> {
    // The server takes 0 for no limit.
    if (limit <= 0) return [];
    const end = endOfPrefix(prefix);
    const from = compareIds(after, prefix) >= 0 ? { $gt: after } : { $gte: prefix };
    const filter = { _id: { ...from, ...(end !== undefined && { $lt: end }) }, ...(deleted ? REAL : { del: false }) };
    const found = await this.db.patiently(() =>
      this.documents
        .find(filter as Filter<StoredDocument>)
        .sort({ _id: 1 })
        .limit(limit)
        .toArray(),
    );
    return found.map(fromStored<C>);
  }

  /** From two indexes; a document that is deleted meanwhile may count. */
  async count(): Promise<number> {
    return await this.db.patiently(async () => {
      const all = await countAll(this.documents);
      // Both conditions, as an index is used only where its own field is asked for.
      return all - (await this.documents.countDocuments({ del: true, delAt: { $gte: Number.MIN_SAFE_INTEGER } }));
    });
  }

  async bucketSums(): Promise<BucketSum[]> {
    return await this.db.patiently(() => sumBuckets(this.documents));
  }

  async digests(query: DigestQuery): Promise<DigestPage> {
    return await this.db.patiently(() => readDigests(this.documents, query));
  }

  async mode(): Promise<Mode> {
    return await readMode(this.#context);
  }

  /**
   * First the mode, so that no writer opens any more (`leaseSlot` looks again after it leased), then every slot that is
   * not free: from then on no number is left for anything still under way.
   */
  async setMode(mode: Mode): Promise<void> {
    await changeMode(this.#context, mode, async () => {
      const slots = await listSlots(this.#context);
      for (const { slot, state } of slots) if (state !== 'free') await takeOver(this.#context, slot);
    });
  }

  /** The server keeps its indexes while it writes; to leave them out would gain little, and hide the sums. */
  async setIndexes(): Promise<boolean> {
    return false;
  }

  async openWriter(options: WriterOptions): Promise<Writer<C>> {
    const { stamper, writers } = this.#context;
    if (NUMBERED.has(this.name)) stamper.versions.observeNumber(await this.#greatestNum());
    const window = options.bulk ? BULK_WINDOW : WINDOW;
    const lease = await leaseSlot(this.#context, options.owner, window);
    const onClose = (): void => void writers.delete(writer);
    const writer: MongodbWriter<C> = new MongodbWriter<C>(lease, { ...this.#context, onClose });
    writers.add(writer);
    return writer;
  }

  async shutOut(kind: string): Promise<SlotState[]> {
    return await shutOut(this.#context, kind);
  }

  /** New integer ids must be greater than all there are, whatever the clock says. 0 where there is none. */
  async #greatestNum(): Promise<number> {
    const [doc] = await this.db.patiently(() =>
      this.documents
        .find({}, { projection: { num: 1 } })
        .sort({ num: -1 })
        .limit(1)
        .toArray(),
    );
    return Number(doc?.num ?? 0);
  }

  protected async someAtATime<T>(items: readonly T[], use: (some: T[]) => Promise<void>): Promise<void> {
    this.db.checkOpen();
    for (let from = 0; from < items.length; from += IDS_MAX) {
      const some = items.slice(from, from + IDS_MAX);
      await this.db.patiently(() => use(some));
    }
  }
}
