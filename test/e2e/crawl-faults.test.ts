/** Two crawls at once on one SQLite file, as somebody has them who runs `crawl --once` while `serve` runs. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openStore } from '../../store/open.ts';
import { ENTRIES, notFetched, type Publisher, publisher } from '../crawler/faults/access-log.ts';
import { addDue, flaws, untilStored } from '../crawler/faults/stored.ts';
import { until } from '../rig/until.ts';
import { type Cli, cliFor } from './cli-process.ts';

const HOSTS = 10;
const FEEDS = 6 * HOSTS;
const GAP_MS = 100;

const ARGS = ['--host-gap', `${GAP_MS}ms`];

/** Feeds that are due, in the store of the processes to come. */
async function scene(t: Test): Promise<{ cli: Cli; world: Publisher; url: string; ids: string[] }> {
  const cli = await cliFor(t);
  const world = await publisher(18, { feeds: FEEDS, hosts: HOSTS });
  t.teardown(() => world[Symbol.asyncDispose]());
  world.answerAfter(() => 40);
  const url = `sqlite:${join(cli.folder, 'feedferry.db')}`;
  await using store = await openStore(url);
  return { cli, world, url, ids: await addDue(store, world.urls) };
}

/** Each process keeps the limits by itself; two of them ask a host at most twice as much. */
async function isSound(t: Test, { world, url, ids }: Awaited<ReturnType<typeof scene>>): Promise<void> {
  t.same(await flaws(url, ids, ENTRIES), []);
  const often = notFetched(world.log, world.names, 1).filter((line) => !line.endsWith(': 2'));
  t.same(often, [], 'every feed was fetched, by one of them or by both');
  const most = Math.max(
    ...world.log.map(
      ({ host, start }) =>
        world.log.filter((other) => other.host === host && other.start <= start && (other.end ?? start) > start + 5)
          .length,
    ),
  );
  t.ok(most <= 2, `${most} requests at a host at once`);
}

t.test('two passes at once on one SQLite file lose and double nothing', async (t) => {
  const here = await scene(t);
  const passes = await Promise.all(
    [1, 2].map(() => here.cli.run(['crawl', '--once', '--store', here.url, '--json', ...ARGS])),
  );
  t.same(
    passes.map(({ code, stderr }) => ({ code, stderr })),
    [
      { code: 0, stderr: '' },
      { code: 0, stderr: '' },
    ],
  );
  const summaries = passes.map(({ stdout }) => JSON.parse(stdout) as { unfinished: number; articlesNew: number });
  t.same(
    summaries.map(({ unfinished }) => unfinished),
    [0, 0],
  );
  // One that finds its article written just before it can't tell whether that was its own write: both may count it.
  const counted = summaries.reduce((sum, { articlesNew }) => sum + articlesNew, 0);
  const most = FEEDS * ENTRIES * summaries.length;
  t.ok(counted >= FEEDS * ENTRIES && counted <= most, `${counted} articles were new to one of them, or to both`);
  await isSound(t, here);
});

t.test('crawl --once while serve runs, one of them killed in the middle, loses and doubles nothing', async (t) => {
  for (const victim of ['serve', 'crawl'] as const) {
    const here = await scene(t);
    const { cli, url, world } = here;
    const serve = () => cli.start(['serve', '--listen', '127.0.0.1:0', '--store', url, ...ARGS]);
    const served = serve();
    await served.until(/ready at/);
    const pass = cli.start(['crawl', '--once', '--store', url, '--json', ...ARGS]);
    await until(() => world.log.length > FEEDS / 4, 'a part is fetched');
    const killed = victim === 'serve' ? served : pass;
    killed.child.kill('SIGKILL');
    await killed.ended;
    if (victim === 'crawl') {
      await using store = await openStore(url);
      await untilStored(store, here.ids);
      served.child.kill('SIGTERM');
      t.equal((await served.ended).code, 0);
    } else {
      t.equal((await pass.ended).code, 0);
      // What the pass found in nobody's hands it did; what `serve` had begun is begun again.
      t.equal((await cli.run(['crawl', '--once', '--store', url, ...ARGS])).code, 0);
    }
    await isSound(t, here);
  }
});
