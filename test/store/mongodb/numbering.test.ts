import fc from 'fast-check';
import t from 'tap';
import { Numbering } from '../../../store/mongodb/numbering.ts';

t.test('settled is the lowest unresolved number, minus 1, in whatever order they are resolved', (t) => {
  const orders = fc
    .nat({ max: 200 })
    .chain((count) =>
      fc.shuffledSubarray(Array.from({ length: count }, (_, i) => 101 + i)).map((order) => ({ count, order })),
    );
  fc.assert(
    fc.property(orders, ({ count, order }) => {
      const numbering = new Numbering(100, 200);
      const taken = Array.from({ length: count }, () => numbering.take());
      const unresolved = new Set(taken);
      for (const n of order) {
        numbering.resolve(n);
        unresolved.delete(n);
        const lowest = Math.min(...unresolved, 100 + count + 1);
        if (numbering.settled !== lowest - 1) return false;
      }
      return true;
    }),
  );
  t.end();
});

t.test('no number is taken further beyond what was published than the window', (t) => {
  const numbering = new Numbering(10, 3);
  t.same([numbering.take(), numbering.take(), numbering.take()], [11, 12, 13]);
  t.notOk(numbering.hasRoom(1));
  t.throws(() => numbering.take(), RangeError);
  for (const n of [11, 12]) numbering.resolve(n);
  t.notOk(numbering.hasRoom(1), 'settled is not enough, it must be published');
  numbering.publish(12);
  t.ok(numbering.hasRoom(2));
  t.notOk(numbering.hasRoom(3));
  t.equal(numbering.take(), 14);
  t.end();
});

t.test('what was published does not fall, and what was never taken is not resolved', (t) => {
  const numbering = new Numbering(0, 10);
  numbering.take();
  numbering.resolve(1);
  numbering.resolve(1);
  numbering.resolve(5);
  numbering.publish(1);
  numbering.publish(0);
  t.same([numbering.settled, numbering.published, numbering.last], [1, 1, 1]);
  t.end();
});
