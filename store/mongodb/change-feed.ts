import { BSON, type ClientSession } from 'mongodb';
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
import { fillersOf, fromStored, type StoredDocument } from './stored-document.ts';

/** Tailers look for writers that are dead so often. */
export const DEAD_LOOK_MS = 10_000;

/** Numbers counted by one query: so no single answer takes longer than a connection is waited for. */
const COUNT_NUMBERS_MAX = 500_000;

/**
 * Numbers that one query of changes looks through, for each document asked for: as many as it took for the page before.
 * With an open end some servers sort all that is left for every page. Where documents have moved on, and there is less
 * than half a page in a stretch, the next one is longer.
 */
const NUMBERS_A_DOC_MAX = 8;
const GROWTH = 2;
const GROWTH_WHERE_NONE = 8;

/** What the last page of a slot was like, to size the next one. */
interface Density {
  readonly numbersADoc: number;
  readonly charsADoc: number;
}

const DENSE: Density = { numbersADoc: 1, charsADoc: 0 };

/** One database's changes: its documents, slot by slot, in the order of their numbers. */
export class MongodbChangeFeed<C> implements ChangeFeed<C> {
  readonly #context: SlotsContext;
  readonly #densities = new Map<number, Density>();
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
   * bytes of BSON, which are about as many; of documents it holds one answer of the server at most, which is 16 MiB. A
   * page may be half empty; it holds nothing only where nothing is left.
   */
  async read(slot: number, after: number, limit: number, charsMax = Number.POSITIVE_INFINITY): Promise<ChangePage<C>> {
    const { db, name } = this.#context;
    return await db.inOrder(async (session) => {
      const found = await db.control.findOne<SlotDocument>({ _id: slotId(name, slot) }, { session });
      const stable = found?.stable ?? 0;
      if (stable <= after || limit <= 0) return { docs: [], through: after, stable };
      const density = this.#densities.get(slot) ?? DENSE;
      const docs: Versioned<C>[] = [];
      let chars = 0;
      let through = after;
      let growth = 1;
      while (through < stable && docs.length < limit / 2 && chars < charsMax / 2) {
        const wanted = Math.min(limit - docs.length, docsWithin(charsMax - chars, density));
        const upTo = Math.min(stable, through + Math.ceil(wanted * density.numbersADoc * growth));
        const stretch = await this.#stretch({ slot, after: through, upTo }, wanted, session);
        let last = upTo;
        for (const stored of stretch) {
          last = stored.doc.n;
          if (stored.doc.fill !== undefined) continue;
          docs.push(fromStored<C>(stored.doc));
          chars += stored.bytes;
          if (chars > charsMax) break;
        }
        through = stretch.length === wanted || chars > charsMax ? last : upTo;
        growth *= docs.length === 0 ? GROWTH_WHERE_NONE : GROWTH;
      }
      if (docs.length > 0) this.#densities.set(slot, densityOf(through - after, docs.length, chars));
      return { docs, through, stable };
    });
  }

  /**
   * Fillers among them: asking for none costs a server a quarter more. So does asking for an order, which costs half as
   * much again: where no more can come than are wanted, they are put in order here.
   */
  async #stretch(
    { slot, after, upTo }: { readonly slot: number; readonly after: number; readonly upTo: number },
    limit: number,
    session: ClientSession,
  ): Promise<{ readonly doc: StoredDocument; readonly bytes: number }[]> {
    const { db, name } = this.#context;
    // One more than there can be: the answer is the first one and the last.
    const found = db
      .documents(name)
      .find({ slot, n: { $gt: after, $lte: upTo } }, { session, raw: true, batchSize: limit + 1 });
    const isBounded = upTo - after <= limit;
    const raws = (await (isBounded ? found : found.sort({ n: 1 }).limit(limit)).toArray()) as unknown as Uint8Array[];
    const docs = raws.map((raw) => ({ doc: BSON.deserialize(raw) as StoredDocument, bytes: raw.length }));
    return isBounded ? docs.sort((a, b) => a.doc.n - b.doc.n) : docs;
  }

  /** From two indexes: every number that is taken, but for the fillers. */
  async remaining(slot: number, after: number): Promise<number> {
    const { db, name } = this.#context;
    const stable = (await readSlot(this.#context, slot))?.stable ?? 0;
    let count = 0;
    for (let from = after; from < stable; from += COUNT_NUMBERS_MAX) {
      const n = { $gt: from, $lte: Math.min(stable, from + COUNT_NUMBERS_MAX) };
      count += await db.patiently(() => db.documents(name).countDocuments({ slot, n }));
      count -= await db.patiently(() => db.documents(name).countDocuments({ _id: fillersOf(slot), n }));
    }
    return count;
  }

  takeOver(slot: number): Promise<SlotState> {
    return takeOver(this.#context, slot);
  }
}

function docsWithin(chars: number, { charsADoc }: Density): number {
  return charsADoc === 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.ceil(chars / charsADoc));
}

function densityOf(numbers: number, docs: number, chars: number): Density {
  return { numbersADoc: Math.min(NUMBERS_A_DOC_MAX, Math.max(1, numbers / docs)), charsADoc: chars / docs };
}
