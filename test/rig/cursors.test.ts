import t from 'tap';
import { CursorTable } from './cursors.ts';

const continuation = new Uint8Array([1]);

t.test('a cursor is kept until it is forgotten', async (t) => {
  const cursors = new CursorTable();
  const id = cursors.newId();
  cursors.keep({ id, database: 'd', continuation }, 0);
  t.equal(cursors.get(id).database, 'd');
  t.equal(cursors.forget(id), true);
  t.equal(cursors.forget(id), false);
  t.throws(() => cursors.get(id), { code: 43 });
});

t.test('cursors that nobody used for ten minutes make way', async (t) => {
  const cursors = new CursorTable();
  const [old, used, fresh] = [cursors.newId(), cursors.newId(), cursors.newId()];
  cursors.keep({ id: old, database: 'd', continuation }, 0);
  cursors.keep({ id: used, database: 'd', continuation }, 0);
  cursors.keep({ id: used, database: 'd', continuation }, 500_000);
  t.strictSame(cursors.keep({ id: fresh, database: 'd', continuation }, 700_000), [old]);
  t.equal(cursors.size, 2);
});

t.test('there are never more than a thousand', async (t) => {
  const cursors = new CursorTable();
  const first = cursors.newId();
  cursors.keep({ id: first, database: 'd', continuation }, 0);
  let gone: bigint[] = [];
  for (let at = 0; at < 1000; at += 1) gone = cursors.keep({ id: cursors.newId(), database: 'd', continuation }, 1);
  t.strictSame(gone, [first]);
  t.equal(cursors.size, 1000);
});
