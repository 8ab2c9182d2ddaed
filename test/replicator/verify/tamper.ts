/** What happens to stores behind their backs: by a disk, a shell, a restored file. */
import { DatabaseSync } from 'node:sqlite';
import type { Version } from '../../../store/contract.ts';
import { canonicalJson, fingerprints } from '../../../store/envelope.ts';

/** A row as SQLite has it. */
export type Row = Record<string, string | number | null>;

/** Changes rows of `articles` in the file of a store, which may be open. */
export class SqliteTamper implements Disposable {
  readonly #db: DatabaseSync;

  constructor(url: string) {
    this.#db = new DatabaseSync(url.replace('sqlite:', ''), { timeout: 5000 });
  }

  row(id: string): Row {
    const row = this.#db.prepare('SELECT * FROM articles WHERE _id = ?').get(id);
    if (!row) throw new Error(`no article ${id}`);
    return { ...row } as Row;
  }

  /** One bit of a letter; `where`: a text in the body before which it stands. */
  flipBit(id: string, where: string): void {
    const body = String(this.row(id).body);
    const at = body.indexOf(where);
    if (at < 0) throw new Error(`${id} has no ${where}`);
    const flipped = String.fromCharCode(body.charCodeAt(at) ^ 1);
    this.set(id, { body: body.slice(0, at) + flipped + body.slice(at + 1) });
  }

  drop(id: string): void {
    this.#db.prepare('DELETE FROM articles WHERE _id = ?').run(id);
  }

  /** The row as it was before, at the place where it is now. */
  putBack(row: Row): void {
    const { n: _n, _id, ...columns } = row;
    this.set(String(_id), columns);
  }

  /** Another content under the same version, with words to match: as if it had been written so. */
  rewrite(id: string, change: (content: Record<string, unknown>) => Record<string, unknown>): void {
    const row = this.row(id);
    const body = canonicalJson(change(JSON.parse(String(row.body)) as Record<string, unknown>));
    const { h1, h2, h3 } = fingerprints(id, body, row.ver as Version, row.del === 1);
    this.set(id, { body, h1, h2, h3 });
  }

  set(id: string, columns: Row): void {
    const names = Object.keys(columns);
    const sql = `UPDATE articles SET ${names.map((name) => `${name} = ?`).join(', ')} WHERE _id = ?`;
    this.#db.prepare(sql).run(...Object.values(columns), id);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}
