import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { openSqlite } from '../../../store/sqlite/store.ts';
import { user } from '../../contract/samples.ts';
import { ownFolder } from './folder.ts';

const CHILD = fileURLToPath(new URL('bulk-child.ts', import.meta.url));
/** Far above what it takes, which is some 50 ms on an idle machine, and below the limit of a wait for the lock. */
const WAIT_MS_MAX = 5000;

async function loading(t: Test, path: string): Promise<{ batches: () => number }> {
  const child = spawn(process.execPath, [CHILD, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  let batches = 0;
  child.stdout.on('data', (dots: Buffer) => {
    batches += dots.length;
  });
  await once(child.stdout, 'data');
  return { batches: () => batches };
}

t.test('a load in another process lets others write in between', async (t) => {
  const path = join(ownFolder(t), 'x.db');
  const store = await openSqlite(`sqlite:${path}`);
  const load = await loading(t, path);
  const writer = await store.users.openWriter({ owner: 'site', durability: 'sync' });
  const waits: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    const before = load.batches();
    const began = performance.now();
    const outcomes = await writer.edit([{ id: 'u', content: user({ name: `click ${i}` }) }]);
    waits.push(performance.now() - began);
    t.match(outcomes, [{ result: 'written' }]);
    while (load.batches() === before) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const longest = Math.max(...waits);
  t.ok(longest < WAIT_MS_MAX, `the longest of ${waits.length} waits was ${longest.toFixed(0)} ms`);
  const began = performance.now();
  await store.articles.changes.read(1, 0, 500);
  t.ok(performance.now() - began < WAIT_MS_MAX, 'and reading waits for nobody');
  await writer.close();
  await store.close();
});
