import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import { CodedError } from '../../../store/errors.ts';
import { openSqlite } from '../../../store/sqlite/store.ts';
import { user } from '../../contract/samples.ts';
import { put } from '../../contract/with-store.ts';
import { ownFolder } from './folder.ts';

/** Another process that holds the write lock until its standard input ends. */
const HOLDER = `
  const { DatabaseSync } = require('node:sqlite');
  const db = new DatabaseSync(process.argv[1]);
  db.exec('BEGIN IMMEDIATE');
  console.log('locked');
  process.stdin.resume().on('end', () => { db.exec('COMMIT'); db.close(); });`;

async function holdLock(path: string): Promise<{ release(): Promise<void> }> {
  const child = spawn(process.execPath, ['-e', HOLDER, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    async release() {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

t.test('a lock that another process holds too long fails the write, coded and retryable; reads go on', async (t) => {
  const path = join(ownFolder(t), 'x.db');
  const store = await openSqlite(`sqlite:${path}`, { waitMsMax: 150 });
  await put(store.users, { id: 'a', content: user() });
  const writer = await store.users.openWriter({ owner: 'test', durability: 'lazy' });
  const holder = await holdLock(path);
  const failed = await writer.edit([{ id: 'b', content: user() }]).catch((error: unknown) => error);
  t.ok(failed instanceof CodedError);
  t.match(failed, { code: 'STORE_LOCKED', retryable: true, input: path });
  t.equal((await store.users.get('a'))?.id, 'a', 'reading');
  t.equal((await store.users.changes.read(1, 0, 10)).docs.length, 1, 'reading changes');
  await t.rejects(store.control.put('x', 1), { code: 'STORE_LOCKED' });
  await holder.release();
  t.match(await writer.edit([{ id: 'b', content: user() }]), [{ result: 'written' }], 'the same writer goes on');
  await writer.close();
  await store.close();
});

t.test('a write waits for a lock without stopping the event loop, and goes through when it is free', async (t) => {
  const path = join(ownFolder(t), 'x.db');
  const store = await openSqlite(`sqlite:${path}`);
  const writer = await store.users.openWriter({ owner: 'test', durability: 'sync' });
  const holder = await holdLock(path);
  let landed = false;
  const writes = Promise.all(['a', 'b', 'c'].map((id) => writer.edit([{ id, content: user() }]))).then((outcomes) => {
    landed = true;
    return outcomes;
  });
  // Were the event loop stopped, these turns would take until the wait for the lock is given up.
  const started = performance.now();
  for (let turns = 0; turns < 20 || performance.now() - started < 100; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.notOk(landed, 'it waits');
  const released = holder.release();
  t.equal((await writes).flat().filter((outcome) => outcome.result === 'written').length, 3);
  await released;
  await writer.close();
  await store.close();
});

t.test('closing the store ends what waits for a lock', async (t) => {
  const path = join(ownFolder(t), 'x.db');
  const store = await openSqlite(`sqlite:${path}`);
  const writer = await store.users.openWriter({ owner: 'test', durability: 'sync' });
  const holder = await holdLock(path);
  const write = writer.edit([{ id: 'a', content: user() }]).catch((error: unknown) => error);
  await new Promise((resolve) => setImmediate(resolve));
  await store.close();
  t.match(await write, { code: 'STORE_CLOSED' });
  await holder.release();
});

t.test('opening a new store waits for another process that is making it', async (t) => {
  const path = join(ownFolder(t), 'x.db');
  await (await openSqlite(`sqlite:${path}`)).close();
  const holder = await holdLock(path);
  const opening = openSqlite(`sqlite:${path}`, { waitMsMax: 5000 });
  const store = await opening;
  t.equal(await store.users.count(), 0, 'an up-to-date store opens while another writes');
  await holder.release();
  await store.close();
});
