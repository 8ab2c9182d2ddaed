import type { ChangeFeed, ChangePage, SlotState } from '../contract.ts';
import { listSlots, type SlotDocument, type SlotsContext, slotId, stateOf, takeOver } from './slots.ts';
import { fromStored, REAL } from './stored-document.ts';

/** One database's changes: its documents, slot by slot, in the order of their numbers. */
export class MongodbChangeFeed<C> implements ChangeFeed<C> {
  readonly #context: SlotsContext;

  constructor(context: SlotsContext) {
    this.#context = context;
  }

  async slots(): Promise<SlotState[]> {
    return (await listSlots(this.#context)).map(stateOf);
  }

  /** `stable` is read first: a document that is written between the two reads lies beyond it. */
  async read(slot: number, after: number, limit: number): Promise<ChangePage<C>> {
    const { db, name } = this.#context;
    return await db.inOrder(async (session) => {
      const found = await db.control.findOne<SlotDocument>({ _id: slotId(name, slot) }, { session });
      const stable = found?.stable ?? 0;
      if (stable <= after || limit <= 0) return { docs: [], through: after, stable };
      const docs = await db
        .documents(name)
        .find({ slot, n: { $gt: after, $lte: stable }, ...REAL }, { session })
        .sort({ n: 1 })
        .limit(limit)
        .toArray();
      const through = docs.length < limit ? stable : (docs.at(-1)?.n ?? after);
      return { docs: docs.map(fromStored<C>), through, stable };
    });
  }

  takeOver(slot: number): Promise<SlotState> {
    return takeOver(this.#context, slot);
  }
}
