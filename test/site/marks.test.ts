import fc from 'fast-check';
import t from 'tap';
import {
  absorbUpTo,
  compact,
  forget,
  isRead,
  type Marks,
  markRead,
  markUnread,
  markUpTo,
  NOTHING_READ,
} from '../../site/marks.ts';

/** Nums small enough that random steps meet each other. */
const NUMS = 40;
const universe = Array.from({ length: NUMS }, (_, i) => i + 1);

type Step = { do: 'read' | 'unread' | 'upTo'; num: number };
const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('read', 'unread', 'upTo'),
  num: fc.integer({ min: 1, max: NUMS }),
});

function run(steps: readonly Step[]): { marks: Marks; model: Set<number> } {
  let marks = NOTHING_READ;
  const model = new Set<number>();
  for (const { do: what, num } of steps) {
    if (what === 'read') {
      marks = markRead(marks, num);
      model.add(num);
    } else if (what === 'unread') {
      marks = markUnread(marks, num);
      model.delete(num);
    } else {
      marks = markUpTo(marks, num);
      for (const each of universe) if (each <= num) model.add(each);
    }
  }
  return { marks, model };
}

const readOf = (marks: Marks): number[] => universe.filter((num) => isRead(marks, num));
const sorted = (model: ReadonlySet<number>): number[] => universe.filter((num) => model.has(num));

function wellFormed(marks: Marks): boolean {
  const rising = (list: readonly number[]) => list.every((num, i) => i === 0 || num > (list[i - 1] ?? 0));
  return (
    rising(marks.read) &&
    rising(marks.unread) &&
    marks.read.every((num) => num > marks.upTo) &&
    marks.unread.every((num) => num <= marks.upTo)
  );
}

t.test('any series of steps reads as a plain set does', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { marks, model } = run(steps);
      return wellFormed(marks) && readOf(marks).join() === sorted(model).join();
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

t.test('a step that changes nothing returns the very same marks', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), step, (steps, last) => {
      const { marks } = run(steps);
      const once = last.do === 'read' ? markRead(marks, last.num) : markUnread(marks, last.num);
      const twice = last.do === 'read' ? markRead(once, last.num) : markUnread(once, last.num);
      return twice === once && (isRead(marks, last.num) === isRead(once, last.num) ? once === marks : true);
    }),
  );
  const marked = markUpTo(NOTHING_READ, 10);
  t.equal(markUpTo(marked, 7), marked);
  t.equal(compact(marked, 3), marked);
  t.equal(forget(marked, new Set([4])), marked);
});

t.test('marking up to a bound leaves what is above it as it was', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: NUMS }), (steps, bound) => {
      const { marks } = run(steps);
      const after = markUpTo(marks, bound);
      return universe.every((num) => isRead(after, num) === (num <= bound || isRead(marks, num)));
    }),
  );
  t.pass();
});

t.test('compacting keeps within its limit, keeps all read ones read, and gives up the oldest', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 12 }), (steps, limit) => {
      const { marks } = run(steps);
      const after = compact(marks, limit);
      const lost = universe.filter((num) => !isRead(marks, num) && isRead(after, num));
      const setUnread = new Set(marks.unread);
      const overlooked = lost.filter((num) => !setUnread.has(num));
      const kept = universe.filter((num) => !isRead(after, num) && !setUnread.has(num));
      const oldestFirst = overlooked.every((num) => kept.every((other) => num < other));
      const stillRead = universe.every((num) => !isRead(marks, num) || isRead(after, num));
      return wellFormed(after) && after.read.length + after.unread.length <= limit && stillRead && oldestFirst;
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

t.test('absorbing read ones changes no answer where all in between were read', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { marks } = run(steps);
      let bound = marks.upTo;
      while (marks.read.includes(bound + 1)) bound += 1;
      const after = absorbUpTo(marks, bound);
      return wellFormed(after) && readOf(after).join() === readOf(marks).join();
    }),
  );
  t.pass();
});

t.test('forgetting articles that are gone changes no answer about the others', async (t) => {
  fc.assert(
    fc.property(fc.array(step), fc.uniqueArray(fc.integer({ min: 1, max: NUMS })), (steps, gone) => {
      const { marks } = run(steps);
      const dropped = new Set(gone);
      const after = forget(marks, dropped);
      const exceptions = [...after.read, ...after.unread];
      const rest = universe.filter((num) => !dropped.has(num));
      return (
        wellFormed(after) &&
        exceptions.every((num) => !dropped.has(num)) &&
        rest.every((num) => isRead(after, num) === isRead(marks, num))
      );
    }),
  );
  t.pass();
});
