import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import t from 'tap';
import { listConflicts } from '../../../replicator/applying/conflicts.ts';
import { realRuntime } from '../../../replicator/runtime.ts';
import { seededRandom, testSeed } from '../../contract/random.ts';
import { failureOf } from '../../contract/with-store.ts';
import { asObject, backup, everything, onEachEngine, restore, sameStores, scribble, write } from './backup-setting.ts';

const SEED = testSeed();
t.comment(`FEEDFERRY_TEST_SEED=${SEED}`);

onEachEngine(t, 'what is restored is what was backed up, over many frames, tombstones included', async (t, setting) => {
  const random = seededRandom(SEED);
  const source = await setting.open();
  await scribble(source, random, 600);
  const first = await backup(source, setting.path);
  t.match(first, { frame: 1, kind: 'full', why: 'the first run', exact: true, cutBytes: 0 });
  for (let frame = 2; frame <= 5; frame += 1) {
    await scribble(source, random, 100);
    const next = await backup(source, setting.path);
    t.match(next, { frame, kind: 'changes', why: '', exact: true });
    t.ok(next.docs < first.docs, `${next.docs} of ${first.docs} documents`);
  }
  const nothing = await backup(source, setting.path);
  t.match(nothing, { frame: 6, kind: 'changes', docs: 0 }, 'a run without changes marks the time');
  const target = await setting.open();
  const report = await restore(setting.path, target);
  t.match(report, { frame: 6, equal: true, stale: 0, resumed: false, tornBytes: 0 });
  t.equal(report.written, (await everything(source)).size, 'every document is written once');
  await sameStores(t, target, source, 'restored');
  t.not(target.site, source.site, 'it is a site of its own');
  t.strictSame((await readdir(setting.folder)).sort(), ['store.backup', 'store.backup.lock']);
});

onEachEngine(t, 'a restore gives the state of the moment that is asked for', async (t, setting) => {
  const random = seededRandom(SEED + 1);
  let now = Date.UTC(2026, 0, 1);
  const clock = () => now;
  const runtime = { ...realRuntime, clock };
  const source = await setting.open(undefined, { clock });
  const states: { at: number; all: Map<string, string> }[] = [];
  for (let run = 0; run < 4; run += 1) {
    await scribble(source, random, 120);
    now += 60_000;
    const { at } = await backup(source, setting.path, { runtime });
    states.push({ at, all: await everything(source) });
    now += 60_000;
  }
  for (const { at, all } of states) {
    const target = await setting.open();
    const report = await restore(setting.path, target, { at });
    t.match(report, { at, equal: true });
    t.strictSame(asObject(await everything(target)), asObject(all), `as of ${new Date(at).toISOString()}`);
  }
  t.equal(await failureOf(restore(setting.path, await setting.open(), { at: 5 })), 'RESTORE_TOO_EARLY');
});

onEachEngine(
  t,
  'between two backups, what did not change again before the second one is restored',
  async (t, setting) => {
    let now = Date.UTC(2026, 0, 1);
    const clock = () => now;
    const runtime = { ...realRuntime, clock };
    const source = await setting.open(undefined, { clock });
    const user = (id: string, name: string | null) =>
      write(source.users, [{ id, content: name === null ? null : { num: 1, name, addedAt: 0 } }]);
    await user('once', 'old');
    await user('twice', 'old');
    await user('gone', 'old');
    await backup(source, setting.path, { runtime });
    now += 60_000;
    await user('once', 'new');
    await user('twice', 'new');
    await user('gone', null);
    await user('made', 'new');
    now += 60_000;
    const moment = now;
    now += 60_000;
    await user('twice', 'newest');
    await user('later', 'newest');
    await backup(source, setting.path, { runtime });
    const target = await setting.open();
    t.match(await restore(setting.path, target, { at: moment }), { equal: true, fromNext: true, frame: 1 });
    const names = (await target.users.scan({ limit: 9 })).map(({ id, content }) => `${id} ${content.name}`);
    t.strictSame(names, ['made new', 'once new', 'twice old'], 'a document that changed twice is the older one');
  },
);

onEachEngine(t, 'a backup goes on while writers write, and the next one has the rest', async (t, setting) => {
  const source = await setting.open();
  await scribble(source, seededRandom(SEED + 2), 400);
  let writing = true;
  const writer = (async () => {
    const random = seededRandom(SEED + 3);
    while (writing) await scribble(source, random, 50);
  })();
  for (let run = 0; run < 3; run += 1) await backup(source, setting.path);
  writing = false;
  await writer;
  const target = await setting.open();
  t.match(await restore(setting.path, target), { equal: true }, 'a frame made under load restores as the file says');
  t.match(await backup(source, setting.path), { kind: 'changes', exact: true });
  const last = await setting.open();
  await restore(setting.path, last);
  await sameStores(t, last, source, 'after a quiet run');
});

