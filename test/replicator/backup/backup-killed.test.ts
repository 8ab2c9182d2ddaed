import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { readRestoreState } from '../../../replicator/backup/restore-note.ts';
import { verifyBackup } from '../../../replicator/backup/verify.ts';
import { realRuntime } from '../../../replicator/runtime.ts';
import { type Random, seededRandom, testSeed } from '../../contract/random.ts';
import { failureOf } from '../../contract/with-store.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { mountOn } from '../../store/sqlite/mount.ts';
import { backup, onEachEngine, restore, sameStores, scribble, settingFor, write } from './backup-setting.ts';

const SEED = testSeed();
const CHILD = fileURLToPath(new URL('./backup-child.ts', import.meta.url));
const KILLS = 3;
t.comment(`FEEDFERRY_TEST_SEED=${SEED}`);

/** Whether the process was killed before its work was done. */
async function killedAtRandom(random: Random, dotsMax: number, args: string[]): Promise<boolean> {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let left = 1 + random.below(dotsMax);
  let said = '';
  child.stdout.on('data', (dots: Buffer) => {
    said += dots.toString();
    left -= dots.length;
    // A moment more or less, so that it also dies between two pages.
    if (left <= 0) setTimeout(() => child.kill('SIGKILL'), random.next() * 5);
  });
  const [code] = await exited;
  if (code !== null && code !== 0) throw new Error(`the child ended by itself with ${code}`);
  return !said.includes('done');
}

onEachEngine(
  t,
  'a backup that is killed anywhere leaves a good file, and the next run has everything',
  async (t, setting) => {
    const random = seededRandom(SEED);
    const url = await setting.freshUrl();
    const source = await setting.open(url);
    for (let i = 0; i < 8; i += 1) await scribble(source, random, 2_000);
    await backup(source, setting.path);
    const look = () => verifyBackup({ path: setting.path, against: null, deep: false, runtime: realRuntime });
    let killed = 0;
    for (let i = 0; i < KILLS; i += 1) {
      for (let more = 0; more < 2; more += 1) await scribble(source, random, 2_000);
      const before = await look();
      if (await killedAtRandom(random, 8, [i === 2 ? 'full' : 'backup', url, setting.path])) killed += 1;
      const { tail, damage, frames } = await look();
      t.ok(
        frames.length >= before.frames.length || i === 2,
        `${frames.length} frames, of ${before.frames.length} before`,
      );
      t.ok(tail?.kind !== 'damaged' && damage.length === 0, `killed ${killed} times, left ${tail?.bytes ?? 0} bytes`);
    }
    t.ok(killed > 0, `${killed} of ${KILLS} were killed in the middle`);
    const last = await backup(source, setting.path);
    t.equal(last.kind, 'changes');
    const target = await setting.open();
    t.match(await restore(setting.path, target), { equal: true, tornBytes: 0 });
    await sameStores(t, target, source, 'restored');
  },
);

onEachEngine(
  t,
  'a restore that is killed anywhere goes on, and the half-restored store says what it is',
  async (t, setting) => {
    const random = seededRandom(SEED + 1);
    const source = await setting.open();
    for (let i = 0; i < 8; i += 1) await scribble(source, random, 2_000);
    await backup(source, setting.path);
    await scribble(source, random, 2_000);
    await backup(source, setting.path);
    const url = await setting.freshUrl();
    let killed = 0;
    for (let i = 0; i < KILLS; i += 1) {
      if (!(await killedAtRandom(random, 12, ['restore', url, setting.path]))) break;
      killed += 1;
      const half = await setting.open(url);
      const state = await readRestoreState(half.control);
      t.ok(state === null || state.finishedAt === null, `after kill ${killed}: ${JSON.stringify(state?.blocks)}`);
      if (state !== null)
        t.equal(await failureOf(restore(setting.path, half, { at: Date.now() + 1e6 })), 'RESTORE_OTHER_BEGUN');
      await half.close();
    }
    t.ok(killed > 0, `${killed} were killed in the middle`);
    const target = await setting.open(url);
    t.match(await restore(setting.path, target), { equal: true });
    t.not((await readRestoreState(target.control))?.finishedAt, null, 'it is marked as whole');
    await sameStores(t, target, source, 'restored after all');
  },
);

t.test('a full disk fails the run, keeps what was there, and the next run goes on', async (t) => {
  const mounted = mountOn(t, '-t', 'tmpfs', '-o', 'size=200k', 'tmpfs');
  if ('skip' in mounted) return skipLoudly(t, mounted.skip);
  const setting = await settingFor(t);
  const path = `${mounted.folder}/store.backup`;
  const source = await setting.open();
  const random = seededRandom(SEED + 2);
  await scribble(source, random, 300);
  await backup(source, path);
  const { size } = await stat(path);
  const noise = () => Array.from({ length: 30_000 }, () => String.fromCharCode(33 + random.below(90))).join('');
  const users = Array.from({ length: 30 }, (_, i) => ({ id: `n${i}`, content: { num: 1, name: noise(), addedAt: 0 } }));
  await write(source.users, users);
  t.equal(await failureOf(backup(source, path)), 'BACKUP_DISK_FULL');
  t.equal((await stat(path)).size, size, 'its part of a frame is taken back');
  t.equal(await failureOf(backup(source, `${mounted.folder}/other`)), 'BACKUP_DISK_FULL');
  t.match(await restore(path, await setting.open()), { equal: true, frame: 1, tornBytes: 0 });
  const { execFileSync } = await import('node:child_process');
  execFileSync('mount', ['-o', 'remount,size=50m', mounted.folder]);
  t.match(await backup(source, path), { frame: 2, kind: 'changes' });
  const target = await setting.open();
  await restore(path, target);
  await sameStores(t, target, source, 'with room again');
});
