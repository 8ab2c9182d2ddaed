import type { Test } from 'tap';
import type { FeedSystem } from './actor.ts';
import type { Engine } from './engine.ts';
import { killSchedule } from './killed-writers.ts';
import { testSchedules, testSeed } from './random.ts';
import { runSchedule } from './schedule.ts';

const SCHEDULES = 40;
const KILLS = 4;
const WAIT_MS_MAX = 5000;

/**
 * The property that the replicator stands on: a tailer that reads only up to `stable` misses no write and sees no
 * phantom, whatever happens to the writers.
 */
export async function changeFeedContract(t: Test, engine: Engine): Promise<void> {
  const seed = testSeed();
  const schedules = testSchedules(SCHEDULES);
  t.comment(`change feed: the engine is ${engine.name}, FEEDFERRY_TEST_SEED=${seed}, ${schedules} schedules`);

  await t.test('no write is missed and none is made up, through stalls, crashes and takeovers', async (t) => {
    const { url, cleanup } = await engine.fresh();
    const system: FeedSystem = {
      async open(faults) {
        const store = await engine.open(url, { waitMsMax: WAIT_MS_MAX }, faults);
        return { database: store.users, close: () => store.close() };
      },
    };
    const total = { acknowledged: 0, seen: 0, crashed: 0 };
    for (let i = 0; i < schedules; i += 1) {
      const { violations, ...did } = await runSchedule(system, seed + i);
      total.acknowledged += did.acknowledged;
      total.seen += did.seen;
      total.crashed += did.crashed;
      if (violations.length > 0) t.same(violations, [], `replay with ${replay(seed + i)}`);
    }
    t.comment(JSON.stringify(total));
    t.ok(total.acknowledged > schedules && total.seen > schedules, 'the schedules did something');
    await cleanup();
  });

  await t.test('no write is missed and none is made up when writers are killed with SIGKILL', async (t) => {
    const { url, cleanup } = await engine.fresh();
    const store = await engine.open(url, { waitMsMax: WAIT_MS_MAX });
    for (let i = 0; i < Math.min(KILLS, schedules); i += 1) {
      const { violations, acknowledged } = await killSchedule(store, url, seed + i);
      t.same(violations, [], `replay with ${replay(seed + i)}`);
      t.ok(acknowledged > 0, `${acknowledged} writes were acknowledged`);
    }
    await store.close();
    await cleanup();
  });
}

function replay(seed: number): string {
  return `FEEDFERRY_TEST_SEED=${seed} FEEDFERRY_TEST_SCHEDULES=1`;
}