onEachEngine(t, 'a restore goes into an empty store only, unless told otherwise', async (t, setting) => {
  const source = await setting.open();
  await write(source.users, [
    { id: 'a', content: { num: 1, name: 'backed up', addedAt: 0 } },
    { id: 'b', content: { num: 2, name: 'backed up', addedAt: 0 } },
  ]);
  const target = await setting.open();
  await write(target.users, [
    { id: 'b', content: { num: 2, name: 'older', addedAt: 0 } },
    { id: 'c', content: { num: 3, name: 'own', addedAt: 0 } },
  ]);
  await write(source.users, [{ id: 'b', content: { num: 2, name: 'newer', addedAt: 0 } }]);
  await backup(source, setting.path);
  t.equal(await failureOf(restore(setting.path, target)), 'RESTORE_NOT_EMPTY');
  t.match(await restore(setting.path, target, { intoExisting: true }), { equal: true, written: 2 });
  await write(target.users, [{ id: 'a', content: { num: 1, name: 'edited here', addedAt: 0 } }]);
  t.match(await restore(setting.path, target, { intoExisting: true }), { equal: true, written: 0, stale: 2 });
  const names = (await target.users.scan({ limit: 9 })).map(({ id, content }) => `${id} ${content.name}`);
  t.strictSame(names, ['a edited here', 'b newer', 'c own'], 'the newer version of each stays');
});

onEachEngine(
  t,
  'into a store that took edits of its own meanwhile, what loses is kept and listed',
  async (t, setting) => {
    const source = await setting.open();
    const target = await setting.open();
    const user = (id: string, name: string) => ({ id, content: { num: 1, name, addedAt: 0 } });
    await write(target.users, [user('a', 'older, here')]);
    await write(source.users, [user('a', 'newer, there'), user('b', 'older, there')]);
    await write(target.users, [user('b', 'newer, here')]);
    await backup(source, setting.path);
    for (let again = 0; again < 2; again += 1) {
      t.match(await restore(setting.path, target, { intoExisting: true }), { equal: true });
      const names = (await target.users.scan({ limit: 9 })).map(({ id, content }) => `${id} ${content.name}`);
      t.strictSame(names, ['a newer, there', 'b newer, here']);
      const { conflicts } = await listConflicts(target.control);
      t.strictSame(
        conflicts.map(({ loser }) => (loser.content as { name: string }).name),
        ['older, here', 'older, there'],
      );
    }
  },
);

onEachEngine(t, 'only the databases that were chosen are kept and restored', async (t, setting) => {
  const source = await setting.open();
  await scribble(source, seededRandom(SEED + 4), 100);
  await backup(source, setting.path, { databases: ['users', 'states'] });
  t.match(await backup(source, setting.path), { kind: 'changes', docs: 0 }, 'later runs need not say it again');
  t.equal(await failureOf(backup(source, setting.path, { databases: ['users'] })), 'BACKUP_OTHER_DATABASES');
  t.equal(
    await failureOf(restore(setting.path, await setting.open(), { databases: ['feeds'] })),
    'BACKUP_OTHER_DATABASES',
  );
  const target = await setting.open();
  t.match(await restore(setting.path, target, { databases: ['users'] }), { equal: true });
  t.strictSame([await target.users.count(), await target.states.count()], [await source.users.count(), 0]);
});

t.test('a source that was put back to an older state is noticed, and a full frame is written', async (t) => {
  const { settingFor } = await import('./backup-setting.ts');
  const { copyFile } = await import('node:fs/promises');
  const setting = await settingFor(t);
  const url = await setting.freshUrl();
  const file = url.replace('sqlite:', '');
  const source = await setting.open(url);
  await scribble(source, seededRandom(SEED + 5), 100);
  await backup(source, setting.path);
  await source.close();
  await copyFile(file, `${file}.old`);
  const second = await setting.open(url);
  await scribble(second, seededRandom(SEED + 6), 100);
  const lost = await backup(second, setting.path);
  t.equal(lost.kind, 'changes');
  await second.close();
  await copyFile(`${file}.old`, file);
  const back = await setting.open(url);
  // As many writes as were lost and more: the change feed alone would not tell.
  await scribble(back, seededRandom(SEED + 7), 300);
  const full = await backup(back, setting.path);
  t.match(full, { frame: 3, kind: 'full', why: /put back to an older state/ });
  const target = await setting.open();
  await restore(setting.path, target);
  await sameStores(t, target, back, 'the newest state has nothing of what was lost');
  const before = await setting.open();
  t.match(
    await restore(setting.path, before, { at: lost.at }),
    { frame: 2, equal: true },
    'the older moments are still there',
  );
  t.match(await backup(back, setting.path), { frame: 4, kind: 'changes' });
});

