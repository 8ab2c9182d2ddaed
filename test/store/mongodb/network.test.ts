import t, { type Test } from 'tap';
import type { Store } from '../../../store/contract.ts';
import { codeOf } from '../../../store/errors.ts';
import { openMongodb } from '../../../store/mongodb/store.ts';
import { user } from '../../contract/samples.ts';
import { failureOf, openWriter } from '../../contract/with-store.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { startTcpProxy, type TcpProxy } from '../../rig/tcp-proxy.ts';
import { until } from '../../rig/until.ts';
import { mongodbEngine } from './engine.ts';

const WAIT_MS_MAX = 4_000;
const RESETS = 12;

interface Scene {
  /** Through the proxy. */
  readonly store: Store;
  /** Past it. */
  readonly direct: Store;
  readonly proxy: TcpProxy;
  /** Through the proxy. */
  readonly url: string;
}

/** A store behind a network that misbehaves on demand, and the same store as others see it. */
async function behindProxy(base: string, use: (scene: Scene) => Promise<void>): Promise<void> {
  const { url, cleanup } = await mongodbEngine(base).fresh();
  const { hostname, port, pathname } = new URL(url);
  await using proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  await using direct = await openMongodb(url);
  const proxied = `mongodb://${proxy.host}:${proxy.port}${pathname}?directConnection=true`;
  await using store = await openMongodb(proxied, { waitMsMax: WAIT_MS_MAX });
  await use({ store, direct, proxy, url: proxied });
  await proxy.behave({ mute: 'none', refuse: false });
  await store.close();
  await direct.close();
  await cleanup();
}

async function changesOf(store: Store): Promise<string[]> {
  const ids: string[] = [];
  for (const { slot } of await store.users.changes.slots())
    ids.push(...(await store.users.changes.read(slot, 0, 1000)).docs.map((doc) => doc.id));
  return ids.sort();
}

