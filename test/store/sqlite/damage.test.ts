import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import type { Versioned } from '../../../store/contract.ts';
import type { User } from '../../../store/documents.ts';
import { openSqlite } from '../../../store/sqlite/store.ts';
import { user } from '../../contract/samples.ts';
import { put } from '../../contract/with-store.ts';
import { ownFolder } from './folder.ts';

const IDS = ['a', 'b', 'c', 'd'];

/** A store whose document `b` was damaged by that statement, and what it was. */
async function damaged(t: Test, sql: string) {
  const path = join(ownFolder(t), 'x.db');
  const store = await openSqlite(`sqlite:${path}`);
  t.teardown(() => store.close());
  await put(store.users, ...IDS.map((id) => ({ id, content: user({ name: `reader ${id}` }) })));
  const good = (await store.users.versions(['b'])).get('b');
  if (!good) throw new Error('no document');
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
  const sound = async () => {
    const { digests } = await store.users.digests({ limit: 10, deep: true });
    return digests.filter((digest) => digest.sound === false).map(({ id }) => id);
  };
  const repair = async (doc: Versioned<User>) => {
    await using writer = await store.users.openWriter({ owner: 'repair', durability: 'sync' });
    return (await writer.apply([{ ...doc, heal: true }])).map(({ result }) => result);
  };
  return { store, good, unsound: sound, repair };
}

for (const [what, sql] of [
  ['a letter of a body', "UPDATE users SET body = replace(body, 'reader b', 'reaber b') WHERE _id = 'b'"],
  ['a bit of a word', "UPDATE users SET h2 = h2 ^ 1024 WHERE _id = 'b'"],
  ['the bucket', "UPDATE users SET b = (b + 1) % 4096 WHERE _id = 'b'"],
  ['a body cut short', "UPDATE users SET body = substr(body, 1, 9) WHERE _id = 'b'"],
] as const) {
  const statement = sql.replace('h2 ^ 1024', '(h2 | 1024) - (h2 & 1024)');
  t.test(`a deep look finds ${what} that changed, and repair mends it`, async (t) => {
    const { store, good, unsound, repair } = await damaged(t, statement);
    t.same(await unsound(), ['b']);
    t.same(
      (await store.users.digests({ ids: IDS, limit: 9 })).digests.map(({ sound }) => sound).includes(false),
      false,
    );
    t.same(await repair(good), ['written']);
    t.same(await unsound(), []);
    t.equal((await store.users.get('b'))?.content.name, 'reader b');
    t.same(await repair(good), ['stale'], 'once is enough');
  });
}

t.test('reading a document whose text is damaged says so, and names it', async (t) => {
  const { store } = await damaged(t, "UPDATE users SET body = '{\"name\":' WHERE _id = 'b'");
  await t.rejects(store.users.get('b'), { code: 'STORE_CORRUPT', input: 'b' });
  const { docs } = await store.users.changes.read(1, 0, 10);
  const broken = docs.find(({ id }) => id === 'b');
  t.throws(() => broken?.content, { code: 'STORE_CORRUPT', input: 'b' });
  t.equal(docs.find(({ id }) => id === 'c')?.content?.name, 'reader c', 'the others are read');
});
