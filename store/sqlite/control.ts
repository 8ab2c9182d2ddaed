import type { Control, ControlNote } from '../contract.ts';
import { endOfPrefix } from '../id-order.ts';
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

  async list(prefix: string): Promise<ControlNote[]> {
    // A blob sorts behind any text.
    const end = endOfPrefix(prefix) ?? new Uint8Array();
    const sql = 'SELECT id, rev, value FROM control WHERE id >= ? AND id < ? ORDER BY id';
    return await this.#db.read(() => {
      const rows = this.#db.statement(sql).all(prefix, end) as unknown as NoteRow[];
      return rows.map(noteOf);
    });
  }

  async put(id: string, value: unknown, ifRev?: number): Promise<number | null> {
    const json = JSON.stringify(value);
    return await this.#db.write('sync', () => {
      const there = this.#db.statement('SELECT rev FROM control WHERE id = ?').get(id);
      if (ifRev !== undefined && Number(there?.rev ?? 0) !== ifRev) return null;
      const next = "UPDATE meta SET value = value + 1 WHERE name = 'rev' RETURNING value";
      const rev = Number(this.#db.statement(next).get()?.value);
      this.#db.statement('INSERT OR REPLACE INTO control (id, rev, value) VALUES (?, ?, ?)').run(id, rev, json);
      return rev;
    });
  }

  async delete(id: string): Promise<void> {
    await this.#db.write('sync', () => {
      this.#db.statement('DELETE FROM control WHERE id = ?').run(id);
    });
  }
}

function noteOf({ id, rev, value }: NoteRow): ControlNote {
  return { id, rev, value: JSON.parse(value) };
}
