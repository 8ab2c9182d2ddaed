import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import type { Outcome, SiteId } from '../../../store/contract.ts';
import { openSqlite } from '../../../store/sqlite/store.ts';
import { writeVersion } from '../../../store/version.ts';
import { NOON, user } from '../../contract/samples.ts';
import { openWriter } from '../../contract/with-store.ts';
import { ownFolder } from './folder.ts';
import { afterPowerCut, commitsOf } from './wal.ts';

const highest = (outcomes: readonly Outcome[]) =>
  Math.max(0, ...outcomes.map((outcome) => (outcome.result === 'written' ? outcome.n : 0)));

t.test('after a power cut that takes the last lazy writes, no number is given twice', async (t) => {
  const folder = ownFolder(t);
  const path = join(folder, 'x.db');
  const store = await openSqlite(`sqlite:${path}`);
  const writer = await store.users.openWriter({ owner: 'test', durability: 'lazy' });
  const synced = statSync(`${path}-wal`).size;
  let shipped = 0;
  for (let k = 0; k < 8; k += 1) {
    shipped = highest(await writer.edit(Array.from({ length: 5 }, (_, i) => ({ id: `u${k}.${i}`, content: user() }))));
  }
  const page = await store.users.changes.read(1, 0, 1000);
  t.equal(page.through, shipped, 'a tailer has shipped all of it');
  const cuts = [synced, ...commitsOf(`${path}-wal`).filter((end) => end > synced)];
  t.ok(cuts.length >= 8);
  for (const [i, cut] of cuts.entries()) {
    // Half a frame more, as a disk that was writing leaves it.
    const copy = afterPowerCut(path, join(folder, `cut${i}`), cut + (i % 2) * 1000);
    const after = await openSqlite(`sqlite:${copy}`);
    t.equal(await after.users.count(), i * 5, `cut ${i}: a prefix of what was acknowledged`);
    const next = await openWriter(after.users);
    const outcomes = await next.edit([{ id: 'new', content: user() }]);
    t.ok(highest(outcomes) > shipped, `cut ${i}: ${highest(outcomes)} is above ${shipped}`);
    const tail = await after.users.changes.read(1, page.through, 10);
    t.same(
      tail.docs.map((doc) => doc.id),
      ['new'],
      'and a tailer at its old checkpoint sees it',
    );
    await next.close();
    await after.close();
  }
  await writer.close();
  await store.close();
});

t.test('no number is used before the end of its range was synced', async (t) => {
  const folder = ownFolder(t);
  const path = join(folder, 'x.db');
  const store = await openSqlite(`sqlite:${path}`);
  const writer = await store.users.openWriter({ owner: 'test', durability: 'lazy' });
  const start = highest(await writer.edit([{ id: 'first', content: user() }]));
  // Ranges are large; this one is made to end soon, several times over.
  const shrink = () => {
    const db = new DatabaseSync(path);
    const { last } = db.prepare('SELECT max(n) AS last FROM users').get() as { last: number };
    db.prepare("UPDATE slots SET reserved = ? WHERE database = 'users'").run(last + 7);
    db.close();
  };
  for (let k = 0; k < 12; k += 1) {
    if (k % 4 === 1) shrink();
    const outcomes = await writer.edit(Array.from({ length: 5 }, (_, i) => ({ id: `u${k}.${i}`, content: user() })));
    t.equal(outcomes.filter((outcome) => outcome.result === 'written').length, 5);
  }
  const states = commitsOf(`${path}-wal`).map((end, i) => stateOf(afterPowerCut(path, join(folder, `c${i}`), end)));
  t.ok(states.length > 15);
  let durable = 0;
  let extended = 0;
  for (const { last, reserved } of states) {
    if (last < start) continue;
    // A commit that moves the end of the range is a synced one; those after it may be lost.
    if (reserved > durable) extended += 1;
    durable = reserved;
    t.ok(last <= durable, `${last} is within the range up to ${durable}`);
  }
  t.ok(extended >= 3, 'ranges were used up');
  await writer.close();
  await store.close();
});

t.test('a synced write survives any power cut after it', async (t) => {
  const folder = ownFolder(t);
  const path = join(folder, 'x.db');
  const store = await openSqlite(`sqlite:${path}`);
  const lazy = await store.users.openWriter({ owner: 'crawl', durability: 'lazy' });
  const sync = await store.states.openWriter({ owner: 'site', durability: 'sync' });
  await lazy.edit([{ id: 'before', content: user() }]);
  const mark = { kind: 'mark', user: 'u', feed: 'f', upTo: 1, read: [], unread: [] } as const;
  await sync.edit([{ id: 'u.f', content: { ...mark, read: [], unread: [] } }]);
  const synced = statSync(`${path}-wal`).size;
  await lazy.edit([{ id: 'after', content: user() }]);
  const after = await openSqlite(`sqlite:${afterPowerCut(path, join(folder, 'cut'), synced)}`);
  t.equal(await after.states.count(), 1);
  t.ok(await after.users.get('before'), 'and with it what was written lazily before');
  await after.close();
  await lazy.close();
  await sync.close();
  await store.close();
});

t.test('a version that lies after the wall clock is synced, so that no power cut has it given twice', async (t) => {
  const store = await openSqlite(`sqlite:${join(ownFolder(t), 'x.db')}`, { clock: () => NOON });
  const writer = await store.users.openWriter({ owner: 'test', durability: 'lazy' });
  const executed = t.capture(DatabaseSync.prototype, 'exec', DatabaseSync.prototype.exec);
  const synced = () => executed().some(({ args: [sql] }) => sql === 'PRAGMA synchronous = FULL');
  await writer.edit([{ id: 'now', content: user() }]);
  t.notOk(synced(), 'one of now is not');
  const org = 'otherone' as SiteId;
  const fast = { org, vv: null, delAt: null, content: user() };
  await writer.apply([{ ...fast, id: 'fast', ver: writeVersion(NOON + 600_000, 0, org) }]);
  t.notOk(synced(), 'nor one that another site gave');
  await writer.edit([{ id: 'fast', content: user({ name: 'newer' }) }]);
  t.ok(synced(), 'one that must be newer than that is');
  await writer.close();
  await store.close();
});

function stateOf(path: string): { last: number; reserved: number } {
  const db = new DatabaseSync(path);
  const sql = "SELECT (SELECT max(n) FROM users) AS last, reserved FROM slots WHERE database = 'users'";
  const row = db.prepare(sql).get() as { last: number | null; reserved: number } | undefined;
  db.close();
  return { last: row?.last ?? 0, reserved: row?.reserved ?? 0 };
}
