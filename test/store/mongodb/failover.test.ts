import type { Document } from 'bson';
import t, { type Test } from 'tap';
import type { Store, Writer } from '../../../store/contract.ts';
import type { User } from '../../../store/documents.ts';
import { codeOf } from '../../../store/errors.ts';
import { openMongodb } from '../../../store/mongodb/store.ts';
import { user } from '../../contract/samples.ts';
import { openWriter } from '../../contract/with-store.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { type AnsweringProxy, onCommand, startAnsweringProxy } from './answering-proxy.ts';
import { mongodbEngine } from './engine.ts';

interface Scene {
  readonly store: Store;
  readonly writer: Writer<User>;
  readonly proxy: AnsweringProxy;
  /** Inserts one user; its outcome, or the error. */
  insert(id: string): Promise<unknown>;
  /** What tailers see. */
  changes(): Promise<string[]>;
}

async function withScene(base: string, use: (scene: Scene) => Promise<void>): Promise<void> {
  const { url, cleanup } = await mongodbEngine(base).fresh();
  const { hostname, port, pathname } = new URL(url);
  await using proxy = await startAnsweringProxy({ host: hostname, port: Number(port) });
  const proxied = `mongodb://127.0.0.1:${proxy.port}${pathname}?directConnection=true`;
  await using store = await openMongodb(proxied, { waitMsMax: 3_000 });
  const writer = await openWriter(store.users);
  await use({
    store,
    writer,
    proxy,
    insert: (id) =>
      writer.edit([{ id, content: user(), ifVer: null }]).then(
        ([outcome]) => outcome,
        (error: unknown) => error,
      ),
    async changes() {
      await writer.settle();
      return (await store.users.changes.read(writer.slot, 0, 100)).docs.map(({ id }) => id);
    },
  });
  proxy.answer(() => undefined);
  await writer.close();
  await store.close();
  await cleanup();
}

const failed = (code: number, codeName: string): Document => ({ ok: 0, code, codeName, errmsg: codeName });
const failedOne = (code: number, errmsg: string): Document => ({
  ok: 1,
  n: 0,
  writeErrors: [{ index: 0, code, errmsg }],
});
const unconfirmed = (): Document => ({
  ok: 1,
  n: 1,
  writeConcernError: { code: 64, codeName: 'WriteConcernFailed', errmsg: 'waiting for replication timed out' },
});

/** Reported where the write was made, or not: the outcome must be the same, and the document there once. */
const PASSING: readonly (readonly [title: string, answer: Document])[] = [
  ['the primary stepped down', failed(189, 'PrimarySteppedDown')],
  ['not the primary', failed(10107, 'NotWritablePrimary')],
  ['interrupted by an election', failed(11602, 'InterruptedDueToReplStateChange')],
  ['shutting down', failed(91, 'ShutdownInProgress')],
];

