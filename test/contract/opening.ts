import type { Test } from 'tap';
import type { Engine } from './engine.ts';
import { user } from './samples.ts';
import { put, rejectsWith, withStore } from './with-store.ts';

export async function opening(t: Test, engine: Engine): Promise<void> {
  await t.test('a store is made where there is none, and keeps its site and its documents', async (t) => {
    const { url, cleanup } = await engine.fresh();
    const first = await engine.open(url);
    const { site } = first;
    t.match(site, /^[a-z0-9]{8}$/);
    await put(first.users, { id: 'ada', content: user() });
    await first.close();
    const again = await engine.open(url, { mustExist: true });
    t.equal(again.site, site, 'the site stays');
    t.equal((await again.users.get('ada'))?.content.name, 'reader');
    await again.close();
    await cleanup();
  });

  await t.test('mustExist refuses to make a store', async (t) => {
    const { url, cleanup } = await engine.fresh();
    await rejectsWith(t, engine.open(url, { mustExist: true }), 'STORE_MISSING', 'nothing there');
    await rejectsWith(t, engine.open(url, { mustExist: true }), 'STORE_MISSING', 'and the refusal made nothing');
    await cleanup();
  });

  await t.test('a store of a newer schema version is refused and left alone', async (t) => {
    const { url, cleanup } = await engine.fresh();
    await (await engine.open(url)).close();
    await engine.makeNewer(url);
    await rejectsWith(t, engine.open(url), 'STORE_NEWER', 'newer');
    await cleanup();
  });

  await t.test('two open stores on one URL see each other’s writes', async (t) => {
    await withStore(engine, async (one, url) => {
      const two = await engine.open(url);
      t.equal(two.site, one.site);
      await put(one.users, { id: 'ada', content: user({ name: 'Ada' }) });
      t.equal((await two.users.get('ada'))?.content.name, 'Ada');
      await put(two.users, { id: 'ada', content: user({ name: 'Countess' }) });
      t.equal((await one.users.get('ada'))?.content.name, 'Countess');
      await two.control.put('note', 1);
      t.equal((await one.control.get('note'))?.value, 1);
      await two.close();
    });
  });

  await t.test('many that open a new store at once get one store', async (t) => {
    const { url, cleanup } = await engine.fresh();
    const stores = await Promise.all(Array.from({ length: 5 }, () => engine.open(url)));
    t.equal(new Set(stores.map((store) => store.site)).size, 1, 'one site');
    await Promise.all(stores.map((store) => store.close()));
    await cleanup();
  });

  await t.test('health tells what runs', async (t) => {
    await withStore(engine, async (store) => {
      const health = await store.health();
      t.equal(health.engine, engine.name);
      t.equal(store.engine, engine.name);
      t.equal(health.site, store.site);
      t.ok(health.schemaVersion >= 1);
      t.match(health.engineVersion, /\d/);
    });
  });

  await t.test('database(name) is the same as the field', async (t) => {
    await withStore(engine, async (store) => {
      t.equal(store.database('articles'), store.articles);
      t.equal(store.database('feeds'), store.feeds);
      t.equal(store.database('users'), store.users);
      t.equal(store.database('subscriptions'), store.subscriptions);
      t.equal(store.database('states'), store.states);
      t.equal(store.database('states').name, 'states');
    });
  });

  await t.test('a closed store refuses every call, and closing twice is harmless', async (t) => {
    const { url, cleanup } = await engine.fresh();
    const store = await engine.open(url);
    const writer = await store.users.openWriter({ owner: 'test', durability: 'sync' });
    await store.close();
    await store.close();
    await rejectsWith(t, store.users.get('ada'), 'STORE_CLOSED', 'get');
    await rejectsWith(t, store.control.get('ada'), 'STORE_CLOSED', 'control');
    await rejectsWith(t, store.health(), 'STORE_CLOSED', 'health');
    await rejectsWith(t, store.users.openWriter({ owner: 'x', durability: 'sync' }), 'STORE_CLOSED', 'openWriter');
    await rejectsWith(t, writer.edit([{ id: 'ada', content: user() }]), 'STORE_CLOSED', 'a writer that was open');
    await cleanup();
  });
}
