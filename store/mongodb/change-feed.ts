import { BSON } from 'mongodb';
import type { ChangeFeed, ChangePage, SlotState, Versioned } from '../contract.ts';
import {
  listSlots,
  readSlot,
  type SlotDocument,
  type SlotsContext,
  slotId,
  stateOf,
  takeOver,
  takeOverTheDead,
} from './slots.ts';
import { fillersOf, fromStored, REAL, type StoredDocument } from './stored-document.ts';

/** Tailers look for writers that are dead so often. */
export const DEAD_LOOK_MS = 10_000;

/** Numbers counted by one query: so no single answer takes longer than a connection is waited for. */
const COUNT_NUMBERS_MAX = 500_000;

/**
 * Numbers that one query of changes looks through, for each document asked for. With an open end some servers sort all
 * that is left for every page; where documents have moved on, and a stretch is empty, the next one is longer.
 */
const NUMBERS_A_DOC = 4;
const STRETCH_GROWTH = 8;

/** One database's changes: its documents, slot by slot, in the order of their numbers. */
export class MongodbChangeFeed<C> implements ChangeFeed<C> {
  readonly #context: SlotsContext;
  #lookedAt = performance.now();

  constructor(context: SlotsContext) {
    this.#context = context;
  }

  /** Who asks again and again is a tailer: it must not wait for what a dead writer left until another writer comes. */
  async slots(): Promise<SlotState[]> {
    const now = performance.now();
    if (now - this.#lookedAt >= DEAD_LOOK_MS) {
      this.#lookedAt = now;
      // Best effort: whoever may only read can follow all the same.
      await takeOverTheDead(this.#context).catch(() => {});
    }
    return (await listSlots(this.#context)).map(stateOf);
  }

  /**
   * `stable` is read first: a document that is written between the two reads lies beyond it. Characters are counted as
   * bytes of BSON, which are about as many; of documents it holds one answer of the server at most, which is 16 MiB.
   */
  async read(slot: number, after: number, limit: number, charsMax = Number.POSITIVE_INFINITY): Promise<ChangePage<C>> {
    const { db, name } = this.#context;
    return await db.inOrder(async (session) => {
      const found = await db.control.findOne<SlotDocument>({ _id: slotId(name, slot) }, { session });
      const stable = found?.stable ?? 0;
      if (stable <= after || limit <= 0) return { docs: [], through: after, stable };
      const docs: Versioned<C>[] = [];
      let chars = 0;
      let through = after;
      let numbers = limit * NUMBERS_A_DOC;
      while (through < stable && docs.length < limit && chars <= charsMax) {
        const upTo = Math.min(stable, through + numbers);
        const wanted = limit - docs.length;
        const cursor = db
          .documents(name)
          .find({ slot, n: { $gt: through, $lte: upTo }, ...REAL }, { session, raw: true, batchSize: wanted })
          .sort({ n: 1 })
          .limit(wanted);
        for await (const raw of cursor) {
          const bytes = raw as unknown as Uint8Array;
          docs.push(fromStored<C>(BSON.deserialize(bytes) as StoredDocument));
          chars += bytes.length;
          if (chars > charsMax) break;
        }
        const isCut = docs.length === limit || chars > charsMax;
        through = isCut ? (docs.at(-1)?.n ?? upTo) : upTo;
        numbers *= STRETCH_GROWTH;
      }
      return { docs, through, stable };
    });
  }

  /** From two indexes: every number that is taken, but for the fillers. */
  async remaining(slot: number, after: number): Promise<number> {
    const { db, name } = this.#context;
    const stable = (await readSlot(this.#context, slot))?.stable ?? 0;
    let count = 0;
    for (let from = after; from < stable; from += COUNT_NUMBERS_MAX) {
      const n = { $gt: from, $lte: Math.min(stable, from + COUNT_NUMBERS_MAX) };
      count += await db.patiently(() => db.documents(name).countDocuments({ slot, n }));
      count -= await db.patiently(() => db.documents(name).countDocuments({ _id: fillersOf(slot), slot, n, fill: 1 }));
    }
    return count;
  }

  takeOver(slot: number): Promise<SlotState> {
    return takeOver(this.#context, slot);
  }
}
