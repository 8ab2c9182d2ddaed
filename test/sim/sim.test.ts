/** That the replicator holds in the simulated world, and that the simulator would see it if it did not. */
import t from 'tap';
import { testSchedules, testSeed } from '../contract/random.ts';
import { inTurn } from './drain.ts';
import { MISTAKES, type Mistake } from './mistakes.ts';
import { type Plan, planOf, TOPOLOGIES } from './plan.ts';
import { type RunResult, runPlan } from './run.ts';
import { shrink } from './shrink.ts';

const SCHEDULES = 1000;
/** The rarest mistake shows in one of a hundred. */
const SCHEDULES_UNTIL_SEEN_MAX = 1500;
const TRACED = 12;

const seed = testSeed() % 1_000_000_000;

function run(plan: Plan, mistake: Mistake = 'none', isTraced = false): Promise<RunResult> {
  return inTurn(() => runPlan(plan, mistake, isTraced));
}

t.test('the same seed makes the same run, step for step, and another seed another one', async (t) => {
  t.comment(`FEEDFERRY_TEST_SEED=${seed}`);
  const hashes = new Set<string>();
  for (let i = 0; i < TRACED; i += 1) {
    const first = await run(planOf(seed + i), 'none', true);
    const second = await run(planOf(seed + i), 'none', true);
    t.equal(first.traceHash, second.traceHash, `seed ${seed + i}`);
    t.equal((await run(planOf(seed + i))).events, first.events, 'nor does it matter whether somebody looks on');
    hashes.add(first.traceHash);
  }
  t.equal(hashes.size, TRACED);
});

t.test('nothing is lost, nothing comes back, and all sites converge', async (t) => {
  t.comment(`FEEDFERRY_TEST_SEED=${seed}`);
  const seen = new Set<string>();
  let acknowledged = 0;
  for (let i = 0; i < testSchedules(SCHEDULES); i += 1) {
    const plan = planOf(seed + i);
    const result = await run(plan);
    seen.add(plan.topology);
    acknowledged += result.acknowledged;
    const [violation] = result.violations;
    if (violation === undefined) continue;
    return t.fail(`npm run sim -- --seed ${seed + i} --schedules 1: ${violation.kind}: ${violation.what}`);
  }
  if (testSchedules(SCHEDULES) >= SCHEDULES) {
    t.same([...seen].sort(), [...TOPOLOGIES].sort(), 'every way to connect sites');
    t.ok(acknowledged > SCHEDULES, `${acknowledged} edits were acknowledged`);
  }
});

for (const mistake of MISTAKES) {
  t.test(`the simulator sees the mistake ${mistake}`, async (t) => {
    for (let i = 0; i < SCHEDULES_UNTIL_SEEN_MAX; i += 1) {
      const { violations } = await run(planOf(seed + i), mistake);
      const [violation] = violations;
      if (violation) return t.pass(`after ${i + 1} schedules: ${violation.kind}: ${violation.what}`);
    }
    t.fail(`not in ${SCHEDULES_UNTIL_SEEN_MAX} schedules, FEEDFERRY_TEST_SEED=${seed}`);
  });
}

t.test('a schedule that fails is made as short as it can be, and fails still', async (t) => {
  const mistake = 'skip-conflicts';
  for (let i = 0; ; i += 1) {
    const plan = planOf(i);
    const [violation] = (await run(plan, mistake)).violations;
    if (!violation) continue;
    const short = await inTurn(() => shrink(plan, violation.kind, mistake));
    t.ok(short.steps.length < plan.steps.length / 2, `${short.steps.length} of ${plan.steps.length} steps are left`);
    t.match((await run(short, mistake)).violations, [{ kind: violation.kind }]);
    for (const at of short.steps.keys()) {
      const without = { ...short, steps: short.steps.toSpliced(at, 1) };
      const { violations } = await run(without, mistake);
      t.notOk(
        violations.some(({ kind }) => kind === violation.kind),
        `step ${at} can't be spared`,
      );
    }
    return;
  }
});
