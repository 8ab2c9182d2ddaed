import t, { type Test } from 'tap';
import { seededRandom, testSchedules, testSeed } from '../../contract/random.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { mongodbEngine } from '../../store/mongodb/engine.ts';
import { linksOf, Schedule } from './two-way-schedule.ts';
import { type Mistake, openSites, USED } from './two-way-sites.ts';

const seed = testSeed();
const SCHEDULES = testSchedules(400);
/** Of a server that takes its time. */
const SCHEDULES_ON_MONGODB = 15;

t.before(() => t.comment(`FEEDFERRY_TEST_SEED=${seed}`));

t.test('three sites that write all at once end alike, and no concurrent edit is lost', async (t) => {
  await runSchedules(t, SCHEDULES, await openSites());
});

t.test('the same, where one of them keeps its documents in MongoDB', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  const { url, cleanup } = await mongodbEngine(server.url).fresh();
  t.teardown(cleanup);
  await runSchedules(t, SCHEDULES_ON_MONGODB, await openSites(url));
});

async function runSchedules(t: Test, schedules: number, { sites, close }: Awaited<ReturnType<typeof openSites>>) {
  t.teardown(close);
  const links = linksOf(sites);
  for (let i = 0; i < schedules; i += 1) {
    const schedule = new Schedule({ random: seededRandom(seed + i), sites, links, id: `s${i}` });
    const problems = await schedule.run();
    if (problems.length === 0) continue;
    t.fail(`schedule ${seed + i}: ${[...problems, ...schedule.trace].join('\n')}`);
    return;
  }
  let used = 0;
  for (const database of USED) {
    const [a, b, c] = await Promise.all(sites.map((site) => site.sums(database)));
    // A few schedules need not touch each of them.
    if (a?.some(({ count }) => count > 0)) used += 1;
    t.same(b, a, `${database}: the second site is like the first`);
    t.same(c, a, `${database}: the third site is like the first`);
  }
  t.ok(used > 1, `${used} databases were used`);
}

for (const mistake of ['forget-vectors', 'list-nothing', 'merge-nothing', 'lose-batches'] as const) {
  t.test(`the watcher would notice the mistake ${mistake}`, async (t) => {
    t.ok(await isNoticed(mistake, 60));
  });
}

async function isNoticed(mistake: Mistake, schedulesMax: number): Promise<boolean> {
  const { sites, close } = await openSites();
  try {
    const links = linksOf(sites, mistake);
    for (let i = 0; i < schedulesMax; i += 1) {
      const schedule = new Schedule({ random: seededRandom(i), sites, links, id: `s${i}` });
      if ((await schedule.run()).length > 0) return true;
    }
    return false;
  } finally {
    await close();
  }
}
