import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openSqlite } from '../../../store/sqlite/store.ts';
import { article } from '../../contract/samples.ts';
import { put } from '../../contract/with-store.ts';
import { ownFolder } from './folder.ts';

const CHILD = fileURLToPath(new URL('loading-child.ts', import.meta.url));

/** Names and definitions of all indexes, as the file has them. */
function indexesOf(path: string): string[] {
  const db = new DatabaseSync(path, { readOnly: true });
  const rows = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' ORDER BY name").all();
  db.close();
  return rows.map(({ name, sql }) => `${name}: ${sql}`);
}

function marksOf(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true });
  const row = db.prepare("SELECT count(*) AS marks FROM meta WHERE name LIKE 'deferred/%'").get();
  db.close();
  return Number(row?.marks);
}

t.test('built after, the indexes are what they were, and no mark is left', async (t) => {
  const path = join(ownFolder(t), 'x.db');
  const store = await openSqlite(`sqlite:${path}`);
  const before = indexesOf(path);
  for (const database of [store.articles, store.feeds]) t.equal(await database.setIndexes('deferred'), true);
  t.equal(await store.users.setIndexes('deferred'), false, 'nothing is gained by it here');
  t.ok(indexesOf(path).length < before.length);
  t.ok(
    indexesOf(path).some((index) => index.startsWith('articles_sums')),
    'what verification needs stays',
  );
  await put(store.articles, { id: 'f.1', content: article() });
  await store.articles.setIndexes('kept');
  await store.feeds.setIndexes('kept');
  t.same(indexesOf(path), before);
  t.equal(marksOf(path), 0);
  await store.close();
});

t.test('a load that was killed leaves a store that opens and makes its indexes first', async (t) => {
  const path = join(ownFolder(t), 'x.db');
  const made = await openSqlite(`sqlite:${path}`);
  const before = indexesOf(path);
  await made.close();
  const child = spawn(process.execPath, [CHILD, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const onlooker = await openSqlite(`sqlite:${path}`);
  t.equal(marksOf(path), 1, 'whoever opens it while the load goes on leaves it alone');
  t.equal(await onlooker.articles.count(), 300);
  t.equal((await onlooker.articles.timeline({ limit: 500 })).length, 300, 'and reads, if slowly');
  await onlooker.close();
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  const looking = await openSqlite(`sqlite:${path}`, { upgrade: false });
  t.equal(marksOf(path), 1, 'opened only to look: nothing is built');
  await looking.close();
  const store = await openSqlite(`sqlite:${path}`);
  t.same(indexesOf(path), before);
  t.equal(marksOf(path), 0);
  t.equal((await store.articles.timeline({ limit: 1 }))[0]?.at, 299);
  await store.close();
});

t.test('a kill between two indexes leaves the rest to whoever opens the store', async (t) => {
  const path = join(ownFolder(t), 'x.db');
  const store = await openSqlite(`sqlite:${path}`);
  const before = indexesOf(path);
  await store.articles.setIndexes('deferred');
  await put(store.articles, { id: 'f.1', content: article() });
  await store.close();
  // As the first of its transactions leaves it.
  const db = new DatabaseSync(path);
  const mark = JSON.parse(String(db.prepare("SELECT value FROM meta WHERE name = 'deferred/articles'").get()?.value));
  const [first, ...rest] = mark.statements;
  db.exec(first);
  db.prepare("UPDATE meta SET value = ? WHERE name = 'deferred/articles'").run(
    JSON.stringify({ ...mark, statements: rest }),
  );
  db.close();
  await (await openSqlite(`sqlite:${path}`)).close();
  t.same(indexesOf(path), before);
});

t.test('numbers that are given while indexes are deferred still grow', async (t) => {
  const store = await openSqlite(`sqlite:${join(ownFolder(t), 'x.db')}`);
  await store.articles.setIndexes('deferred');
  const nums: number[] = [];
  for (let i = 0; i < 3; i += 1) {
    await put(store.articles, { id: `f.${i}`, content: article() });
    nums.push((await store.articles.get(`f.${i}`))?.content.num ?? 0);
  }
  t.same(
    nums,
    nums.toSorted((a, b) => a - b),
  );
  t.equal(new Set(nums).size, 3);
  await store.close();
});
