import t from 'tap';
import { type Mistake, modelFeed } from './model-feed.ts';
import { seededRandom, testSchedules, testSeed } from './random.ts';
import { runSchedule } from './schedule.ts';

const SCHEDULES = 150;
const seed = testSeed();

/** How many schedules it takes until the oracle objects; all of them: it never does. */
async function objectsAfter(mistake: Mistake, schedules: number): Promise<{ after: number; violations: string[] }> {
  const system = modelFeed(mistake, seededRandom(seed));
  for (let i = 0; i < schedules; i += 1) {
    const { violations } = await runSchedule(system, seed + i);
    if (violations.length > 0) return { after: i, violations };
  }
  return { after: schedules, violations: [] };
}

t.test('the oracle has nothing against a change feed that keeps the rules', async (t) => {
  t.comment(`FEEDFERRY_TEST_SEED=${seed}`);
  const { violations } = await objectsAfter('none', testSchedules(SCHEDULES));
  t.same(violations, [], `FEEDFERRY_TEST_SEED=${seed}`);
});

for (const mistake of ['reads-past-stable', 'global-counter', 'no-hole-fence', 'no-window'] as const) {
  t.test(`the oracle finds the mistake ${mistake}`, async (t) => {
    const { after, violations } = await objectsAfter(mistake, SCHEDULES);
    t.ok(after < SCHEDULES, `FEEDFERRY_TEST_SEED=${seed}: after ${after} schedules: ${violations[0]}`);
  });
}
