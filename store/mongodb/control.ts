import type { Control, ControlNote } from '../contract.ts';
import { storeError } from '../errors.ts';
import { compareIds, endOfPrefix } from '../id-order.ts';
import type { Connection, ControlDocument } from './connection.ts';
import { isDuplicateKey, mayPass } from './failures.ts';

const NOTE = 'note/';
const REVISIONS = 'revisions';

/** `json`: the value as text, as it may hold names that MongoDB can't keep. */
interface NoteDocument extends ControlDocument {
  readonly rev: number;
  readonly json: string;
}

/** Revisions come from one counter of the whole store, so that a note which is made again gets a new one. */
export class MongodbControl implements Control {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  async get(id: string): Promise<ControlNote | undefined> {
    const found = await this.#db.patiently(() => this.#db.control.findOne<NoteDocument>({ _id: NOTE + id }));
    return found ? noteOf(found) : undefined;
  }

  async list(prefix: string, page: { readonly after?: string; readonly limit?: number } = {}): Promise<ControlNote[]> {
    const { after = '', limit } = page;
    // The server takes 0 for no limit.
    if (limit !== undefined && limit <= 0) return [];
    const from = compareIds(after, prefix) >= 0 ? { $gt: NOTE + after } : { $gte: NOTE + prefix };
    const range = { ...from, $lt: endOfPrefix(NOTE + prefix) ?? '' };
    const found = await this.#db.patiently(() =>
      this.#db.control
        .find<NoteDocument>({ _id: range })
        .sort({ _id: 1 })
        .limit(limit ?? 0)
        .toArray(),
    );
    return found.map(noteOf);
  }

  /**
   * Takes the revision of a note that is to be put later, by what this returns. What somebody else puts in between has
   * a greater one and stays: a process that was stopped meanwhile can't undo the notes of its successor.
   */
  async prepare(id: string, value: unknown): Promise<() => Promise<number>> {
    const note: NoteDocument = { _id: NOTE + id, rev: await this.#nextRevision(), json: JSON.stringify(value) };
    return () => this.#overwrite(note);
  }

  /** Every note waits for the majority and its journal, whatever durability is asked for. */
  async put(id: string, value: unknown, ifRev?: number): Promise<number | null> {
    if (ifRev === undefined) return await (await this.prepare(id, value))();
    const note: NoteDocument = { _id: NOTE + id, rev: await this.#nextRevision(), json: JSON.stringify(value) };
    return ifRev === 0 ? await this.#insert(note) : await this.#replace(note, ifRev);
  }

  async delete(id: string): Promise<void> {
    await this.#db.patiently(() => this.#db.control.deleteOne({ _id: NOTE + id }));
  }

  /** No upsert: of two at once that insert the counter, both may be told the first revision. */
  async #nextRevision(): Promise<number> {
    return await this.#db.patiently(async () => {
      const count = () =>
        this.#db.control.findOneAndUpdate({ _id: REVISIONS }, { $inc: { last: 1 } }, { returnDocument: 'after' });
      const found = await count();
      if (found) return Number(found.last);
      await this.#db.control.insertOne({ _id: REVISIONS, last: 0 }).catch((error: unknown) => {
        if (!isDuplicateKey(error)) throw error;
      });
      return Number((await count())?.last);
    });
  }

  /** An attempt that comes late does not undo a later put. */
  async #overwrite(note: NoteDocument): Promise<number> {
    const { _id, rev } = note;
    await this.#db.patiently(async () => {
      try {
        await this.#db.control.replaceOne({ _id, rev: { $lt: rev } }, note, { upsert: true });
      } catch (error) {
        // A later one is there, or another was inserted at the same moment; the same attempt again tells them apart.
        if (!isDuplicateKey(error)) throw error;
        const there = await this.#db.control.findOne({ _id });
        if (!there || there.rev < rev) throw this.#again(note);
      }
    });
    return rev;
  }

  async #insert(note: NoteDocument): Promise<number | null> {
    const { _id, rev } = note;
    return await this.#db.patiently(async () => {
      try {
        await this.#db.control.insertOne(note);
        return rev;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        // An attempt before this one may have been it.
        return (await this.#db.control.findOne({ _id, rev })) ? rev : null;
      }
    });
  }

  async #replace(note: NoteDocument, ifRev: number): Promise<number | null> {
    const { _id, rev } = note;
    let isHazy = false;
    return await this.#db.patiently(async () => {
      try {
        const { matchedCount } = await this.#db.control.replaceOne({ _id, rev: ifRev }, note);
        if (matchedCount === 1) return rev;
      } catch (error) {
        isHazy ||= mayPass(error);
        throw error;
      }
      if (!isHazy) return null;
      const there = await this.#db.control.findOne({ _id });
      if (there?.rev === rev) return rev;
      if (!there || there.rev < rev) return null;
      const message = `The store ${this.#db.shown} did not say whether note ${note._id} was put before it was replaced.`;
      throw storeError('WRITE_UNRESOLVED', message, { input: note._id });
    });
  }

  #again({ _id }: NoteDocument): Error {
    const message = `The note ${_id} of ${this.#db.shown} is being changed by others all the time.`;
    return storeError('STORE_LOCKED', message, { input: _id, retryable: true });
  }
}

function noteOf({ _id, rev, json }: NoteDocument): ControlNote {
  return { id: _id.slice(NOTE.length), rev, value: JSON.parse(json) };
}
