import t from 'tap';
import { Revisions } from '../../../store/mongodb/revisions.ts';

/** The counter of a store, and how often it was asked. */
function counter() {
  const state = { last: 0, asked: 0 };
  const count = async (revisions: number): Promise<number> => {
    state.asked += 1;
    state.last += revisions;
    const { last } = state;
    await new Promise((resolve) => setImmediate(resolve));
    return last;
  };
  return { state, count };
}

t.test('revisions grow in the order of the calls, and the counter is asked now and then', async (t) => {
  const { state, count } = counter();
  const revisions = new Revisions(count);
  const taken = await Promise.all(Array.from({ length: 40 }, () => revisions.next()));
  t.same(
    taken,
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
  t.equal(state.asked, 3);
});

t.test('none is given twice, and none that is not above what it replaces', async (t) => {
  const { count } = counter();
  const one = new Revisions(count);
  const other = new Revisions(count);
  const first = await one.next();
  const second = await other.next();
  t.ok(second > first);
  const third = await one.next(second);
  t.ok(third > second, 'what was taken before is left out');
  t.ok((await one.next()) > third);
});

t.test('a counter that does not answer is asked again by the next call', async (t) => {
  const { count } = counter();
  let isAway = true;
  const revisions = new Revisions(async (some) => {
    if (isAway) throw new Error('away');
    return await count(some);
  });
  await t.rejects(revisions.next(), /away/);
  isAway = false;
  t.equal(await revisions.next(), 1);
});
