import t from 'tap';
import { openBackupFile, scanBackup } from '../../../replicator/backup/file.ts';
import { decodeLine, encodeLine, replicaOf } from '../../../replicator/backup/format.ts';
import { IdSet } from '../../../replicator/backup/id-set.ts';
import { parts, planFor, sumsOf } from '../../../replicator/backup/state.ts';
import type { Replica, SiteId, Version } from '../../../store/contract.ts';
import { DATABASE_NAMES } from '../../../store/documents.ts';
import { BUCKET_COUNT, canonicalJson } from '../../../store/envelope.ts';
import { seededRandom, testSeed } from '../../contract/random.ts';
import { backup, restore, sameStores, scribble, settingFor, write } from './backup-setting.ts';

const SEED = testSeed();
t.comment(`FEEDFERRY_TEST_SEED=${SEED}`);

t.test('sums from the file are those of the store, in one reading or in many', async (t) => {
  const { path, open } = await settingFor(t);
  const source = await open();
  const random = seededRandom(SEED);
  for (let run = 0; run < 4; run += 1) {
    await scribble(source, random, 400);
    await backup(source, path);
  }
  await using file = await openBackupFile(path, 'r');
  if (file === undefined) throw new Error('no file');
  const contents = await scanBackup(file);
  const plan = planFor(file, contents, null);
  for (const name of DATABASE_NAMES) {
    const there = (await source.database(name).bucketSums()).toSorted((a, b) => a.b - b.b);
    for (const idsMax of [1_000_000, 50, 7]) {
      t.strictSame(
        await sumsOf(file, contents, plan, name, () => {}, idsMax),
        there,
        `${name}, ${idsMax} ids at a time`,
      );
    }
  }
});

t.test('parts cover every bucket once, whatever the number of documents', async (t) => {
  for (const [docs, idsMax] of [
    [0, 5],
    [5, 5],
    [6, 5],
    [1_000, 7],
    [10 ** 6, 3],
  ] as const) {
    const ranges = [...parts(docs, idsMax)].map(({ from, to }) => [from, to]);
    t.equal(ranges[0]?.[0], 0);
    t.equal(ranges.at(-1)?.[1], BUCKET_COUNT);
    t.ok(
      ranges.every(([from], i) => i === 0 || from === ranges[i - 1]?.[1]),
      `${docs} documents: ${ranges.length} parts`,
    );
  }
});

t.test('a set of ids knows what was added, and refuses more than it was made for', async (t) => {
  const set = new IdSet(1_000);
  const ids = Array.from({ length: 1_000 }, (_, i) => `id ${i}`);
  t.ok(ids.every((id) => set.add(id)));
  t.notOk(ids.some((id) => set.add(id)));
  t.throws(() => Array.from({ length: 10_000 }, (_, i) => set.add(`other ${i}`)), RangeError);
});

t.test('a line gives the document back, whatever is in its id and its content', async (t) => {
  const random = seededRandom(SEED + 1);
  const strange = ['\t', '\n', '\r\n', '"', '\\', '\u2028', '\0'.slice(1), '\u{1f600}', ' ', 'null', '[', '\ufeff'];
  const text = () => Array.from({ length: 1 + random.below(6) }, () => random.pick(strange)).join('');
  for (let i = 0; i < 300; i += 1) {
    const content = random.chance(0.2) ? null : { [text()]: [text(), i, null, { b: 1, a: text() }] };
    const vv = random.chance(0.5) ? null : { aaaaaaaa: '00000000000a-0001' };
    const doc: Replica<unknown> = {
      id: `x${text()}`,
      ver: '00000000000a-0001-aaaaaaaa' as Version,
      org: 'aaaaaaaa' as SiteId,
      vv,
      delAt: content === null ? 5 : null,
      content,
    };
    const line = encodeLine(doc);
    if (line.indexOf('\n') !== line.length - 1) t.fail(`a line feed in ${JSON.stringify(line)}`);
    const back = replicaOf(decodeLine(line.slice(0, -1)));
    const same = canonicalJson({ ...back, body: 0 }) === canonicalJson({ ...doc, body: 0 });
    if (!same || back.body !== canonicalJson(content)) t.fail(line);
  }
  t.pass();
});

t.test('the largest documents and the strangest ids go through a file', async (t) => {
  const { path, open } = await settingFor(t);
  const source = await open();
  const large = Array.from({ length: 2_000_000 }, (_, i) => String.fromCharCode(0x4e00 + (i % 20_000))).join('');
  await write(source.users, [
    { id: 'large\tid\n\u{1f600}', content: { num: 1, name: large, addedAt: 0 } },
    { id: 'small', content: { num: 2, name: 'x', addedAt: 0 } },
    { id: 'gone\u2028', content: null },
    { id: 'also large', content: { num: 3, name: large.slice(7), addedAt: 0 } },
  ]);
  await backup(source, path);
  const target = await open();
  t.match(await restore(path, target), { equal: true, written: 4 });
  await sameStores(t, target, source, 'restored');
});
