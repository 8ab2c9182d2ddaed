import type { Control, ControlNote } from '../contract.ts';
import { storeError } from '../errors.ts';
import { compareIds, endOfPrefix } from '../id-order.ts';
import type { Connection, ControlDocument } from './connection.ts';
import { isDuplicateKey, mayPass } from './failures.ts';
import { Revisions } from './revisions.ts';

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
  /** Of notes that are replaced by compare-and-set: what decides is the revision that it replaces. */
  readonly #replacing = this.revisions();
  #askedFor: PromiseWithResolvers<number>[] = [];
  #isCounting = false;
  readonly #sending = new Map<string, Promise<unknown>>();
  readonly #waiting = new Map<string, { note: NoteDocument; sent: Promise<void> }>();

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

  /** For the notes of one writer, whose successors have greater ones. */
  revisions(): Revisions {
    return new Revisions((count) => this.#count(count));
  }

  /**
   * Takes the revision of a note that is to be put later, by what this returns. What a successor of this writer has put,
   * or puts in between, has a greater one and stays: a process that was stopped meanwhile can't undo it.
   */
  async prepare(id: string, value: unknown, revisions: Revisions): Promise<() => Promise<void>> {
    const json = JSON.stringify(value);
    const note: NoteDocument = { _id: NOTE + id, rev: await revisions.next(), json };
    return () => this.#overwriteInTurn(note);
  }

  /** Every note waits for the majority and its journal, whatever durability is asked for. */
  async put(id: string, value: unknown, ifRev?: number): Promise<number | null> {
    const json = JSON.stringify(value);
    const rev = await (ifRev ? this.#replacing.next(ifRev) : this.#nextRevision());
    const note: NoteDocument = { _id: NOTE + id, rev, json };
    if (ifRev === undefined) return await this.#overwrite(note);
    return ifRev === 0 ? await this.#insert(note) : await this.#replace(note, ifRev);
  }

  async delete(id: string): Promise<void> {
    await this.#db.patiently(() => this.#db.control.deleteOne({ _id: NOTE + id }));
  }

  /** Whoever asks while others are being served is served with all who ask meanwhile. */
  #nextRevision(): Promise<number> {
    const asked = Promise.withResolvers<number>();
    this.#askedFor.push(asked);
    if (!this.#isCounting) void this.#countOn();
    return asked.promise;
  }

  async #countOn(): Promise<void> {
    this.#isCounting = true;
    while (this.#askedFor.length > 0) {
      const some = this.#askedFor.splice(0);
      try {
        const last = await this.#count(some.length);
        for (const [i, asked] of some.entries()) asked.resolve(last - some.length + 1 + i);
      } catch (error) {
        for (const asked of some) asked.reject(error);
      }
    }
    this.#isCounting = false;
  }

  /** No upsert: of two at once that insert the counter, both may be told the first revision. */
  async #count(revisions: number): Promise<number> {
    return await this.#db.patiently(async () => {
      const count = () =>
        this.#db.control.findOneAndUpdate(
          { _id: REVISIONS },
          { $inc: { last: revisions } },
          { returnDocument: 'after' },
        );
      const found = await count();
      if (found) return Number(found.last);
      await this.#db.control.insertOne({ _id: REVISIONS, last: 0 }).catch((error: unknown) => {
        if (!isDuplicateKey(error)) throw error;
      });
      return Number((await count())?.last);
    });
  }

  /** While one is sent, only the latest of those that wait comes next: it outranks the others. */
  #overwriteInTurn(note: NoteDocument): Promise<void> {
    const { _id } = note;
    const waiting = this.#waiting.get(_id);
    if (waiting) {
      if (waiting.note.rev < note.rev) waiting.note = note;
      return waiting.sent;
    }
    const before = this.#sending.get(_id);
    if (!before) return this.#send(note);
    const next = { note, sent: Promise.resolve() };
    this.#waiting.set(_id, next);
    next.sent = before.then(
      () => this.#sendNext(_id),
      () => this.#sendNext(_id),
    );
    return next.sent;
  }

  async #sendNext(_id: string): Promise<void> {
    const next = this.#waiting.get(_id);
    this.#waiting.delete(_id);
    if (next) await this.#send(next.note);
  }

  async #send(note: NoteDocument): Promise<void> {
    const sending = this.#overwrite(note);
    this.#sending.set(note._id, sending);
    try {
      await sending;
    } finally {
      if (this.#sending.get(note._id) === sending) this.#sending.delete(note._id);
    }
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

/** The value as JSON. */
export async function readNote(db: Connection, id: string): Promise<string | undefined> {
  const found = await db.patiently(() => db.control.findOne<NoteDocument>({ _id: NOTE + id }));
  return found?.json;
}

function noteOf({ _id, rev, json }: NoteDocument): ControlNote {
  return { id: _id.slice(NOTE.length), rev, value: JSON.parse(json) };
}
