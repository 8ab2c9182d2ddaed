import type { SQLInputValue, StatementSync } from 'node:sqlite';
import type { Live, SiteId, Version, Versioned } from '../contract.ts';
import { type DatabaseName, NUMBERED } from '../documents.ts';
import type { Fingerprints } from '../envelope.ts';
import type { There, Unparsed } from '../stamp.ts';
import { parse, storedDocument } from '../stored-document.ts';
import type { Connection } from './connection.ts';
import { SLOT } from './slots.ts';
import { extracted } from './tables.ts';

/** The columns of a whole document, for `documentOf`. */
export const DOCUMENT = '_id, ver, org, vv, n, delAt, body';

export interface DocumentRow {
  _id: string;
  ver: string;
  org: string;
  vv: string | null;
  n: number;
  delAt: number | null;
  body: string;
}

/** A document to be put: its body as text, or as the bytes of that text. */
export type RowDocument = Omit<Unparsed, 'body'> & { readonly body: string | Uint8Array };

export interface ThereRow extends There {
  readonly n: number;
}

/** The rows of one database's table. Calls run inside the caller's transaction. */
export class Rows {
  readonly name: DatabaseName;
  readonly #db: Connection;
  readonly #extracted: ReturnType<typeof extracted>;
  readonly #there: string;
  readonly #insert: string;
  readonly #update: string;
  readonly #greatestNum: string | undefined;

  constructor(db: Connection, name: DatabaseName) {
    this.#db = db;
    this.name = name;
    this.#extracted = extracted(name);
    const own = this.#extracted.map(({ column }) => column);
    const columns = ['n', '_id', 'ver', 'org', 'vv', 'del', 'delAt', 'b', 'h1', 'h2', 'h3', ...own, 'body'];
    const num = own.includes('num') ? 'num' : 'NULL AS num';
    this.#there = `SELECT n, ver, org, vv, del, ${num} FROM ${name} WHERE _id = ?`;
    this.#insert = `INSERT INTO ${name} (${columns}) VALUES (${columns.map(placeholder)})`;
    this.#update = `UPDATE ${name} SET ${columns.map((column) => `${column} = ${placeholder(column)}`)} WHERE n = ?`;
    this.#greatestNum = NUMBERED.has(name) ? `SELECT max(num) AS num FROM ${name}` : undefined;
  }

  there(id: string): ThereRow | undefined {
    const row = this.#statement(this.#there).get(id);
    if (!row) return undefined;
    return {
      n: Number(row.n),
      ver: row.ver as Version,
      org: row.org as SiteId,
      vv: vectorOf(row.vv as string | null),
      del: row.del === 1,
      num: Number(row.num ?? 0),
    };
  }

  /** What verification goes by, of a document that is there. */
  stored(n: number): Fingerprints & { readonly body: string } {
    const sql = `SELECT b, h1, h2, h3, body FROM ${this.name} WHERE n = ?`;
    return this.#statement(sql).get(n) as unknown as Fingerprints & { body: string };
  }

  /** `contentOf` is called only where a column is copied out of the content. */
  put(doc: RowDocument, contentOf: () => object | null, n: number, previous: number | undefined): void {
    const { id, ver, org, vv, del, delAt, b, h1, h2, h3, body } = doc;
    const values: SQLInputValue[] = [n, id, ver, org, vv && JSON.stringify(vv), del ? 1 : 0, delAt, b, h1, h2, h3];
    if (this.#extracted.length > 0) {
      const content = del ? null : contentOf();
      for (const { of } of this.#extracted) values.push(content === null ? null : (of(content) ?? null));
    }
    values.push(body);
    if (previous === undefined) this.#statement(this.#insert).run(...values);
    else this.#statement(this.#update).run(...values, previous);
  }

  /** 0 where there is none. */
  greatestNum(): number {
    if (this.#greatestNum === undefined) return 0;
    return Number(this.#statement(this.#greatestNum).get()?.num ?? 0);
  }

  #statement(sql: string): StatementSync {
    return this.#db.statement(sql);
  }
}

/** Bytes become a text without being copied; a text stays as it is. */
function placeholder(column: string): string {
  return column === 'body' ? 'CAST(? AS TEXT)' : '?';
}

/** Parsed: to be read here. */
export function documentOf<C>(row: DocumentRow): Versioned<C> {
  return { ...envelopeOf(row), content: parse<C>(row._id, row.body) };
}

/** With its body, and not parsed: to be passed on. */
export function unparsedOf<C>(row: DocumentRow): Versioned<C> {
  return storedDocument<C>(envelopeOf(row), row.body);
}

function envelopeOf(row: DocumentRow): Omit<Versioned<unknown>, 'content' | 'body'> {
  return {
    id: row._id,
    ver: row.ver as Version,
    org: row.org as SiteId,
    vv: vectorOf(row.vv),
    slot: SLOT,
    n: row.n,
    delAt: row.delAt,
  };
}

export function isLive<C>(doc: Versioned<C>): doc is Live<C> {
  return doc.content !== null;
}

function vectorOf(vv: string | null): Record<string, string> | null {
  return vv === null ? null : (JSON.parse(vv) as Record<string, string>);
}
