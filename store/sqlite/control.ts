import type { Control, ControlNote, Durability } from '../contract.ts';
import { compareIds, endOfPrefix } from '../id-order.ts';
import type { Connection } from './connection.ts';

interface NoteRow {
  id: string;
  rev: number;
  value: string;
}

/** Revisions come from one counter of the whole store, so that a note which is made again gets a new one. */
export class SqliteControl implements Control {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  async get(id: string): Promise<ControlNote | undefined> {
    return await this.#db.read(() => {
      const row = this.#db.statement('SELECT id, rev, value FROM control WHERE id = ?').get(id);
      return row && noteOf(row as unknown as NoteRow);
    });
  }

  async list(prefix: string, page: { readonly after?: string; readonly limit?: number } = {}): Promise<ControlNote[]> {
    const { after = '', limit = -1 } = page;
    // One lower bound, so that the index is entered at the right place.
    const isAfter = compareIds(after, prefix) >= 0;
    // A blob sorts behind any text; a negative limit is none.
    const end = endOfPrefix(prefix) ?? new Uint8Array();
    const from = isAfter && after !== '' ? 'id > ?' : 'id >= ?';
    const sql = `SELECT id, rev, value FROM control WHERE ${from} AND id < ? ORDER BY id LIMIT ?`;
    return await this.#db.read(() => {
      const rows = this.#db.statement(sql).all(isAfter ? after : prefix, end, limit) as unknown as NoteRow[];
      return rows.map(noteOf);
    });
  }

  async put(id: string, value: unknown, ifRev?: number, durability: Durability = 'sync'): Promise<number | null> {
    const json = JSON.stringify(value);
    return await this.#db.write(durability, () => {
      if (ifRev !== undefined) {
        const there = this.#db.statement('SELECT rev FROM control WHERE id = ?').get(id);
        if (Number(there?.rev ?? 0) !== ifRev) return null;
      }
      return putNote(this.#db, id, json);
    });
  }

  async delete(id: string): Promise<void> {
    await this.#db.write('sync', () => {
      this.#db.statement('DELETE FROM control WHERE id = ?').run(id);
    });
  }
}

/** For a transaction of the caller's. Returns the new revision. */
export function putNote(db: Connection, id: string, json: string): number {
  const next = "UPDATE meta SET value = value + 1 WHERE name = 'rev' RETURNING value";
  const rev = Number(db.statement(next).get()?.value);
  db.statement('INSERT OR REPLACE INTO control (id, rev, value) VALUES (?, ?, ?)').run(id, rev, json);
  return rev;
}

function noteOf({ id, rev, value }: NoteRow): ControlNote {
  return { id, rev, value: JSON.parse(value) };
}
