/** A copy of all articles that does nothing but copy them: read a batch, write a batch. The same schema, no guards. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type Collection, type Document, MongoClient } from 'mongodb';
import { openStore } from '../../store/open.ts';
import type { Copy } from './copy-process.ts';

const BATCH = 1000;
/** Batches under way to a MongoDB server. */
const UNDER_WAY = 4;

/** As the store opens its files. */
const OPEN = `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4000;`;

/** Returns how many. The destination must be new. */
export async function bareCopy({ from, to, indexes }: Copy): Promise<number> {
  // With tables or collections and their indexes, but no document.
  await (await openStore(to)).close();
  const source = from.startsWith('sqlite:') ? sqliteRows(from) : mongodbDocuments(from);
  return to.startsWith('sqlite:') ? await intoSqlite(to, indexes, source) : await intoMongodb(to, source);
}

type Batches = AsyncIterable<Document[]>;

/** Documents as MongoDB keeps them: content beside the envelope. */
async function* sqliteRows(url: string): Batches {
  using database = new DatabaseSync(pathOf(url));
  const page = database.prepare(`SELECT * FROM articles WHERE n > ? ORDER BY n LIMIT ${BATCH}`);
  for (let after = 0; ; ) {
    const rows = page.all(after);
    if (rows.length === 0) return;
    yield rows;
    after = Number(rows.at(-1)?.n);
  }
}

async function* mongodbDocuments(url: string): Batches {
  const client = new MongoClient(url);
  try {
    const articles = client.db().collection('articles');
    const cursor = articles.find({ fill: { $exists: false } }, { batchSize: BATCH });
    let batch: Document[] = [];
    for await (const document of cursor) {
      batch.push(document);
      if (batch.length < BATCH) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  } finally {
    await client.close();
  }
}

async function intoSqlite(url: string, indexes: Copy['indexes'], source: Batches): Promise<number> {
  using database = new DatabaseSync(pathOf(url));
  database.exec(OPEN);
  const later = indexes === 'after' ? dropIndexes(database) : [];
  const columns = database
    .prepare('PRAGMA table_info(articles)')
    .all()
    .map(({ name }) => String(name));
  const insert = database.prepare(
    `INSERT INTO articles (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
  );
  let docs = 0;
  for await (const batch of source) {
    database.exec('BEGIN IMMEDIATE');
    for (const document of batch) {
      docs += 1;
      // A store of several slots may use one number twice.
      const row = 'body' in document ? document : rowOf(document, docs);
      insert.run(...columns.map((column) => row[column] as SQLInputValue));
    }
    database.exec('COMMIT');
  }
  for (const sql of later) database.exec(sql);
  return docs;
}

function dropIndexes(database: DatabaseSync): string[] {
  const indexes = database.prepare(
    "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = 'articles'",
  );
  return indexes.all().map(({ name, sql }) => {
    database.exec(`DROP INDEX ${String(name)}`);
    return String(sql);
  });
}

function rowOf(document: Document, n: number): Document {
  const { _id, ver, org, vv, slot: _slot, n: _n, del, delAt, b, h1, h2, h3, ...content } = document;
  const { feed, num, at, fingerprint } = content;
  const envelope = { _id, ver, org, vv: vv ? JSON.stringify(vv) : null, del: del ? 1 : 0, delAt, b, h1, h2, h3, n };
  return { ...envelope, feed, num, at, fp: fingerprint, body: JSON.stringify(content) };
}

async function intoMongodb(url: string, source: Batches): Promise<number> {
  const client = new MongoClient(url, { writeConcern: { w: 'majority', journal: true } });
  try {
    const articles = client.db().collection('articles');
    const underWay = new Set<Promise<void>>();
    let docs = 0;
    for await (const batch of source) {
      docs += batch.length;
      const inserting = insertAll(articles, batch).finally(() => underWay.delete(inserting));
      underWay.add(inserting);
      if (underWay.size >= UNDER_WAY) await Promise.race(underWay);
    }
    await Promise.all(underWay);
    return docs;
  } finally {
    await client.close();
  }
}

async function insertAll(articles: Collection, batch: readonly Document[]): Promise<void> {
  await articles.insertMany(
    batch.map((row) => ('body' in row ? documentOf(row) : row)),
    { ordered: false },
  );
}

function documentOf({ _id, ver, org, n, del, delAt, b, h1, h2, h3, body }: Document): Document {
  return { _id, ...JSON.parse(body), ver, org, slot: 1, n, del: del === 1, delAt, b, h1, h2, h3 };
}

function pathOf(url: string): string {
  return url.slice('sqlite:'.length);
}
