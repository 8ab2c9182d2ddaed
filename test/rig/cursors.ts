/** The open cursors of a gateway: where each one goes on. */
import { MongoError } from './mongo-errors.ts';

/** Past this, the cursor that was idle longest is closed. */
const CURSORS_MAX = 1000;

/** As mongod's `cursorTimeoutMillis`. */
const IDLE_MS_MAX = 600_000;

export interface Cursor {
  readonly id: bigint;
  readonly database: string;
  readonly continuation: Uint8Array;
}

interface Kept extends Cursor {
  readonly usedAt: number;
}

export class CursorTable {
  /** Least recently used first. */
  readonly #kept = new Map<bigint, Kept>();
  #lastId = BigInt(Date.now()) * 1000n;

  get size(): number {
    return this.#kept.size;
  }

  newId(): bigint {
    this.#lastId += 1n;
    return this.#lastId;
  }

  /** Keeps a cursor for its next page; returns the ids of those that had to go. */
  keep(cursor: Cursor, now: number): bigint[] {
    this.#kept.delete(cursor.id);
    this.#kept.set(cursor.id, { ...cursor, usedAt: now });
    const gone: bigint[] = [];
    for (const old of this.#kept.values()) {
      if (old.usedAt > now - IDLE_MS_MAX && this.#kept.size <= CURSORS_MAX) break;
      this.#kept.delete(old.id);
      gone.push(old.id);
    }
    return gone;
  }

  /** Throws CursorNotFound. */
  get(id: bigint): Cursor {
    const cursor = this.#kept.get(id);
    if (!cursor) throw new MongoError(43, 'CursorNotFound', `cursor id ${id} not found`);
    return cursor;
  }

  /** False where there was none. */
  forget(id: bigint): boolean {
    return this.#kept.delete(id);
  }
}
