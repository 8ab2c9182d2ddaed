import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Edit } from '../../../store/contract.ts';
import type { Article } from '../../../store/documents.ts';
import { CodedError } from '../../../store/errors.ts';
import { openSqlite } from '../../../store/sqlite/store.ts';
import { article, user } from '../../contract/samples.ts';
import { failureOf, put, rejectsWith } from '../../contract/with-store.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { ownFolder } from './folder.ts';
import { mountOn } from './mount.ts';

const MIB = 1024 * 1024;

function batch(k: number): Edit<Article>[] {
  const html = 'x'.repeat(10_000);
  return Array.from({ length: 10 }, (_, i) => ({ id: `f.${k}.${i}`, content: article({ html }) }));
}

t.test(
  'a full disk fails the write, coded; what was stored is intact, and writing goes on when there is room',
  async (t) => {
    const mounted = mountOn(t, '-t', 'tmpfs', '-o', 'size=5m', 'tmpfs');
    if ('skip' in mounted) return skipLoudly(t, mounted.skip);
    const ballast = join(mounted.folder, 'ballast');
    writeFileSync(ballast, Buffer.alloc(MIB));
    const url = `sqlite:${mounted.folder}/x.db`;
    const store = await openSqlite(url);
    const writer = await store.articles.openWriter({ owner: 'test', durability: 'lazy' });
    const stored: string[] = [];
    let failed: unknown;
    for (let k = 0; failed === undefined && k < 1000; k += 1) {
      const edits = batch(k);
      try {
        await writer.edit(edits);
        stored.push(...edits.map((edit) => edit.id));
      } catch (error) {
        failed = error;
      }
    }
    t.ok(failed instanceof CodedError);
    t.match(failed, { code: 'STORE_FULL', retryable: true });
    t.ok(stored.length > 0, `${stored.length} articles fitted`);
    t.equal(await failureOf(writer.edit(batch(5000))), 'STORE_FULL', 'and again');
    t.equal((await store.articles.getMany(stored)).size, stored.length, 'all that was acknowledged is there');
    t.equal(await store.articles.count(), stored.length, 'and nothing else');
    rmSync(ballast);
    await writer.edit(batch(6000));
    t.equal(await store.articles.count(), stored.length + 10, 'the same writer goes on');
    await writer.close();
    await store.close();
    const again = await openSqlite(url);
    t.equal(await again.articles.count(), stored.length + 10, 'also after opening it again');
    await again.close();
  },
);

t.test('no store can be made on a full disk', async (t) => {
  const mounted = mountOn(t, '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs');
  if ('skip' in mounted) return skipLoudly(t, mounted.skip);
  writeFileSync(join(mounted.folder, 'ballast'), Buffer.alloc(MIB - 8192));
  await rejectsWith(t, openSqlite(`sqlite:${mounted.folder}/x.db`), 'STORE_FULL', 'open');
});

t.test('a file on a read-only file system is told as such', async (t) => {
  const source = ownFolder(t);
  const store = await openSqlite(`sqlite:${source}/x.db`);
  await put(store.users, { id: 'a', content: user() });
  await store.close();
  const mounted = mountOn(t, '--bind', source);
  if ('skip' in mounted) return skipLoudly(t, mounted.skip);
  execFileSync('mount', ['-o', 'remount,ro,bind', mounted.folder]);
  await rejectsWith(t, openSqlite(`sqlite:${mounted.folder}/x.db`), 'STORE_FILE_READ_ONLY', 'an existing store');
  await rejectsWith(t, openSqlite(`sqlite:${mounted.folder}/y.db`), 'STORE_FILE_READ_ONLY', 'a new one');
  await rejectsWith(t, openSqlite(`sqlite:${mounted.folder}/new/y.db`), 'STORE_FILE_READ_ONLY', 'in a new folder');
});

/** Opens the store at a path as a user who is not root, and prints the code of the failure. */
const OPEN = `
  const { openStore } = await import(${JSON.stringify(new URL('../../../store/open.ts', import.meta.url).href)});
  await openStore('sqlite:' + process.argv[1]).then((store) => store.close(), (error) => console.log(error.code));`;
const NOBODY = 65_534;

t.test('a file that this user may not write is told as such', async (t) => {
  const folder = ownFolder(t);
  await (await openSqlite(`sqlite:${folder}/x.db`)).close();
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const open = (path: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', OPEN, path], { ...user, encoding: 'utf8' });
  chmodSync(folder, 0o777);
  const trial = open(join(folder, 'trial.db'));
  if (trial.status !== 0) return skipLoudly(t, `another user can't run Node here: ${trial.stderr || trial.error}`);
  chmodSync(join(folder, 'x.db'), 0o444);
  t.equal(open(join(folder, 'x.db')).stdout, 'STORE_FILE_READ_ONLY\n', 'the file');
  chmodSync(folder, 0o555);
  t.equal(open(join(folder, 'y.db')).stdout, 'STORE_FILE_READ_ONLY\n', 'the folder');
  chmodSync(folder, 0o755);
});
