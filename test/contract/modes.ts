import type { Test } from 'tap';
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
}