t.test('a server that fails over or refuses, as a writer sees it', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  const test = (title: string, use: (t: Test, scene: Scene) => Promise<void>) =>
    t.test(title, (t) => withScene(server.url, (scene) => use(t, scene)));

  for (const [what, answer] of PASSING) {
    await test(`${what}, before it wrote: the write is repeated`, async (t, { proxy, insert, changes }) => {
      proxy.answer(onCommand('insert', 'users', { instead: answer }));
      t.match(await insert('a'), { result: 'written', n: 1 });
      t.same(await changes(), ['a']);
    });
  }

  for (const [what, answer] of [...PASSING, ['not confirmed by the majority', unconfirmed()] as const]) {
    await test(`${what}, after it wrote: the write is found`, async (t, { store, proxy, insert, changes }) => {
      proxy.answer(onCommand('insert', 'users', { after: () => answer }));
      const outcome = await insert('a');
      const doc = await store.users.get('a');
      t.same(outcome, { id: 'a', result: 'written', ver: doc?.ver, n: 1 });
      t.same(await changes(), ['a']);
    });
  }

  await test('an unknown failure that is not passing is fenced, and the error tells', async (t, scene) => {
    const { store, proxy, insert, changes } = scene;
    proxy.answer(onCommand('insert', 'users', { instead: failed(1, 'InternalError') }));
    t.match(await insert('a'), { code: 'STORE_IO_FAILED' });
    t.equal(await store.users.get('a'), undefined, 'it will not come later');
    t.match(await insert('b'), { result: 'written' }, 'the writer goes on');
    t.same(await changes(), ['b']);
    proxy.answer(onCommand('insert', 'users', { after: () => failed(1, 'InternalError') }));
    t.match(await insert('c'), { result: 'written' }, 'and where it did write, that is found out');
    t.same(await changes(), ['b', 'c']);
  });

  await test('a locked document is tried again', async (t, { proxy, insert, changes }) => {
    proxy.answer(onCommand('insert', 'users', { instead: failedOne(112, 'WriteConflict') }, 3));
    t.match(await insert('a'), { result: 'written', n: 1 });
    t.same(await changes(), ['a']);
  });

  await test('a full disk is told, and the writer goes on when there is room', async (t, {
    proxy,
    insert,
    changes,
  }) => {
    proxy.answer(onCommand('insert', 'users', { instead: failedOne(14031, 'OutOfDiskSpace') }));
    t.match(await insert('a'), { code: 'STORE_FULL', retryable: true });
    t.match(await insert('b'), { result: 'written' });
    t.same(await changes(), ['b']);
    proxy.answer(onCommand('insert', 'users', { instead: failed(14031, 'OutOfDiskSpace') }, 1_000));
    t.match(await insert('c'), { code: 'STORE_FULL' }, 'also where nothing can be fenced any more');
    proxy.answer(() => undefined);
    t.match(await insert('d'), { code: 'WRITER_FENCED' }, 'which takes a new writer');
  });

  await test('a user who may not write is told at once', async (t, { proxy, insert }) => {
    const refuse = onCommand('insert', 'users', { instead: failed(13, 'Unauthorized') }, 1_000);
    let refused = 0;
    proxy.answer((request) => {
      const answer = refuse(request);
      if (answer !== undefined) refused += 1;
      return answer;
    });
    t.match(await insert('a'), { code: 'STORE_UNREACHABLE', retryable: false, message: /refused the credentials/ });
    t.equal(refused, 1, 'without trying again and again');
  });

  await test('a duplicate key that names no index is looked into', async (t, { store, writer, proxy, insert }) => {
    const nameless = failedOne(11000, 'E11000 duplicate key error');
    t.match(await insert('a'), { result: 'written' });
    proxy.answer(onCommand('insert', 'users', { after: () => nameless }));
    t.match(await insert('a'), { result: 'conflict' });
    await store.users.changes.takeOver(writer.slot);
    proxy.answer(onCommand('insert', 'users', { after: () => nameless }));
    t.match(await insert('b'), { code: 'WRITER_FENCED' });
  });

  await test('publications survive an election', async (t, { proxy, insert, changes }) => {
    proxy.answer(onCommand('update', 'control', { after: () => failed(189, 'PrimarySteppedDown') }, 2));
    t.match(await insert('a'), { result: 'written' });
    t.match(await insert('b'), { result: 'written' });
    t.same(await changes(), ['a', 'b']);
  });

  await test('leases, takeovers and modes survive an election', async (t, { store, writer, proxy }) => {
    for (const command of ['update', 'findAndModify', 'insert', 'find']) {
      for (const answer of [failed(189, 'PrimarySteppedDown'), failed(11602, 'InterruptedDueToReplStateChange')]) {
        proxy.answer(onCommand(command, 'control', command === 'find' ? { instead: answer } : { after: () => answer }));
        const next = await openWriter(store.users);
        t.not(next.slot, writer.slot);
        t.match(await next.edit([{ id: command, content: user() }]), [{ result: 'written' }]);
        proxy.answer(onCommand(command, 'control', command === 'find' ? { instead: answer } : { after: () => answer }));
        t.match(await store.users.changes.takeOver(next.slot), { owner: '', epoch: next.epoch + 1 });
        const failure: unknown = await next.edit([{ id: 'x', content: user() }]).catch((error: unknown) => error);
        t.equal(codeOf(failure), 'WRITER_FENCED');
        await next.close();
      }
    }
    proxy.answer(onCommand('insert', 'users', { after: () => failed(189, 'PrimarySteppedDown') }));
    await store.users.setMode('read-only');
    t.equal(await store.users.mode(), 'read-only');
    t.ok((await store.users.changes.slots()).every(({ owner }) => owner === ''));
  });
});
