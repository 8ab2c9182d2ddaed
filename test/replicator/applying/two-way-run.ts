/**
 * The long run of `two-way.test.ts`: node test/replicator/applying/two-way-run.ts --schedules 20000 --seed 1
 * Prints one JSON line; exit 1, with the trace, where a schedule went wrong.
 */
import { parseArgs } from 'node:util';
import { seededRandom } from '../../contract/random.ts';
import { linksOf, Schedule } from './two-way-schedule.ts';
import { openSites, USED } from './two-way-sites.ts';

/** Fresh stores after so many: a long run is not about large stores. */
const SCHEDULES_PER_STORE = 1000;

const { values } = parseArgs({
  options: { schedules: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } },
});
const schedules = Number(values.schedules);
const seed = Number(values.seed);
const began = performance.now();
const tally = { edits: 0, deliveries: 0, listed: 0, merged: 0 };

for (let done = 0; done < schedules; ) {
  const { sites, close } = await openSites();
  const links = linksOf(sites);
  const end = Math.min(schedules, done + SCHEDULES_PER_STORE);
  for (; done < end; done += 1) {
    const schedule = new Schedule({ random: seededRandom(seed + done), sites, links, id: `s${done}` });
    const problems = await schedule.run();
    for (const name of ['edits', 'deliveries', 'listed', 'merged'] as const) tally[name] += schedule.tally[name];
    if (problems.length > 0) fail(seed + done, [...problems, ...schedule.trace]);
  }
  for (const database of USED) {
    const [first, ...others] = await Promise.all(sites.map((site) => site.sums(database)));
    if (others.some((sums) => JSON.stringify(sums) !== JSON.stringify(first)))
      fail(seed + done, [`${database} differs`]);
  }
  await close();
  process.stderr.write(`${done} schedules, ${Math.round((performance.now() - began) / 1000)} s\n`);
}
const seconds = Math.round((performance.now() - began) / 1000);
process.stdout.write(`${JSON.stringify({ schedules, seed, seconds, ...tally, problems: 0 })}\n`);

function fail(at: number, lines: readonly string[]): never {
  process.stderr.write(`seed ${at}\n${lines.join('\n')}\n`);
  process.exit(1);
}
