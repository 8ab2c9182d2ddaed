import t from 'tap';
import type { Store } from '../../../store/contract.ts';
import { testSchedules } from '../../contract/random.ts';
import { sqlitePair } from '../sending/pair.ts';
import { SqliteTamper } from './tamper.ts';
import { verifyLive } from './verify-live.ts';

async function tamper(a: Store, b: Store): Promise<string[]> {
  using here = new SqliteTamper(a.url);
  using there = new SqliteTamper(b.url);
  there.drop('x1');
  there.rewrite('x2', (content) => ({ ...content, title: 'Another' }));
  there.flipBit('x3', 'ello');
  here.flipBit('x4', 'ello');
  return ['missing x1', 'content x2', 'damaged x3 destination', 'damaged x4 source'];
}

for (const twoWay of [false, true]) {
  t.test(`no false report while SQLite stores are written (${twoWay ? 'two-way' : 'one-way'})`, async (t) => {
    await using pair = await sqlitePair();
    const { a, b } = pair;
    await verifyLive(t, a, b, { twoWay, rounds: testSchedules(60), tamper: () => tamper(a, b) });
  });
}
