/** What is under way: the window that batches pass through, and the prefix that is surely applied. */
import t from 'tap';
import { realRuntime } from '../../../replicator/runtime.ts';
import { AppliedPrefix, type Segment } from '../../../replicator/sending/applied-prefix.ts';
import { BACK_OFF_MS_MAX, BackOff } from '../../../replicator/sending/back-off.ts';
import { DEFAULT_LIMITS, UNCONFIRMED_DOCS_MAX, withLimits } from '../../../replicator/sending/limits.ts';
import { Window } from '../../../replicator/sending/window.ts';
import { seededRandom, testSeed } from '../../contract/random.ts';

function segment(slot: number, through: number, docs = 1): Segment {
  return { slot, through, docs, writtenAt: through, isApplied: false };
}

t.test('the vector passes only what is applied without a gap, in whatever order that is told', async (t) => {
  const prefix = new AppliedPrefix({ 1: 5 });
  const [a, b, c, other] = [segment(1, 10, 2), segment(1, 20, 3), segment(1, 30, 4), segment(2, 7, 1)];
  for (const each of [a, b, c, other]) prefix.sent(each);
  t.notOk(prefix.isIdle);
  t.equal(prefix.oldestWrittenAt(), 7);
  prefix.applied(c);
  t.strictSame(prefix.vector, { 1: 5 });
  prefix.applied(other);
  t.strictSame(prefix.vector, { 1: 5, 2: 7 });
  prefix.applied(a);
  t.strictSame(prefix.vector, { 1: 10, 2: 7 });
  t.equal(prefix.docs, 3);
  t.equal(prefix.oldestWrittenAt(), 20);
  prefix.applied(b);
  t.strictSame(prefix.vector, { 1: 30, 2: 7 });
  t.equal(prefix.docs, 10);
  t.ok(prefix.isIdle);
  t.equal(prefix.oldestWrittenAt(), undefined);
});

t.test('random acknowledgements never move the vector over something that is missing', async (t) => {
  const seed = testSeed();
  const random = seededRandom(seed);
  for (let round = 0; round < 200; round += 1) {
    const prefix = new AppliedPrefix({});
    const open: Segment[] = [];
    const missing = new Set<number>();
    for (let n = 0; n < 60; ) {
      if (open.length < 6 && random.chance(0.5)) {
        n += 1 + random.below(3);
        const next = segment(1, n);
        open.push(next);
        missing.add(n);
        prefix.sent(next);
      } else if (open.length > 0) {
        const [next] = open.splice(random.below(open.length), 1);
        if (!next) continue;
        missing.delete(next.through);
        prefix.applied(next);
      }
      const at = prefix.vector['1'] ?? 0;
      if ([...missing].some((each) => each <= at)) return t.fail(`seed ${seed}: passed what is missing`);
    }
  }
  t.pass('never');
});

t.test('a batch that did not go leaves nothing behind', async (t) => {
  const prefix = new AppliedPrefix({});
  prefix.sent(segment(1, 3));
  const last = segment(1, 9);
  prefix.sent(last);
  prefix.dropped(last);
  prefix.applied(segment(1, 3));
  t.notOk(prefix.isIdle, 'the first one is still under way');
});

t.test('so many batches are under way at a time, first come, first served', async (t) => {
  const window = new Window(2);
  t.equal(window.enter(10), undefined);
  t.equal(window.enter(10), undefined);
  const order: string[] = [];
  const third = window.enter(10)?.then(() => order.push('third'));
  const fourth = window.enter(10)?.then(() => order.push('fourth'));
  t.ok(third && fourth);
  window.leave();
  await third;
  t.strictSame(order, ['third']);
  window.setBatchesMax(3);
  await fourth;
  t.strictSame(order, ['third', 'fourth']);
  t.equal(window.batches, 3);
});

t.test('no more documents are unconfirmed than may be sent again after a kill', async (t) => {
  const window = new Window(64);
  let entered = 0;
  while (window.enter(300) === undefined) entered += 300;
  t.equal(entered, 900);
  t.ok(entered <= UNCONFIRMED_DOCS_MAX);
  t.ok(window.isNarrow(300));
  window.leave();
  t.ok(window.isNarrow(300), 'acknowledging is not enough: the source has to note it');
  window.confirm(300);
  t.equal(window.batches, 3, 'the one that waited has entered');
  t.notOk(window.isNarrow(100));
});

t.test('a batch larger than that goes alone, and the end lets everybody through', async (t) => {
  const window = new Window(4);
  t.equal(window.enter(5000), undefined);
  const waiting = window.enter(1);
  t.ok(waiting);
  window.end();
  await waiting;
  t.equal(window.enter(1), undefined);
});

t.test('pauses between attempts double up to a minute, with jitter, and begin anew after success', async (t) => {
  for (const chance of [0, 0.999]) {
    const backOff = new BackOff({ ...realRuntime, random: () => chance });
    const pauses = Array.from({ length: 20 }, () => backOff.next());
    t.ok(pauses.every((ms) => ms > 0 && ms <= BACK_OFF_MS_MAX));
    t.ok((pauses.at(-1) ?? 0) >= BACK_OFF_MS_MAX / 2);
    t.ok((pauses[0] ?? 0) <= 200);
    backOff.succeeded();
    t.equal(backOff.next(), pauses[0]);
  }
});

t.test("an operator's slip in a limit is brought into bounds", async (t) => {
  const slip = { batchDocs: 0, concurrency: Number.NaN, docsPerSecondMax: -1, bytesPerSecondMax: 0 };
  t.strictSame(withLimits(DEFAULT_LIMITS, slip), {
    ...{ docsPerSecondMax: null, bytesPerSecondMax: null, batchDocs: 1, concurrency: 1 },
  });
  t.match(withLimits(DEFAULT_LIMITS, { batchDocs: 1e9, concurrency: 1e9 }), { batchDocs: 1000, concurrency: 64 });
});
