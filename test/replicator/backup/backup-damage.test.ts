import { copyFile, open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openBackupFile, scanBackup } from '../../../replicator/backup/file.ts';
import { type BackupVerdict, verifyBackup } from '../../../replicator/backup/verify.ts';
import { realRuntime } from '../../../replicator/runtime.ts';
import type { ControlNote, Store } from '../../../store/contract.ts';
import { codeOf } from '../../../store/errors.ts';
import { seededRandom, testSeed } from '../../contract/random.ts';
import { failureOf } from '../../contract/with-store.ts';
import { backup, restore, type Setting, sameStores, scribble, settingFor } from './backup-setting.ts';

const SEED = testSeed();
const SAMPLES = 80;
t.comment(`FEEDFERRY_TEST_SEED=${SEED}`);

interface Made {
  readonly setting: Setting;
  readonly source: Store;
  /** What the source noted after the second frame, and after the third. */
  readonly notes: readonly [ControlNote, ControlNote];
  /** Where each frame begins; the last one is where the file ends. */
  readonly starts: readonly number[];
  readonly bytes: Buffer;
}

/** A file of three frames. */
async function made(t: Test): Promise<Made> {
  const setting = await settingFor(t);
  const source = await setting.open();
  const random = seededRandom(SEED);
  const notes: ControlNote[] = [];
  for (let frame = 1; frame <= 3; frame += 1) {
    await scribble(source, random, 80);
    await backup(source, setting.path);
    notes.push(...(await source.control.list('backup/')));
  }
  await using file = await openBackupFile(setting.path, 'r');
  if (file === undefined) throw new Error('no file');
  const { frames, size } = await scanBackup(file);
  const starts = [...frames.map(({ start }) => start), size];
  const [, second, third] = notes;
  if (second === undefined || third === undefined) throw new Error('no notes');
  return { setting, source, notes: [second, third], starts, bytes: await readFile(setting.path) };
}

function verify(path: string, against: Store | null = null): Promise<BackupVerdict> {
  return verifyBackup({ path, against, deep: false, runtime: realRuntime });
}

/** Offsets from `from` to `to`: the first and the last ones, and others between at random. */
function sampled(from: number, to: number, count: number): number[] {
  const random = seededRandom(SEED + 1);
  const edges = [0, 1, 2, 50, 95, 96, 97].flatMap((i) => [from + i, to - 1 - i]);
  const others = Array.from({ length: count }, () => from + random.below(to - from));
  return [...new Set([...edges, ...others])].filter((at) => at >= from && at < to).sort((a, b) => a - b);
}

t.test('a tail that was torn anywhere is cut off, and nothing before it is lost', async (t) => {
  const { setting, source, notes, starts, bytes } = await made(t);
  const [start = 0, end = 0] = starts.slice(2);
  const path = join(setting.folder, 'torn');
  for (const [i, at] of sampled(start, end, SAMPLES).entries()) {
    // A power cut can leave the length of a file without its last pages: they read as zeros then.
    const zeros = i % 3 === 0 && at > start;
    await writeFile(path, Buffer.concat([bytes.subarray(0, at), Buffer.alloc(zeros ? end - at : 0)]));
    const verdict = await verify(path);
    if (at > start && !(verdict.tail?.kind === 'torn' && verdict.tail.frame === 3 && !verdict.sound)) {
      t.fail(`torn at byte ${at} of ${start} to ${end}: ${JSON.stringify(verdict.tail)}`);
    }
    await source.control.put(notes[0].id, notes[0].value);
    const report = await backup(source, path);
    const isAsBefore = report.frame === 3 && report.kind === 'changes' && (await verify(path)).sound;
    if (!isAsBefore) t.fail(`after byte ${at}: ${JSON.stringify(report)}`);
    const kept = (await readFile(path)).subarray(0, start);
    if (!kept.equals(bytes.subarray(0, start))) t.fail(`after byte ${at}: what stood before has changed`);
  }
  const target = await setting.open();
  await restore(path, target);
  await sameStores(t, target, source, 'restored from the mended file');
});

t.test('a frame that is known to be complete is never cut off', async (t) => {
  const { setting, source, starts, bytes } = await made(t);
  const [start = 0, end = 0] = starts.slice(2);
  const path = join(setting.folder, 'cut');
  for (const at of sampled(start + 1, end, 20)) {
    await writeFile(path, bytes.subarray(0, at));
    if ((await failureOf(backup(source, path))) !== 'BACKUP_DAMAGED') t.fail(`cut at ${at}`);
    if ((await stat(path)).size !== at) t.fail(`cut at ${at}: the file was changed`);
  }
  await writeFile(path, bytes.subarray(0, start));
  t.match(await backup(source, path), { frame: 3, kind: 'changes' }, 'an older copy that is whole is gone on with');
});

