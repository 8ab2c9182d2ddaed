/** Disks that are full: the destination's, the source's, and with it the one for the source's checkpoints. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Store } from '../../../store/contract.ts';
import { openStore } from '../../../store/open.ts';
import { article } from '../../contract/samples.ts';
import { failureOf, put } from '../../contract/with-store.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { until } from '../../rig/until.ts';
import { mountOn } from '../../store/sqlite/mount.ts';
import { settingFor } from '../backup/backup-setting.ts';
import { fastRuntime, start, targetOf } from '../sending/pair.ts';
import { equal } from './processes.ts';

const MIB = 1024 * 1024;
const HTML = 'x'.repeat(10_000);

/** Pauses after failures pass ten times as fast. */
const runtime = fastRuntime(10);

async function putLarge(store: Store, prefix: string, count: number): Promise<void> {
  const edits = Array.from({ length: count }, (_, i) => ({
    id: `${prefix}${i}`,
    content: article({ guid: `${prefix}${i}`, html: HTML }),
  }));
  await put(store.articles, ...edits);
}

/** A store on a disk of its own, and what to do to fill that disk and to make room again. */
async function onSmallDisk(t: Test): Promise<{ store: Store; fill(): void; makeRoom(): void } | { skip: string }> {
  const mounted = mountOn(t, '-t', 'tmpfs', '-o', 'size=24m', 'tmpfs');
  if ('skip' in mounted) return mounted;
  const ballast = join(mounted.folder, 'ballast');
  const store = await openStore(`sqlite:${join(mounted.folder, 'x.db')}`);
  t.teardown(() => store.close());
  const fill = () => {
    for (let bytes = 16 * MIB; bytes >= 512; bytes /= 2) {
      for (let isFull = false; !isFull; ) {
        try {
          writeFileSync(ballast, Buffer.alloc(bytes), { flag: 'a' });
        } catch {
          isFull = true;
        }
      }
    }
  };
  return { store, fill, makeRoom: () => rmSync(ballast) };
}

t.test('a destination whose disk is full is waited for, says so, and gets everything once there is room', async (t) => {
  const disk = await onSmallDisk(t);
  if ('skip' in disk) return skipLoudly(t, disk.skip);
  const setting = await settingFor(t);
  const [a, b] = [await setting.open(), disk.store];
  await putLarge(a, 'x', 100);
  const running = start(a, b, { runtime });
  await until(() => running.status().state === 'tailing' && running.status().docsToDo === 0, 'it tails');
  disk.fill();
  await putLarge(a, 'y', 500);
  await until(() => running.status().state === 'waiting', 'it waits');
  t.match(running.status(), { lastError: { code: 'STORE_FULL' }, why: String });
  t.equal(await failureOf(putLarge(a, 'z', 100)), 'none', 'the source does not mind');
  disk.makeRoom();
  await until(async () => (await b.articles.count()) === 700, 'all is there');
  await running.stop();
  await equal(t, a, b);
  const again = await start(a, b, { runtime, once: true }).ended;
  t.equal(again.docs, 0, 'the checkpoint is there, too');
});

t.test('a source whose disk is full is read on; its checkpoints wait, and are saved once there is room', async (t) => {
  const disk = await onSmallDisk(t);
  if ('skip' in disk) return skipLoudly(t, disk.skip);
  const setting = await settingFor(t);
  const [a, b] = [disk.store, await setting.open()];
  await putLarge(a, 'x', 100);
  await start(a, b, { runtime, once: true }).ended;
  await putLarge(a, 'y', 500);
  disk.fill();
  t.equal(await failureOf(putLarge(a, 'z', 100)), 'STORE_FULL');
  const running = start(a, b, { runtime });
  await until(() => running.status().lastError?.code === 'STORE_FULL', 'it says why');
  disk.makeRoom();
  await putLarge(a, 'z', 100);
  await until(async () => (await b.articles.count()) === 700, 'all is there');
  await running.stop();
  await equal(t, a, b);
  const again = await start(a, b, { runtime, once: true }).ended;
  t.equal(again.docs, 0, 'the checkpoint is there, too');
});

t.test('a disk that fills up while it is written to takes nothing away', async (t) => {
  const disk = await onSmallDisk(t);
  if ('skip' in disk) return skipLoudly(t, disk.skip);
  const setting = await settingFor(t);
  const [a, b] = [await setting.open(), disk.store];
  for (let i = 0; i < 6; i += 1) await putLarge(a, `x${i}.`, 500);
  const running = start(a, b, { open: async () => targetOf(b, runtime), runtime });
  await until(() => running.status().lastError?.code === 'STORE_FULL', 'the disk is full');
  const there = await b.articles.count();
  t.ok(there > 0 && there < 3000, `${there} of 3000 are there`);
  await put(a.articles, ...Array.from({ length: 500 }, (_, i) => ({ id: `x0.${i}`, content: null })));
  await running.stop();
  t.equal((await b.articles.scan({ limit: 5000 })).length, await b.articles.count(), 'it can still be read');
});
