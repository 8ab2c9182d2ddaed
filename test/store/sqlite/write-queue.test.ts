import t, { type Test } from 'tap';
import type { Durability } from '../../../store/contract.ts';
import { WriteQueue } from '../../../store/sqlite/write-queue.ts';

/** A transaction that notes what it was asked for, and fails as it is told. */
function recorder(t: Test, waitMsMax = 1000) {
  const groups: { durability: Durability; jobs: string[] }[] = [];
  const state = { busy: 0, jobs: [] as string[] };
  const queue = new WriteQueue({ path: 'x.db', waitMsMax }, (durability, work) => {
    if (state.busy > 0) {
      state.busy -= 1;
      throw Object.assign(new Error('database is locked'), { code: 'ERR_SQLITE_ERROR', errcode: 5 });
    }
    state.jobs = [];
    work();
    groups.push({ durability, jobs: state.jobs });
  });
  const add = (name: string, durability: Durability = 'lazy', run = () => {}, bulk = false) =>
    queue.add({ durability, bulk }, () => {
      run();
      state.jobs.push(name);
      return name;
    });
  t.teardown(() => queue.end(() => new Error('ended')));
  return { queue, add, groups, state };
}

t.test('what comes in one turn shares a transaction, in order; the next turn has its own', async (t) => {
  const { add, groups } = recorder(t);
  t.same(await Promise.all([add('a'), add('b'), add('c')]), ['a', 'b', 'c']);
  await add('d');
  t.same(groups, [
    { durability: 'lazy', jobs: ['a', 'b', 'c'] },
    { durability: 'lazy', jobs: ['d'] },
  ]);
});

t.test('one that wants a sync makes the whole group synced', async (t) => {
  const { add, groups } = recorder(t);
  await Promise.all([add('a'), add('b', 'sync')]);
  t.same(groups, [{ durability: 'sync', jobs: ['a', 'b'] }]);
});

t.test('one that fails takes no other with it', async (t) => {
  const { add, groups } = recorder(t);
  const fail = () => {
    throw new Error('no');
  };
  const results = await Promise.allSettled([add('a'), add('bad', 'lazy', fail), add('c')]);
  t.same(
    results.map((result) => result.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  t.same(
    groups.map((group) => group.jobs),
    [['a'], ['c']],
  );
});

t.test('a busy store is waited for, in order, and given up after the limit', async (t) => {
  const { add, state, groups } = recorder(t);
  state.busy = 3;
  t.same(await Promise.all([add('a'), add('b')]), ['a', 'b']);
  t.equal(groups.length, 1);
  const impatient = recorder(t, 20);
  impatient.state.busy = Number.POSITIVE_INFINITY;
  await t.rejects(impatient.add('a'), { code: 'STORE_LOCKED', retryable: true });
});

t.test('a turn that takes long leaves the rest to the next', async (t) => {
  const { add, groups } = recorder(t);
  const slow = () => {
    const until = performance.now() + 12;
    while (performance.now() < until);
  };
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => add(name, 'lazy', slow)));
  t.ok(groups.length >= 2, `${groups.length} transactions`);
  t.same(
    groups.flatMap((group) => group.jobs),
    ['a', 'b', 'c', 'd', 'e'],
  );
});

t.test('the end tries once, and refuses what is left', async (t) => {
  const { queue, add, state } = recorder(t);
  const first = add('a');
  queue.end(() => new Error('closed'));
  t.equal(await first, 'a');
  state.busy = Number.POSITIVE_INFINITY;
  const second = add('b');
  queue.end(() => new Error('closed'));
  await t.rejects(second, { message: 'closed' });
});