t.test('one bit flipped anywhere is noticed, and its frame is named', async (t) => {
  const { setting, source, notes, starts, bytes } = await made(t);
  const path = join(setting.folder, 'flipped');
  const random = seededRandom(SEED + 2);
  const [, end = 0] = starts.slice(2);
  for (const at of [0, ...starts.slice(0, 3)].flatMap((from, i) => sampled(from, starts[i] ?? end, SAMPLES / 2))) {
    const bad = Buffer.from(bytes);
    bad[at] = (bad[at] ?? 0) ^ (1 << random.below(8));
    await writeFile(path, bad);
    const frame = starts.findLastIndex((from) => from <= at) + 1;
    const named = await namedFrame(path);
    if (named !== frame && !(frame === 0 && named === 'unusable')) t.fail(`byte ${at} of frame ${frame}: ${named}`);
    await source.control.put(notes[1].id, notes[1].value);
    const run = await failureOf(backup(source, path));
    const now = await readFile(path);
    if (!now.subarray(0, end).equals(bad) && !['none', 'BACKUP_DAMAGED'].includes(run)) t.fail(`byte ${at}: ${run}`);
    if (now.length < end) t.fail(`byte ${at}: a run has cut off something complete`);
  }
  t.pass(`${bytes.length} bytes`);
});

/** The frame that a verdict names; `unusable`: the file as a whole is refused; `sound`: nothing was noticed. */
async function namedFrame(path: string): Promise<number | 'unusable' | 'sound'> {
  try {
    const { damage, tail } = await verify(path);
    return damage[0]?.frame ?? tail?.frame ?? 'sound';
  } catch (error) {
    if (!/^BACKUP_(DAMAGED|NOT_OURS|NEWER)$/.test(codeOf(error))) throw error;
    return 'unusable';
  }
}

t.test('a damaged frame is not restored from, older moments are, and --full keeps the damaged file', async (t) => {
  const { setting, source, starts, bytes } = await made(t);
  const bad = Buffer.from(bytes);
  const at = (starts[2] ?? 0) + 200;
  bad[at] = (bad[at] ?? 0) ^ 1;
  await writeFile(setting.path, bad);
  t.equal(await failureOf(restore(setting.path, await setting.open())), 'BACKUP_DAMAGED');
  const second = (await verify(setting.path)).frames[1]?.at ?? 0;
  t.match(await restore(setting.path, await setting.open(), { at: second }), {
    frame: 2,
    equal: true,
    fromNext: false,
  });
  bad.fill(0, starts[1], (starts[1] ?? 0) + 300);
  await writeFile(setting.path, bad);
  t.match(await verify(setting.path), { sound: false, tail: { kind: 'damaged', frame: 2 } });
  t.equal(await failureOf(restore(setting.path, await setting.open())), 'BACKUP_DAMAGED');
  t.match(await backup(source, setting.path, { full: true }), { frame: 1 });
  const { readdir } = await import('node:fs/promises');
  const kept = (await readdir(setting.folder)).filter((name) => name.includes('damaged'));
  t.equal(kept.length, 1);
  t.ok((await readFile(join(setting.folder, kept[0] ?? ''))).equals(bad));
});

t.test('a file is held against the live store that it comes from', async (t) => {
  const { setting, source, bytes } = await made(t);
  t.match(await verify(setting.path, source), { sound: true });
  await scribble(source, seededRandom(SEED + 3), 40);
  const later = await verify(setting.path, source);
  const inFlight = later.against?.databases.reduce((sum, one) => sum + one.inFlight, 0) ?? 0;
  t.ok(later.sound && inFlight > 0, `${inFlight} documents are written since, which is no difference`);
  t.equal(await failureOf(verify(setting.path, await setting.open())), 'BACKUP_OTHER_SITE');
  const { DatabaseSync } = await import('node:sqlite');
  const db = new DatabaseSync(source.url.replace('sqlite:', ''));
  const [lost] = db.prepare('DELETE FROM users WHERE n = (SELECT min(n) FROM users) RETURNING _id AS id').all();
  const [changed] = db
    .prepare('UPDATE feeds SET h1 = h1 + 1 WHERE n = (SELECT min(n) FROM feeds) RETURNING _id AS id')
    .all();
  db.close();
  const differing = await verify(setting.path, source);
  t.equal(differing.sound, false);
  const named = Object.fromEntries(
    (differing.against?.databases ?? []).map(({ database, differences }) => [database, differences]),
  );
  t.match(named, {
    users: [{ id: lost?.id, kind: 'extra' }],
    feeds: [{ id: changed?.id, kind: 'content' }],
    articles: [],
  });
  t.ok((await readFile(setting.path)).equals(bytes), 'the file is only read');
});

t.test('a version that is not known yet is refused by name', async (t) => {
  const { setting } = await made(t);
  const copy = join(setting.folder, 'copy');
  await copyFile(setting.path, copy);
  await using handle = await open(copy, 'r+');
  await handle.truncate(10);
  t.equal(await failureOf(verify(copy)), 'BACKUP_NOT_OURS');
});
