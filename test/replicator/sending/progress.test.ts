import t from 'tap';
import { etaMs, Progress, Rate } from '../../../replicator/sending/progress.ts';
import { seededRandom, testSeed } from '../../contract/random.ts';

interface World {
  readonly docs: number;
  /** Documents a second, at a moment. */
  readonly sent: (seconds: number) => number;
  readonly added: (seconds: number) => number;
}

const STEP_MS = 50;
/** Of the very last moments nothing is asked: there one wave of the rate decides. */
const LAST_SHARE = 0.05;
const COUNT_MS = 10_000;

interface Shown {
  readonly at: number;
  readonly share: number;
  readonly etaMs: number | null;
}

/** What operators would see, and when it was really done, in ms. */
function run({ docs, sent, added }: World): { shown: Shown[]; doneAt: number; monotone: boolean } {
  const progress = new Progress();
  const doneRate = new Rate();
  const addedRate = new Rate();
  let [stable, acked, written, now] = [docs, 0, docs, 0];
  progress.counted(docs, stable);
  const shown: Shown[] = [];
  for (; now < 36e5; now += STEP_MS) {
    const batch = Math.min(Math.round((sent(now / 1000) * STEP_MS) / 1000), Math.floor(written) - acked);
    acked += batch;
    progress.acknowledged(batch);
    if (acked === Math.floor(written)) break;
    const before = Math.floor(written);
    written += (added(now / 1000) * STEP_MS) / 1000;
    stable += Math.floor(written) - before;
    progress.grown(stable);
    if (now % COUNT_MS === 0) progress.counted(Math.floor(written) - acked, stable);
    doneRate.sample(progress.done, now);
    addedRate.sample(progress.added, now);
    const eta = etaMs(progress.toDo, doneRate.perSecond(), addedRate.perSecond());
    shown.push({ at: now, share: progress.share, etaMs: eta });
  }
  const shares = shown.map(({ share }) => share);
  return { shown, doneAt: now, monotone: shares.every((share) => share >= 0 && share <= 1) };
}

function worstError({ shown, doneAt }: ReturnType<typeof run>, from: number): number {
  const total = doneAt;
  return shown
    .filter(({ at }) => at >= total * from && at <= total * (1 - LAST_SHARE))
    .reduce((worst, { at, etaMs: eta }) => {
      const error = eta === null ? 1 : Math.abs(at + eta - total) / (total - at);
      return Math.max(worst, error);
    }, 0);
}

t.test('the time left is right within 15% once a tenth is done, at steady rates', async (t) => {
  for (const sent of [500, 4000, 15_000]) {
    for (const added of [0, 0.05, 0.3, 0.6]) {
      const world = { docs: 200_000, sent: () => sent, added: () => added * sent };
      const result = run(world);
      const error = worstError(result, 0.1);
      t.ok(error <= 0.15, `${sent}/s, ${added} of it added meanwhile: ${(error * 100).toFixed(1)}%`);
      t.ok(result.monotone, 'never above the whole');
    }
  }
});

t.test('and at rates that swing by a third', async (t) => {
  const seed = testSeed();
  const random = seededRandom(seed);
  for (let i = 0; i < 20; i += 1) {
    const base = 1000 + random.below(10_000);
    const period = 1 + random.below(5);
    const sent = (s: number): number =>
      base * (1 + 0.33 * Math.sin((s / period) * 2 * Math.PI) + (random.next() - 0.5) / 5);
    const error = worstError(run({ docs: base * 120, sent, added: () => base / 5 }), 0.1);
    t.ok(error <= 0.15, `seed ${seed}: ${base}/s in waves of ${period} s: ${(error * 100).toFixed(1)}%`);
  }
});

t.test('where more comes than goes there is no end in sight', async (t) => {
  const { shown } = run({ docs: 10_000, sent: () => 100, added: () => 150 });
  t.equal(shown.at(-1)?.etaMs, null);
  t.ok((shown.at(-1)?.share ?? 2) <= 1);
});

t.test('a feed that leaves numbers out is counted again, rather than taken for that many documents', async (t) => {
  const progress = new Progress();
  t.ok(progress.isVague, 'nothing was counted yet');
  progress.counted(100, 100);
  progress.grown(65_000);
  t.equal(progress.toDo, 100);
  t.ok(progress.isVague);
  progress.counted(101, 65_000);
  t.notOk(progress.isVague);
  t.equal(progress.added, 1);
});

t.test('more acknowledgements than were counted never show more than the whole', async (t) => {
  const progress = new Progress();
  progress.counted(10, 10);
  progress.acknowledged(25);
  t.equal(progress.toDo, 0);
  t.equal(progress.share, 1);
  t.equal(new Progress().share, 1, 'nothing to do is all done');
});

t.test('a rate is unknown at first, and follows what changed lately', async (t) => {
  const rate = new Rate();
  t.equal(rate.perSecond(), null);
  rate.sample(0, 0);
  t.equal(rate.perSecond(), null);
  let value = 0;
  const watch = (from: number, to: number, each: number): void => {
    for (let at = from; at <= to; at += 100) {
      value += each;
      rate.sample(value, at);
    }
  };
  watch(100, 20_000, 10);
  t.ok(Math.abs((rate.perSecond() ?? 0) - 100) < 1);
  watch(20_100, 60_000, 50);
  t.ok(Math.abs((rate.perSecond() ?? 0) - 500) < 30, `${rate.perSecond()}`);
  rate.restart();
  t.equal(rate.perSecond(), null);
});
