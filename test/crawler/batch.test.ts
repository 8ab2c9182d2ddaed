import t from 'tap';
import { Batch } from '../../crawler/batch.ts';

/** A batch whose calls wait to be let go. */
function gated(weightMax: number, fail: (items: number[]) => boolean = () => false, gatherMs?: number) {
  const calls: { items: number[]; go: () => void }[] = [];
  const batch = new Batch<number, number>({
    run: (items) =>
      new Promise((resolve, reject) => {
        const end = () =>
          fail(items) ? reject(new Error(`failed: ${items}`)) : resolve(items.map((item) => item * 10));
        calls.push({ items, go: end });
      }),
    weightMax,
    ...(gatherMs === undefined ? {} : { gatherMs }),
    splitOn: (error) => error instanceof Error && error.message.startsWith('failed'),
  });
  const next = async (i: number) => {
    while (calls[i] === undefined) await new Promise((resolve) => setImmediate(resolve));
    calls[i].go();
  };
  return { batch, calls, next };
}

t.test('what is added in one moment goes in one call, what comes meanwhile in the next', async (t) => {
  const { batch, calls, next } = gated(100);
  const first = [1, 2, 3].map((item) => batch.add(item));
  const going = next(0).then(() => {});
  while (calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const second = [4, 5].map((item) => batch.add(item));
  await going;
  await next(1);
  t.same(await Promise.all([...first, ...second]), [10, 20, 30, 40, 50]);
  t.same(
    calls.map(({ items }) => items),
    [
      [1, 2, 3],
      [4, 5],
    ],
  );
});

t.test('a batch is no heavier than allowed, but never empty', async (t) => {
  const weights: number[][] = [];
  const batch = new Batch<number, number>({
    run: async (items) => {
      weights.push(items);
      return items;
    },
    weight: (item) => item,
    weightMax: 10,
  });
  t.same(await Promise.all([4, 4, 4, 50, 9, 1].map((item) => batch.add(item))), [4, 4, 4, 50, 9, 1]);
  t.same(weights, [[4, 4], [4], [50], [9, 1]]);
});

t.test('one bad item fails alone', async (t) => {
  const batch = new Batch<number, number>({
    run: async (items) => {
      if (items.includes(3)) throw new Error('bad');
      return items;
    },
    weightMax: 10,
    splitOn: () => true,
  });
  const results = await Promise.allSettled([1, 2, 3, 4].map((item) => batch.add(item)));
  t.same(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  );
});

t.test('a failure that concerns all fails all, and the next batch goes on', async (t) => {
  let calls = 0;
  const batch = new Batch<number, number>({
    run: async (items) => {
      calls += 1;
      if (calls === 1) throw new Error('down');
      return items;
    },
    weightMax: 10,
  });
  const results = await Promise.allSettled([1, 2].map((item) => batch.add(item)));
  t.same(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  t.equal(await batch.add(5), 5);
});

t.test('a batch that is to gather waits for more, and no longer than it takes to fill', async (t) => {
  const { batch, calls, next } = gated(3, () => false, 60_000);
  const first = [1, 2].map((item) => batch.add(item));
  for (let turns = 0; turns < 10; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  t.equal(calls.length, 0);
  first.push(batch.add(3));
  await next(0);
  t.same(await Promise.all(first), [10, 20, 30]);
});

t.test('what is alone goes by itself after a while', async (t) => {
  const { batch, next } = gated(3, () => false, 5);
  const alone = batch.add(1);
  await next(0);
  t.equal(await alone, 10);
});
