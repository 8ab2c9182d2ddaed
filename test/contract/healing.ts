import type { Test } from 'tap';
import type { Replica, SiteId } from '../../store/contract.ts';
import type { User } from '../../store/documents.ts';
import { writeVersion } from '../../store/version.ts';
import type { Engine } from './engine.ts';
import { NOON, user } from './samples.ts';
import { openWriter, withStore } from './with-store.ts';

const ELSEWHERE = 'elsewher' as SiteId;
const VER = writeVersion(NOON, 5, ELSEWHERE);
const good: Replica<User> = { id: 'a', ver: VER, org: ELSEWHERE, vv: null, delAt: null, content: user({ num: 5 }) };
/** The same version with other content, which no site ever makes: as if the disk had changed it. */
const damaged: Replica<User> = { ...good, content: user({ num: 5, name: 'reaber' }) };

/** Repair: the one way to write over a version with the same one. */
export async function healing(t: Test, engine: Engine): Promise<void> {
  await t.test('a replica that heals replaces its own version where the body differs', async (t) => {
    await withStore(engine, async (store) => {
      await using writer = await openWriter(store.users);
      const results = async (doc: Replica<User>) => (await writer.apply([doc])).map(({ result }) => result);
      t.same(await results(damaged), ['written']);
      t.same(await results(good), ['stale'], 'without heal the guard holds');
      t.same(await results({ ...good, heal: true }), ['written']);
      t.equal((await store.users.get('a'))?.content.name, 'reader');
      t.equal((await store.users.get('a'))?.ver, VER, 'the version stays');
      const [digest] = (await store.users.digests({ ids: ['a'], limit: 1, deep: true })).digests;
      t.equal(digest?.sound, true);
    });
  });

  await t.test('what is sound is not written again, what is newer is never replaced', async (t) => {
    await withStore(engine, async (store) => {
      await using writer = await openWriter(store.users);
      await writer.apply([good]);
      await writer.settle();
      const before = (await store.users.get('a'))?.n;
      t.match(await writer.apply([{ ...good, heal: true }]), [{ result: 'stale' }], 'the same body and words');
      t.equal((await store.users.get('a'))?.n, before);
      const newer = { ...good, ver: writeVersion(NOON, 6, ELSEWHERE), content: user({ num: 5, name: 'newer' }) };
      await writer.apply([newer]);
      t.match(await writer.apply([{ ...damaged, heal: true }]), [{ result: 'stale' }]);
      t.equal((await store.users.get('a'))?.content.name, 'newer');
    });
  });

  await t.test('a tombstone that came back to life is buried again, and what is missing is written', async (t) => {
    await withStore(engine, async (store) => {
      await using writer = await openWriter(store.users);
      await writer.apply([good]);
      const tombstone: Replica<User> = { ...good, content: null, delAt: NOON, heal: true };
      t.match(await writer.apply([tombstone, { ...good, id: 'b', heal: true }]), [
        { result: 'written' },
        { result: 'written' },
      ]);
      t.equal(await store.users.get('a'), undefined);
      t.equal((await store.users.versions(['a'])).get('a')?.delAt, NOON);
      t.equal((await store.users.get('b'))?.content.name, 'reader');
    });
  });
}