t.test('MongoDB behind a bad network', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  const test = (title: string, use: (t: Test, scene: Scene) => Promise<void>) =>
    t.test(title, (t) => behindProxy(server.url, (scene) => use(t, scene)));

  await test('a write whose acknowledgement is lost is found, and is there once', async (t, {
    store,
    direct,
    proxy,
  }) => {
    const writer = await openWriter(store.users);
    await proxy.behave({ mute: 'replies' });
    const writing = writer.edit([{ id: 'a', content: user(), ifVer: null }]);
    await until(async () => (await direct.users.get('a')) !== undefined, 'the document is there');
    proxy.drop('reset');
    await proxy.behave({ mute: 'none' });
    const doc = await direct.users.get('a');
    t.same(await writing, [{ id: 'a', result: 'written', ver: doc?.ver, n: doc?.n }]);
    t.same(await direct.users.get('a'), doc, 'it was not written again');
    t.equal(await direct.users.count(), 1);
    await writer.settle();
    t.same(await changesOf(direct), ['a'], 'and tailers see it');
    await writer.close();
  });

  await test('a whole batch that loses its acknowledgement is told apart, document by document', async (t, scene) => {
    const { store, direct, proxy } = scene;
    const other = await openWriter(direct.users);
    const writer = await openWriter(store.users);
    await other.edit([{ id: 'taken', content: user({ name: 'there' }) }]);
    await proxy.behave({ mute: 'replies' });
    const ids = ['a', 'b', 'taken', 'c'];
    const writing = writer.edit(ids.map((id) => ({ id, content: user({ name: 'new' }), ifVer: null })));
    await until(async () => (await direct.users.getMany(ids)).size === 4, 'all four are there');
    proxy.drop('reset');
    await proxy.behave({ mute: 'none' });
    t.same(
      (await writing).map(({ result }) => result),
      ['written', 'written', 'conflict', 'written'],
    );
    t.equal((await direct.users.get('taken'))?.content.name, 'there');
    await writer.settle();
    t.same(await changesOf(direct), [...ids].sort());
    await other.close();
    await writer.close();
  });

  await test('a write that landed and was replaced, its acknowledgement lost, is reported as unresolved', async (t, scene) => {
    const { store, direct, proxy } = scene;
    const other = await openWriter(direct.users);
    const writer = await openWriter(store.users);
    await proxy.behave({ mute: 'replies' });
    const writing = failureOf(writer.edit([{ id: 'a', content: user({ name: 'mine' }), ifVer: null }]));
    await until(async () => (await direct.users.get('a')) !== undefined, 'the document is there');
    await other.edit([{ id: 'a', content: user({ name: 'theirs' }) }]);
    proxy.drop('reset');
    await proxy.behave({ mute: 'none' });
    t.equal(await writing, 'WRITE_UNRESOLVED');
    t.equal((await direct.users.get('a'))?.content.name, 'theirs', 'and does not come back');
    t.equal(await failureOf(writer.edit([{ id: 'b', content: user() }])), 'none', 'the writer goes on');
    await writer.settle();
    t.same(await changesOf(direct), ['a', 'b']);
    await other.close();
    await writer.close();
  });

  await test('a server that is away for a while costs patience and nothing else', async (t, {
    store,
    direct,
    proxy,
  }) => {
    const writer = await openWriter(store.users);
    await writer.edit([{ id: 'a', content: user() }]);
    await proxy.behave({ refuse: true });
    proxy.drop('cut');
    const calls = [
      writer.edit([{ id: 'b', content: user() }]),
      store.users.get('a'),
      store.control.put('note', 1),
      store.users.openWriter({ owner: 'late', durability: 'sync' }).then((late) => late.close()),
    ];
    t.equal((await direct.users.get('a'))?.id, 'a');
    await proxy.behave({ refuse: false });
    t.same(
      (await Promise.allSettled(calls)).map(({ status }) => status),
      calls.map(() => 'fulfilled'),
    );
    await writer.settle();
    t.same(await changesOf(direct), ['a', 'b']);
    await writer.close();
  });

  await test('connections that went dead in silence are given up, and new ones made', async (t, {
    store,
    direct,
    proxy,
  }) => {
    const writer = await openWriter(store.users);
    await writer.edit([{ id: 'a', content: user() }]);
    await proxy.behave({ mute: 'both' });
    const writing = writer.edit([{ id: 'b', content: user() }]);
    const reading = store.users.get('a');
    const { accepted } = proxy.counts();
    await until(async () => proxy.counts().accepted > accepted, 'it has connected again');
    await proxy.behave({ mute: 'none' });
    t.match(await writing, [{ result: 'written' }]);
    t.equal((await reading)?.id, 'a');
    t.equal(await direct.users.count(), 2);
    await writer.close();
  });

  await test('a server that stays away is unreachable, and the writer lives when it is back', async (t, {
    store,
    proxy,
  }) => {
    const writer = await openWriter(store.users);
    await proxy.behave({ refuse: true });
    proxy.drop('cut');
    const calls = [
      writer.edit([{ id: 'a', content: user() }]),
      store.users.get('a'),
      store.control.get('a'),
      store.health(),
      store.users.changes.slots(),
    ];
    for (const call of await Promise.allSettled(calls)) {
      t.equal(call.status === 'rejected' ? codeOf(call.reason) : 'none', 'STORE_UNREACHABLE');
      t.match(call, { reason: { retryable: true } });
    }
    await proxy.behave({ refuse: false });
    t.match(await writer.edit([{ id: 'b', content: user() }]), [{ result: 'written' }]);
    await writer.close();
  });

  await test('a write that nobody can resolve ends its writer, and its slot is fenced in the end', async (t, scene) => {
    const { store, direct, proxy } = scene;
    const writer = await openWriter(store.users);
    await proxy.behave({ mute: 'replies' });
    t.equal(await failureOf(writer.edit([{ id: 'a', content: user(), ifVer: null }])), 'WRITE_UNRESOLVED');
    proxy.drop('reset');
    await proxy.behave({ mute: 'none' });
    t.equal(await failureOf(writer.edit([{ id: 'b', content: user() }])), 'WRITER_FENCED', 'a new writer is wanted');
    await writer.close();
    const state = (await direct.users.changes.slots()).find(({ slot }) => slot === writer.slot);
    t.match(state, { owner: '' }, 'closing it frees the slot');
    t.same(await changesOf(direct), [...(await direct.users.getMany(['a', 'b'])).keys()].sort());
  });

  await test('notes are put once, whenever the connections break', async (t, { store, direct, proxy }) => {
    for (let turns = 0; turns < RESETS; turns += 1) {
      const rev = turns % 3 === 0 ? 0 : ((await direct.control.get('n'))?.rev ?? 0);
      const id = rev === 0 ? `new${turns}` : 'n';
      const put = turns % 3 === 2 ? store.control.put(id, turns) : store.control.put(id, turns, rev);
      for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
      proxy.drop('reset');
      t.equal(await put, (await direct.control.get(id))?.rev);
      t.equal((await direct.control.get(id))?.value, turns);
    }
  });

  await test('a store opens, whenever the connections break while it does', async (t, { store, proxy, url }) => {
    for (let turns = 0; turns < RESETS; turns += 1) {
      const opening = openMongodb(url, { waitMsMax: WAIT_MS_MAX });
      for (let i = 0; i < turns * 2; i += 1) await new Promise((resolve) => setImmediate(resolve));
      proxy.drop(turns % 2 ? 'reset' : 'cut');
      const opened = await opening;
      t.equal(opened.site, store.site);
      await opened.close();
    }
    await proxy.behave({ refuse: true });
    const opening = openMongodb(url, { waitMsMax: WAIT_MS_MAX });
    const { accepted } = proxy.counts();
    await proxy.behave({ refuse: false });
    await until(async () => proxy.counts().accepted > accepted, 'it has connected again');
    await (await opening).close();
  });

  await test('a writer that opens while answers are lost gets one slot', async (t, { store, direct, proxy }) => {
    await store.users.mode();
    await proxy.behave({ mute: 'replies' });
    const opening = openWriter(store.users);
    const { accepted } = proxy.counts();
    await until(async () => proxy.counts().accepted > accepted, 'it has connected again');
    proxy.drop('reset');
    await proxy.behave({ mute: 'none' });
    const writer = await opening;
    t.match(await direct.users.changes.slots(), [{ slot: writer.slot, owner: 'test' }]);
    await writer.close();
  });
});
