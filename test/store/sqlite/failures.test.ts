import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { openSqlite } from '../../../store/sqlite/store.ts';
import { article, user } from '../../contract/samples.ts';
import { failureOf, openWriter, put, rejectsWith } from '../../contract/with-store.ts';
import { ownFolder } from './folder.ts';

t.test('a folder that is not there is made', async (t) => {
  const path = join(ownFolder(t), 'a/b/c.db');
  await (await openSqlite(`sqlite:${path}`)).close();
  t.ok(statSync(path).isFile());
});

t.test('what is no store of ours is refused and not touched', async (t) => {
  const folder = ownFolder(t);
  const path = join(folder, 'x.db');
  const refused = async (title: string) => {
    const before = createHash('sha256').update(readFileSync(path)).digest('hex');
    await rejectsWith(t, openSqlite(`sqlite:${path}`), 'STORE_NOT_OURS', title);
    t.equal(createHash('sha256').update(readFileSync(path)).digest('hex'), before, `${title}: the file is as it was`);
    t.same(readdirSync(folder), ['x.db'], `${title}: nothing was put beside it`);
    rmSync(path);
  };
  writeFileSync(path, 'not a database at all, but long enough to be read as one'.repeat(100));
  await refused('garbage');
  writeFileSync(path, 'short');
  await refused('a short file');
  const other = new DatabaseSync(path);
  other.exec('CREATE TABLE bookmarks (url TEXT)');
  other.close();
  await refused('another application’s database');
  const marked = new DatabaseSync(path);
  marked.exec('PRAGMA application_id = 77');
  marked.close();
  await refused('another application’s empty database');
});

t.test('an empty file becomes a store, unless there must be one', async (t) => {
  const path = join(ownFolder(t), 'x.db');
  writeFileSync(path, '');
  await rejectsWith(t, openSqlite(`sqlite:${path}`, { mustExist: true }), 'STORE_MISSING', 'mustExist');
  await (await openSqlite(`sqlite:${path}`)).close();
});

t.test('a path that can’t be a file is a wrong URL', async (t) => {
  const folder = ownFolder(t);
  mkdirSync(join(folder, 'x.db'));
  await rejectsWith(t, openSqlite(`sqlite:${folder}/x.db`), 'STORE_URL_INVALID', 'a folder');
  writeFileSync(join(folder, 'file'), '');
  await rejectsWith(t, openSqlite(`sqlite:${folder}/file/x.db`), 'STORE_URL_INVALID', 'a file as a folder');
  if (existsSync('/proc/self') && process.getuid?.() === 0) {
    await rejectsWith(t, openSqlite('sqlite:/proc/nowhere/x.db'), 'STORE_URL_INVALID', 'where no folder can be made');
  }
});

t.test('a damaged file is told as such', async (t) => {
  const path = join(ownFolder(t), 'x.db');
  const store = await openSqlite(`sqlite:${path}`);
  await put(store.articles, ...Array.from({ length: 200 }, (_, i) => ({ id: `f.${i}`, content: article() })));
  await store.close();
  const intact = `${path}.intact`;
  copyFileSync(path, intact);
  const file = openSync(path, 'r+');
  const { size } = statSync(path);
  writeSync(file, Buffer.alloc(size - 8192, 0xa5), 0, size - 8192, 8192);
  const failures = await failureOf(
    (async () => {
      const damaged = await openSqlite(`sqlite:${path}`);
      await damaged.articles.scan({ limit: 1000 });
    })(),
  );
  t.equal(failures, 'STORE_CORRUPT');
});

for (const [title, disturb] of [
  ['deleted', (path: string) => rmSync(path)],
  [
    'replaced',
    (path: string) => {
      copyFileSync(path, `${path}.copy`);
      renameSync(`${path}.copy`, path);
    },
  ],
  ['robbed of its WAL', (path: string) => rmSync(`${path}-wal`)],
] as const) {
  t.test(
    `a file that is ${title} while the store is open is noticed, and nothing is written into the void`,
    async (t) => {
      const path = join(ownFolder(t), 'x.db');
      const store = await openSqlite(`sqlite:${path}`);
      const writer = await openWriter(store.users);
      await writer.edit([{ id: 'a', content: user() }]);
      await store.health();
      disturb(path);
      await rejectsWith(t, store.health(), 'STORE_GONE', 'health');
      let failure = 'none';
      for (let i = 0; failure === 'none' && i < 1e6; i += 1)
        failure = await failureOf(writer.edit([{ id: `b${i}`, content: user() }]));
      t.equal(failure, 'STORE_GONE', 'a writer, within a second');
      await rejectsWith(t, store.control.put('a', 1), 'STORE_GONE', 'control');
      await store.close();
    },
  );
}
