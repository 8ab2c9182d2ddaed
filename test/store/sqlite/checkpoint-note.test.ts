import { join } from 'node:path';
import t from 'tap';
import type { Replica, SiteId } from '../../../store/contract.ts';
import type { User } from '../../../store/documents.ts';
import type { FaultPoint } from '../../../store/faults.ts';
import { openSqlite } from '../../../store/sqlite/store.ts';
import { writeVersion } from '../../../store/version.ts';
import { NOON, user } from '../../contract/samples.ts';
import { failureOf } from '../../contract/with-store.ts';
import { ownFolder } from './folder.ts';

const ELSEWHERE = 'elsewher' as SiteId;
const NOTE = { id: 'checkpoint/x', value: { 1: 600 } };

function users(count: number): Replica<User>[] {
  return Array.from({ length: count }, (_, i) => ({
    ...{ id: `u${i}`, ver: writeVersion(NOON + i, 0, ELSEWHERE), org: ELSEWHERE, vv: null, delAt: null },
    content: user({ num: i + 1 }),
  }));
}

for (const [title, point, nth, notes] of [
  ['cut off before the last transaction, a batch leaves no note', 'before-commit', 3, 0],
  ['cut off after the last transaction, a batch leaves documents and note', 'after-commit', 3, 1],
  ['cut off after an earlier transaction, it leaves no note', 'after-commit', 1, 0],
] as [string, FaultPoint, number, number][]) {
  t.test(title, async (t) => {
    let seen = 0;
    const at = (where: FaultPoint): void => {
      if (where === point) seen += 1;
      if (where === point && seen === nth) throw new Error('cut off');
    };
    const path = join(ownFolder(t), 'x.db');
    const store = await openSqlite(`sqlite:${path}`, {}, { at });
    const writer = await store.users.openWriter({ owner: 'test', durability: 'lazy' });
    // Three transactions.
    t.not(await failureOf(writer.apply(users(600), NOTE)), 'none');
    t.equal((await store.control.list('checkpoint/')).length, notes);
    const isComplete = (await store.users.count()) === 600;
    t.equal(isComplete, notes === 1, 'the note is there exactly where all of its documents are');
    await writer.apply(users(600), NOTE);
    t.equal(await store.users.count(), 600);
    t.same((await store.control.get(NOTE.id))?.value, NOTE.value, 'the same again completes it');
    await writer.close();
    await store.close();
  });
}
