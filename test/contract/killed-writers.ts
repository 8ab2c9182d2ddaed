import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Store, Version } from '../../store/contract.ts';
import { type Issued, Ledger, Tailer, verdict } from './oracle.ts';
import { type Random, seededRandom } from './random.ts';

const WRITER = fileURLToPath(new URL('./killed-writer.ts', import.meta.url));
const CHILDREN = 2;
const ACKNOWLEDGED_MAX = 400;

/** What a child notes in its log, a line each, before it writes and after it was acknowledged. */
export type ChildLine =
  | { readonly issue: Issued }
  | { readonly ack: Issued; readonly ver: Version; readonly n: number };

/**
 * Real processes write, and each is killed after a random number of acknowledgements, at any point of its work. A
 * tailer follows while they live; then their slots are taken over, and what it saw is held against what is there.
 */
export async function killSchedule(
  store: Store,
  url: string,
  seed: number,
): Promise<{ violations: string[]; acknowledged: number }> {
  const random = seededRandom(seed);
  const ledger = new Ledger();
  const { changes } = store.users;
  const tailer = await Tailer.open(changes);
  const prefix = `k${seed}.`;
  let alive = CHILDREN;
  const lives = Array.from({ length: CHILDREN }, async (_, i) => {
    await liveAndDie(random, ledger, [url, `${prefix}c${i}`, prefix, String(random.below(2 ** 31))]);
    alive -= 1;
  });
  while (alive > 0) {
    for (const { slot } of await changes.slots()) await tailer.step(slot, 1 + random.below(50));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(lives);
  for (const { slot } of await changes.slots()) await changes.takeOver(slot);
  await tailer.readToTheEnd();
  const docs = await store.users.scan({ prefix, limit: 1000, deleted: true });
  return { violations: verdict(ledger, tailer, docs), acknowledged: ledger.acknowledged };
}

async function liveAndDie(random: Random, ledger: Ledger, args: string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-killed-'));
  // A file takes what was written before the kill; a pipe is a socket here, and loses it.
  const log = await open(join(folder, 'log'), 'a+');
  const child = spawn(process.execPath, [WRITER, ...args], { stdio: ['ignore', 'pipe', 'inherit', log.fd] });
  const exited = once(child, 'exit');
  let left = 1 + random.below(ACKNOWLEDGED_MAX);
  child.stdout?.on('data', (dots: Buffer) => {
    left -= dots.length;
    if (left <= 0) child.kill('SIGKILL');
  });
  const [code] = await exited;
  if (code !== null) throw new Error(`The writer ended by itself with ${code}`);
  const text = await readFile(join(folder, 'log'), 'utf8');
  for (const line of text.split('\n').slice(0, -1)) {
    const said = JSON.parse(line) as ChildLine;
    if ('issue' in said) ledger.issue(said.issue);
    else ledger.acknowledge(said.ack, { id: said.ack.id, result: 'written', ver: said.ver, n: said.n });
  }
  await log.close();
  await rm(folder, { recursive: true });
}
