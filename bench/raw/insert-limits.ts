import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Limit, limitOf } from './rate.ts';

export interface Row {
  readonly id: string;
  readonly feed: string;
  readonly at: number;
  readonly title: string;
  readonly html: string;
  /** Without tags. */
  readonly text: string;
}

/** One transaction holds the articles of about so many feeds of 30. */
const ROWS_A_TRANSACTION = 900;

/** node:sqlite inserting all articles into a file: WAL, one index, with and without a full-text index. */
export async function insertLimits(rows: readonly Row[], runs: number): Promise<Limit[]> {
  const limits: Limit[] = [];
  for (const { synchronous, fullText } of [
    { synchronous: 'NORMAL', fullText: false },
    { synchronous: 'FULL', fullText: false },
    { synchronous: 'NORMAL', fullText: true },
  ]) {
    const what = `node:sqlite, WAL, synchronous=${synchronous}${fullText ? ', with an FTS5 index' : ''}`;
    limits.push(await limitOf(what, 'articles', rows.length, runs, () => insertAll(rows, synchronous, fullText)));
  }
  return limits;
}

function insertAll(rows: readonly Row[], synchronous: string, fullText: boolean): void {
  const folder = mkdtempSync(join(tmpdir(), 'feedferry-bench-insert-'));
  try {
    using database = new DatabaseSync(join(folder, 'raw.db'));
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};
      CREATE TABLE articles (id TEXT PRIMARY KEY, feed TEXT, at INTEGER, title TEXT, html TEXT) WITHOUT ROWID;
      CREATE INDEX by_feed ON articles (feed, at);
      CREATE VIRTUAL TABLE words USING fts5 (title, text, content = '');`);
    const insert = database.prepare('INSERT INTO articles VALUES (?, ?, ?, ?, ?)');
    const index = database.prepare('INSERT INTO words (rowid, title, text) VALUES (?, ?, ?)');
    for (let from = 0; from < rows.length; from += ROWS_A_TRANSACTION) {
      database.exec('BEGIN');
      for (const [i, row] of rows.slice(from, from + ROWS_A_TRANSACTION).entries()) {
        insert.run(row.id, row.feed, row.at, row.title, row.html);
        if (fullText) index.run(from + i + 1, row.title, row.text);
      }
      database.exec('COMMIT');
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
