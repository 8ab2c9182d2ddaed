import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const RUN = fileURLToPath(new URL('../../bench/run.ts', import.meta.url));

async function bench(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [RUN, 'replicate', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const out = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (out.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (out.stderr += chunk.toString()));
  return await new Promise((resolve) => child.on('close', (code) => resolve({ code, ...out })));
}

t.test(
  'the replication bench copies beside a bare copy and tells both, and the lag as seen from outside',
  async (t) => {
    const args = ['--only', 'backfill-sqlite,backfill-sqlite-indexes-after,lag-sqlite'];
    const { code, stdout, stderr } = await bench(...args, '--docs', '1500', '--runs', '1', '--seconds', '1');
    t.equal(code, 0, stderr);
    const { cases } = JSON.parse(stdout);
    for (const name of ['backfill-sqlite', 'backfill-sqlite-indexes-after']) {
      const { docs, ours, bare, rateShareOfBare } = cases[name];
      t.equal(docs, 1500);
      t.ok(ours.articlesPerSecond.median > 0 && bare.articlesPerSecond.median > 0, `${name}: both rates`);
      const ratio = ours.articlesPerSecond.median / bare.articlesPerSecond.median;
      t.ok(Math.abs(rateShareOfBare.median / ratio - 1) < 0.01, `${name}: and their ratio`);
    }
    const { lagMs } = cases['lag-sqlite'];
    t.equal(lagMs.samples, 1000, 'every document was seen');
    t.ok(lagMs.p50 > 0 && lagMs.p99 >= lagMs.p50);
  },
);

t.test('a case that does not exist fails the bench, naming those that do', async (t) => {
  const { code, stderr } = await bench('--only', 'nonsense');
  t.equal(code, 1);
  t.match(stderr, /backfill-sqlite-mongodb.*resume/);
});
