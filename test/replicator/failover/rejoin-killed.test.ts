import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { promote } from '../../../replicator/failover/failover.ts';
import { readRole } from '../../../replicator/role.ts';
import { realRuntime as runtime } from '../../../replicator/runtime.ts';
import { openStore } from '../../../store/open.ts';
import { seededRandom, testSeed } from '../../contract/random.ts';
import { cliFor } from '../../e2e/cli-process.ts';
import { differences, putArticles, start } from '../sending/pair.ts';

const UNSEEN = 6000;
const KILLS_MAX = 8;

t.test('`demote --to` that is killed again and again comes to its end, and nothing is lost', async (t) => {
  const seed = testSeed();
  t.comment(`FEEDFERRY_TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const cli = await cliFor(t);
  const [urlA, urlB] = ['a', 'b'].map((name) => `sqlite:${join(cli.folder, `${name}.db`)}`) as [string, string];
  await using a = await openStore(urlA);
  await using b = await openStore(urlB);
  await putArticles(a, 'x', 20);
  await start(a, b, { once: true }).ended;
  await putArticles(a, 'unseen', UNSEEN);
  await promote(b, { runtime });
  let killed = 0;
  for (let tries = 0; tries < KILLS_MAX; tries += 1) {
    const { child, ended } = cli.start(['demote', '--store', urlA, '--to', urlB, '--json']);
    const isEnded = { value: false };
    void ended.then(() => {
      isEnded.value = true;
    });
    // Once it works, somewhere in the work; each time a little later, so that it gets on.
    if (child.stdout) await Promise.race([once(child.stdout, 'data'), ended]);
    await delay(random.below(60 * (tries + 1)));
    if (isEnded.value) break;
    child.kill('SIGKILL');
    if ((await ended).signal === 'SIGKILL') killed += 1;
  }
  t.match(await cli.run(['demote', '--store', urlA, '--to', urlB, '--json']), { code: 0 });
  t.ok(killed > 0, `killed ${killed} times`);
  t.match(await readRole(a.control), { role: 'replica', epoch: 1, primary: b.site });
  t.equal(await b.articles.count(), 20 + UNSEEN);
  await start(b, a, { once: true, name: 'a' }).ended;
  t.strictSame(await differences(a, b), []);
});
