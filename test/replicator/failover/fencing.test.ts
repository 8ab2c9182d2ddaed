import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { promote } from '../../../replicator/failover/failover.ts';
import { rejoin } from '../../../replicator/failover/rejoin.ts';
import { DEFAULT_POLICIES } from '../../../replicator/policy.ts';
import { readRole } from '../../../replicator/role.ts';
import { realRuntime as runtime } from '../../../replicator/runtime.ts';
import { user } from '../../contract/samples.ts';
import { failureOf, put } from '../../contract/with-store.ts';
import { until } from '../../rig/until.ts';
import { onEachEngine } from '../backup/backup-setting.ts';
import { differences, putArticles, start, targetOf } from '../sending/pair.ts';

const CHILD = fileURLToPath(new URL('./fencing-child.ts', import.meta.url));

interface Child {
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  /** Resolves once it has said this. */
  said(pattern: RegExp): Promise<void>;
  output(): string;
}

function run(t: Test, ...args: string[]): Child {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stdin.on('error', () => {}); // It may have ended.
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  const output = () => said;
  return { process: child, said: (pattern) => until(() => pattern.test(said), `the child says ${pattern}`), output };
}

await onEachEngine(t, 'a writer of the old primary that was stopped in a write wakes up fenced', async (t, setting) => {
  const [url, otherUrl] = [await setting.freshUrl(), await setting.freshUrl()];
  const [a, b] = [await setting.open(url), await setting.open(otherUrl)];
  await putArticles(a, 'x', 20);
  await start(a, b, { once: true }).ended;
  const writer = run(t, 'write', url);
  await writer.said(/stalled/);
  writer.process.kill('SIGSTOP');
  await promote(b, { runtime });
  await putArticles(b, 'y', 5);
  const exportPath = join(setting.folder, 'unseen.jsonl');
  const done = await rejoin({ store: a, target: targetOf(b), policies: DEFAULT_POLICIES, runtime, exportPath });
  t.match(done, { unseen: 20, written: 20 }, 'what it wrote before');
  const back = start(b, a, { name: 'a' });
  await until(async () => (await differences(a, b)).length === 0, 'the old primary has what the new one has');
  writer.process.kill('SIGCONT');
  writer.process.stdin.write('go on\n');
  await writer.said(/ended/);
  t.match(writer.output(), /ended (WRITER_FENCED|DATABASE_READ_ONLY)/);
  t.equal(await failureOf(put(a.users, { id: 'u', content: user() })), 'DATABASE_READ_ONLY');
  await back.stop();
  t.equal(await a.articles.get('stalled20'), undefined, 'nothing of it landed');
  t.equal(await a.articles.count(), 20 + 20 + 5);
  t.strictSame(await differences(a, b), []);
});

await onEachEngine(
  t,
  'a replicator that slept through a promotion gets nothing in, and fences its site',
  async (t, setting) => {
    const [url, otherUrl] = [await setting.freshUrl(), await setting.freshUrl()];
    const [a, b] = [await setting.open(url), await setting.open(otherUrl)];
    await putArticles(a, 'x', 20);
    const replicator = run(t, 'replicate', url, otherUrl);
    await replicator.said(/tailing 0/);
    await until(async () => (await b.articles.count()) === 20, 'the replica has everything');
    replicator.process.kill('SIGSTOP');
    await putArticles(a, 'late', 300);
    await promote(b, { runtime });
    await put(b.users, { id: 'u', content: user() });
    replicator.process.kill('SIGCONT');
    await replicator.said(/fenced/);
    t.equal(await b.articles.count(), 20, 'nothing that was sent later is there');
    t.match(await readRole(b.control), { role: 'primary', epoch: 1 });
    t.equal(
      await failureOf(put(a.users, { id: 'v', content: user() })),
      'DATABASE_READ_ONLY',
      'the old site writes no more',
    );
    t.equal(await failureOf(promote(a, { runtime })), 'PROMOTE_FENCED');
    replicator.process.kill('SIGKILL');
    const exportPath = join(setting.folder, 'unseen.jsonl');
    const done = await rejoin({ store: a, target: targetOf(b), policies: DEFAULT_POLICIES, runtime, exportPath });
    t.match(done, { unseen: 300, written: 300, conflicts: 0 });
    await start(b, a, { once: true, name: 'a' }).ended;
    t.strictSame(await differences(a, b), []);
  },
);