t.test('another site, another program, and a second run at once are refused', async (t) => {
  const { settingFor } = await import('./backup-setting.ts');
  const { writeFile } = await import('node:fs/promises');
  const setting = await settingFor(t);
  const source = await setting.open();
  await scribble(source, seededRandom(SEED + 8), 200);
  await backup(source, setting.path);
  t.equal(await failureOf(backup(await setting.open(), setting.path)), 'BACKUP_OTHER_SITE');
  const runs = await Promise.allSettled([backup(source, setting.path), backup(source, setting.path)]);
  const failed = runs.filter((run) => run.status === 'rejected').map(({ reason }) => reason.code);
  t.strictSame(failed, ['BACKUP_BUSY']);
  await writeFile(`${setting.path}.txt`, 'a shopping list '.repeat(50));
  t.equal(await failureOf(backup(source, `${setting.path}.txt`)), 'BACKUP_NOT_OURS');
  t.equal(await failureOf(backup(source, `${setting.path}.txt`, { full: true })), 'BACKUP_NOT_OURS');
  t.match(await readFile(`${setting.path}.txt`, 'utf8'), /^a shopping list/, 'it is not touched');
  t.notOk(existsSync(`${setting.path}.txt.lock`), 'and no lock is left beside it');
  t.equal(await failureOf(backup(source, `${setting.folder}/none/x`)), 'BACKUP_FILE_UNUSABLE');
});

t.test('--full begins anew, and the old file stays until the new one is complete', async (t) => {
  const { settingFor } = await import('./backup-setting.ts');
  const setting = await settingFor(t);
  const source = await setting.open();
  await scribble(source, seededRandom(SEED + 9), 300);
  await backup(source, setting.path);
  for (let i = 0; i < 3; i += 1) {
    await scribble(source, seededRandom(SEED + 10 + i), 300);
    await backup(source, setting.path);
  }
  const { size } = await stat(setting.path);
  const aborted = new AbortController();
  aborted.abort();
  const stopped = backup(source, setting.path, { full: true, signal: aborted.signal });
  t.equal(await failureOf(stopped), 'BACKUP_STOPPED');
  t.equal((await stat(setting.path)).size, size);
  t.match(await backup(source, setting.path, { full: true }), { frame: 1, kind: 'full', why: 'begun anew' });
  t.ok((await stat(setting.path)).size < size, 'it is smaller than the old one with its older versions');
  const target = await setting.open();
  await restore(setting.path, target);
  await sameStores(t, target, source, 'restored from the new one');
  t.equal((await source.control.list('backup/')).length, 1, 'the source forgets the old file');
});

t.test('a rate is kept to, and progress says how far it is', async (t) => {
  const { settingFor } = await import('./backup-setting.ts');
  const setting = await settingFor(t);
  const source = await setting.open();
  await scribble(source, seededRandom(SEED + 20), 2_000);
  let elapsed = 0;
  const sleep = async (ms: number) => {
    elapsed += ms;
  };
  const runtime = { ...realRuntime, elapsed: () => elapsed, sleep };
  const seen: { docs: number; docsTotal: number; etaMs: number | null }[] = [];
  const onProgress = (progress: (typeof seen)[number]) => seen.push(progress);
  const { docs } = await backup(source, setting.path, { docsPerSecondMax: 100, runtime, onProgress });
  t.ok(Math.abs(elapsed - docs * 10) < 20, `${docs} documents in ${elapsed} ms`);
  t.match(seen.at(-1), { docs, docsTotal: docs, etaMs: null });
  t.ok(seen.every((one) => one.docs <= one.docsTotal));
});

t.test('a backup of one engine is restored into the other', async (t) => {
  const { mongodbUrl } = await import('../../rig/mongodb.ts');
  const { skipLoudly } = await import('../../rig/skip.ts');
  const { mongodbEngine } = await import('../../store/mongodb/engine.ts');
  const { settingFor } = await import('./backup-setting.ts');
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  const files = await settingFor(t);
  const servers = await settingFor(t, mongodbEngine(server.url));
  for (const [from, to] of [
    [files, servers],
    [servers, files],
  ] as const) {
    const source = await from.open();
    await scribble(source, seededRandom(SEED + 21), 500);
    await backup(source, from.path);
    const target = await to.open();
    t.match(await restore(from.path, target), { equal: true });
    await sameStores(t, target, source, `${source.engine} to ${target.engine}`);
  }
});
