import type { Test } from 'tap';
import type { SiteId } from '../../store/contract.ts';
import { writeVersion } from '../../store/version.ts';
import type { Engine } from './engine.ts';
import { NOON, user } from './samples.ts';
import { failureOf, openWriter, put, rejectsWith, withStore } from './with-store.ts';

export async function modes(t: Test, engine: Engine): Promise<void> {
  await t.test('a read-only database refuses every write, also of a writer that was open', async (t) => {
    await withStore(engine, async (store, url) => {
      const other = await engine.open(url);
      t.equal(await store.users.mode(), 'read-write');
      const open = await openWriter(store.users);
      const elsewhere = await openWriter(other.users);
      await open.edit([{ id: 'a', content: user() }]);
      await store.users.setMode('read-only');
      t.equal(await store.users.mode(), 'read-only');
      t.equal(await other.users.mode(), 'read-only', 'for everybody');
      const edits = [{ id: 'b', content: user() }];
      const ver = writeVersion(NOON, 1, store.site);
      const replicas = [{ id: 'b', ver, org: store.site, vv: null, delAt: null, content: user({ num: 1 }) }];
      for (const [writer, whose] of [
        [open, 'here'],
        [elsewhere, 'of another'],
      ] as const) {
        await rejectsWith(t, writer.edit(edits), 'DATABASE_READ_ONLY', `edit by a writer ${whose}`);
        await rejectsWith(t, writer.apply(replicas), 'DATABASE_READ_ONLY', `apply by a writer ${whose}`);
      }
      await rejectsWith(t, openWriter(store.users), 'DATABASE_READ_ONLY', 'openWriter');
      await rejectsWith(t, openWriter(other.users), 'DATABASE_READ_ONLY', 'openWriter of another');
      t.same(
        (await store.users.scan({ limit: 9 })).map((doc) => doc.id),
        ['a'],
        'reads go on',
      );
      await open.close();
      await elsewhere.close();
      await other.close();
    });
  });

  await t.test('other databases are not touched', async (t) => {
    await withStore(engine, async (store) => {
      await store.users.setMode('read-only');
      t.equal(await store.subscriptions.mode(), 'read-write');
      const content = { user: 'u', feed: 'f', title: null, folder: null, addedAt: NOON };
      await put(store.subscriptions, { id: 'u.f', content });
      t.equal(await store.subscriptions.count(), 1);
    });
  });

  await t.test('the change feed of a read-only database can be read and fenced', async (t) => {
    await withStore(engine, async (store) => {
      const writer = await openWriter(store.users);
      await writer.edit([{ id: 'a', content: user() }]);
      await store.users.setMode('read-only');
      const state = await store.users.changes.takeOver(writer.slot);
      const page = await store.users.changes.read(writer.slot, 0, 10);
      t.same(
        page.docs.map((doc) => doc.id),
        ['a'],
      );
      t.equal(page.stable, state.stable);
      await writer.close();
    });
  });

  await t.test('set back, it can be written again; writers from before are fenced', async (t) => {
    await withStore(engine, async (store, url) => {
      const old = await openWriter(store.users);
      await old.edit([{ id: 'a', content: user() }]);
      await store.users.setMode('read-only');
      await store.users.setMode('read-only');
      await store.users.setMode('read-write');
      await store.users.setMode('read-write');
      t.equal(await failureOf(old.edit([{ id: 'b', content: user() }])), 'WRITER_FENCED');
      await put(store.users, { id: 'c', content: user() });
      t.equal(await store.users.count(), 2);
      await store.users.setMode('read-only');
      await store.close();
      const again = await engine.open(url);
      t.equal(await again.users.mode(), 'read-only', 'the mode outlives the process');
      await again.close();
    });
  });

  await t.test('a write is either acknowledged before the mode changes, or refused', async (t) => {
    await withStore(engine, async (store) => {
      const writer = await openWriter(store.users);
      const tries = Array.from({ length: 60 }, (_, i) => ({ id: `u${i}`, content: user() }));
      const acknowledged: string[] = [];
      const writing = tries.map(async (edit) => {
        const failure = await failureOf(writer.edit([edit]));
        if (failure === 'none') acknowledged.push(edit.id);
        else t.ok(['DATABASE_READ_ONLY', 'WRITER_FENCED', 'WRITE_UNRESOLVED'].includes(failure), failure);
      });
      const [some] = writing;
      await some;
      await store.users.setMode('read-only');
      const frozen = (await store.users.scan({ limit: 100 })).map((doc) => doc.id);
      await Promise.all(writing);
      const after = (await store.users.scan({ limit: 100 })).map((doc) => doc.id);
      t.same(after, frozen, 'nothing lands after setMode returned');
      t.ok(
        acknowledged.every((id) => after.includes(id)),
        'all that was acknowledged is there',
      );
      await writer.close();
    });
  });

  await t.test('a replica’s database refuses edits, and takes documents of other sites', async (t) => {
    await withStore(engine, async (store, url) => {
      const ver = (ms: number) => writeVersion(NOON + ms, 1, 'elsewher' as SiteId);
      const replica = (id: string, ms: number) => {
        return { id, ver: ver(ms), org: 'elsewher' as SiteId, vv: null, delAt: null, content: user({ num: 1 }) };
      };
      const before = await openWriter(store.users);
      await before.edit([{ id: 'a', content: user() }]);
      await store.users.setMode('replica');
      t.equal(await store.users.mode(), 'replica');
      await rejectsWith(t, before.apply([replica('b', 1)]), 'WRITER_FENCED', 'a writer from before');
      const writer = await openWriter(store.users);
      const edit = writer.edit([{ id: 'b', content: user() }]);
      await t.rejects(edit, { code: 'DATABASE_READ_ONLY', message: /replica/, input: 'users' });
      await rejectsWith(t, writer.edit([{ id: 'a', content: null }]), 'DATABASE_READ_ONLY', 'a deletion');
      t.match(await writer.apply([replica('b', 1)]), [{ result: 'written' }], 'and the writer goes on');
      t.match(await writer.apply([replica('b', 1), replica('a', 0)]), [{ result: 'stale' }, {}]);
      t.equal(await store.users.count(), 2);
      await store.users.setMode('replica');
      t.match(await writer.apply([replica('c', 1)]), [{ result: 'written' }], 'the same mode again fences nobody');
      await store.close();
      const again = await engine.open(url);
      t.equal(await again.users.mode(), 'replica', 'the mode outlives the process');
      await rejectsWith(t, put(again.users, { id: 'd', content: user() }), 'DATABASE_READ_ONLY', 'after reopening');
      await again.close();
    });
  });

  await t.test('every change of mode fences all writers', async (t) => {
    await withStore(engine, async (store, url) => {
      const other = await engine.open(url);
      const replica = {
        ...{ id: 'r', ver: writeVersion(NOON, 1, store.site), org: store.site, vv: null, delAt: null },
        content: user({ num: 1 }),
      };
      for (const mode of ['replica', 'read-write', 'replica', 'read-only', 'replica', 'read-write'] as const) {
        const isOpen = (await store.users.mode()) !== 'read-only';
        const writers = isOpen ? [await openWriter(store.users), await openWriter(other.users)] : [];
        await store.users.setMode(mode);
        const failure = mode === 'read-only' ? 'DATABASE_READ_ONLY' : 'WRITER_FENCED';
        for (const writer of writers) {
          await rejectsWith(t, writer.apply([replica]), failure, `a writer from before ${mode}`);
          await writer.close();
        }
        t.equal(await other.users.mode(), mode);
      }
      t.equal(await store.users.count(), 0);
      await other.close();
    });
  });

  await t.test('set back from replica, the database is written again, above all that was applied', async (t) => {
    await withStore(engine, async (store) => {
      await store.users.setMode('replica');
      const ahead = writeVersion(NOON + 20 * 365 * 86_400_000, 3, 'elsewher' as SiteId);
      {
        await using writer = await openWriter(store.users);
        const content = user({ num: 5, name: 'theirs' });
        await writer.apply([{ id: 'a', ver: ahead, org: 'elsewher' as SiteId, vv: null, delAt: null, content }]);
      }
      await store.users.setMode('read-write');
      const [outcome] = await put(store.users, { id: 'a', content: user({ name: 'ours' }) });
      t.ok(outcome?.result === 'written' && outcome.ver > ahead);
      t.equal((await store.users.get('a'))?.content.num, 5);
    });
  });
}
