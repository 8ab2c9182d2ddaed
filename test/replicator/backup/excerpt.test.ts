import t from 'tap';
import { excerpt } from '../../../replicator/backup/excerpt.ts';
import { planRestore } from '../../../replicator/backup/planned-restore.ts';
import { seededRandom, testSeed } from '../../contract/random.ts';
import { backup, everything, onEachEngine, scribble, settingFor } from './backup-setting.ts';

onEachEngine(t, 'the chosen documents of a backup are put into a store as they were last', async (t, setting) => {
  const seed = testSeed();
  t.comment(`seed ${seed}`);
  const source = await setting.open();
  for (const frame of [1, 2, 3]) {
    await scribble(source, seededRandom(seed + frame), 200);
    await backup(source, setting.path);
  }
  await using planned = await planRestore(setting.path, null, null);
  const store = await setting.open();
  const accept = (id: string) => /^f[135]\./.test(id);
  const told: number[] = [];
  const onProgress = (read: number, total: number) => void told.push(read / total);
  t.equal(await excerpt({ planned, database: 'articles', store, accept, onProgress }), true);
  const wanted = [...(await everything(source))].filter(([id]) => /^articles\/f[135]\./.test(id));
  t.ok(wanted.length > 20, `${wanted.length} documents`);
  t.strictSame(await everything(store), new Map(wanted));
  t.equal(told.at(-1), 1);
  t.ok((await store.articles.timeline({ limit: 5 })).length > 0, 'with its indexes');
});

t.test('an excerpt that was stopped says that it is not whole', async (t) => {
  const setting = await settingFor(t);
  const source = await setting.open();
  await scribble(source, seededRandom(1), 50);
  await backup(source, setting.path);
  await using planned = await planRestore(setting.path, null, null);
  const store = await setting.open();
  const signal = AbortSignal.abort();
  t.equal(await excerpt({ planned, database: 'articles', store, accept: () => true, signal }), false);
});
