import type { Test } from 'tap';
import type { Database, Digest, DigestQuery, Version } from '../../store/contract.ts';
import type { User } from '../../store/documents.ts';
import { bucketOf, canonicalJson, fingerprints } from '../../store/envelope.ts';
import type { Engine } from './engine.ts';
import { user } from './samples.ts';
import { openWriter, put, withStore } from './with-store.ts';

export async function digests(t: Test, engine: Engine): Promise<void> {
  await t.test('digests are those of the documents, tombstones included, page by page', async (t) => {
    await withStore(engine, async (store) => {
      t.same(await store.users.digests({ limit: 10 }), { digests: [], cursor: null });
      const ids = await fill(store.users, 330);
      const all = await listed(store.users, { limit: 100 });
      t.same(all.pages.slice(0, 3), [100, 100, 100], 'a page holds as many as it may');
      t.same(all.digests.map(({ id }) => id).sort(), ids.toSorted(), 'each document once');
      for (const doc of await store.users.scan({ limit: 999, deleted: true })) {
        const digest = all.digests.find(({ id }) => id === doc.id);
        const { h1, h2, h3 } = fingerprints(doc.id, canonicalJson(doc.content), doc.ver, doc.content === null);
        const { id, ver, slot, n } = doc;
        const expected: Digest = { id, ver, deleted: doc.content === null, slot, n, h1, h2, h3, sound: null };
        t.same(digest, expected);
      }
    });
  });

  await t.test('digests of some buckets leave out all others', async (t) => {
    await withStore(engine, async (store) => {
      const ids = await fill(store.users, 400);
      const buckets = [...new Set(ids.slice(0, 40).map(bucketOf))];
      const wanted = ids.filter((id) => buckets.includes(bucketOf(id)));
      const { digests } = await listed(store.users, { buckets, limit: 7 });
      t.same(digests.map(({ id }) => id).sort(), wanted.toSorted());
      t.same(await store.users.digests({ buckets: [], limit: 7 }), { digests: [], cursor: null }, 'none of none');
      const empty = Array.from({ length: 4096 }, (_, b) => b).filter((b) => !ids.some((id) => bucketOf(id) === b));
      t.same((await listed(store.users, { buckets: empty, limit: 7 })).digests, []);
      const every = Array.from({ length: 4096 }, (_, b) => b);
      t.equal((await listed(store.users, { buckets: every, limit: 1000 })).digests.length, 400);
    });
  });

  await t.test('digests of named documents', async (t) => {
    await withStore(engine, async (store) => {
      await fill(store.users, 20);
      const query = { ids: ['user-1', 'nobody', 'user-0', 'user-7'], limit: 10 };
      const { digests, cursor } = await store.users.digests(query);
      t.same(digests.map(({ id, deleted }) => [id, deleted]).sort(), [
        ['user-0', true],
        ['user-1', true],
        ['user-7', false],
      ]);
      t.equal(cursor, null);
      t.equal((await store.users.digests({ ...query, limit: 2 })).digests.length, 2, 'at most the limit');
      t.same((await store.users.digests({ ids: [], limit: 2 })).digests, []);
    });
  });

  await t.test('a deep look hashes the bodies again', async (t) => {
    await withStore(engine, async (store) => {
      await fill(store.users, 60);
      const { digests } = await listed(store.users, { limit: 25, deep: true });
      t.equal(digests.length, 60);
      t.ok(digests.every(({ sound }) => sound === true));
      const named = await store.users.digests({ ids: ['user-9'], limit: 1, deep: true });
      t.equal(named.digests[0]?.sound, true);
    });
  });

  await t.test('a document shows its latest state, and those of other databases do not show', async (t) => {
    await withStore(engine, async (store) => {
      await put(store.users, { id: 'a', content: user() });
      await put(store.users, { id: 'a', content: user({ name: 'later' }) });
      const { digests } = await store.users.digests({ limit: 9 });
      const doc = await store.users.get('a');
      t.same(
        digests.map(({ id, ver, n }) => [id, ver, n]),
        [['a', doc?.ver as Version, doc?.n]],
      );
      t.same((await store.states.digests({ limit: 9 })).digests, []);
    });
  });

  await t.test('fillers of a slot that was taken over show in no digest', async (t) => {
    await withStore(engine, async (store) => {
      const writer = await openWriter(store.users);
      await writer.edit([{ id: 'a', content: user() }]);
      await store.users.changes.takeOver(writer.slot);
      await writer.close();
      const { digests } = await listed(store.users, { limit: 10 });
      t.same(
        digests.map(({ id }) => id),
        ['a'],
      );
      const every = Array.from({ length: 4096 }, (_, b) => b);
      t.equal((await listed(store.users, { buckets: every, limit: 10 })).digests.length, 1);
      t.equal((await listed(store.users, { limit: 10, deep: true })).digests.length, 1);
    });
  });
}

/** Of so many users the first tenth is deleted again. Returns the ids. */
async function fill(users: Database<User>, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `user-${i}`);
  await put(users, ...ids.map((id) => ({ id, content: user({ name: `${id} é` }) })));
  await put(users, ...ids.slice(0, count / 10).map((id) => ({ id, content: null })));
  return ids;
}

async function listed(users: Database<User>, query: DigestQuery): Promise<{ digests: Digest[]; pages: number[] }> {
  const digests: Digest[] = [];
  const pages: number[] = [];
  let cursor: string | null = null;
  do {
    const page = await users.digests({ ...query, ...(cursor !== null && { cursor }) });
    if (page.digests.length > query.limit) throw new Error(`${page.digests.length} in a page of ${query.limit}`);
    digests.push(...page.digests);
    pages.push(page.digests.length);
    cursor = page.cursor;
  } while (cursor !== null);
  return { digests, pages };
}
