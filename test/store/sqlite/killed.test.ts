import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openSqlite } from '../../../store/sqlite/store.ts';
import { seededRandom, testSeed } from '../../contract/random.ts';
import { ownFolder } from './folder.ts';

const WRITER = fileURLToPath(new URL('./killed-crawl.ts', import.meta.url));
const KILLS = 6;
const BATCHES_MAX = 150;

t.test('kill -9 at any moment leaves a sound store with all that was acknowledged', async (t) => {
  const seed = testSeed();
  const random = seededRandom(seed);
  t.comment(`FEEDFERRY_TEST_SEED=${seed}`);
  const folder = ownFolder(t);
  const path = join(folder, 'x.db');
  for (let k = 0; k < KILLS; k += 1) {
    // The first one dies while it makes the store, or soon after.
    await writeAndDie(path, join(folder, 'acknowledged'), `run${k}`, k === 0 ? 0 : 1 + random.below(BATCHES_MAX));
    const store = await openSqlite(`sqlite:${path}`);
    const acknowledged = readFileSync(join(folder, 'acknowledged'), 'utf8').split('\n').slice(0, -1);
    const there = await store.articles.known(acknowledged);
    t.equal(there.size, acknowledged.length, `kill ${k}: all ${acknowledged.length} acknowledged articles are there`);
    await store.close();
    const db = new DatabaseSync(path);
    t.same({ ...db.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' }, `kill ${k}: sound`);
    db.close();
  }
});

/** Kills the writer after that many acknowledged batches; 0: as soon as the file shows. */
async function writeAndDie(path: string, log: string, name: string, batches: number): Promise<void> {
  const file = openSync(log, 'a');
  const child = spawn(process.execPath, [WRITER, path, name], { stdio: ['ignore', 'pipe', 'inherit', file] });
  const exited = once(child, 'exit');
  let left = batches;
  child.stdout?.on('data', (dots: Buffer) => {
    left -= dots.length;
    if (left <= 0) child.kill('SIGKILL');
  });
  const [code] = await exited;
  closeSync(file);
  if (code !== null) throw new Error(`The writer ended by itself with ${code}`);
}
