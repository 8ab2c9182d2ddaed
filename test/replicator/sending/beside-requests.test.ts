/** A backfill beside requests that are answered in the same process. */
import t from 'tap';
import type { Foreground } from '../../../replicator/foreground.ts';
import { realRuntime } from '../../../replicator/runtime.ts';
import type { Push } from '../../../replicator/target.ts';
import { until } from '../../rig/until.ts';
import { differences, disturbed, putArticles, sqlitePair, start, targetOf } from './pair.ts';

const DOCS = 1500;

t.test(
  'a backfill looks out for requests between any two documents, and what is written later waits for none',
  async (t) => {
    await using pair = await sqlitePair();
    await putArticles(pair.a, 'x', DOCS);
    let looks = 0;
    const now = () => {
      looks += 1;
    };
    const aside = { asideMs: 0, isBeside: true, now };
    const foreground: Foreground = { served: () => undefined, workedMs: () => 0, aside };
    const runtime = { ...realRuntime, foreground };
    const sizes: number[] = [];
    const open = async () =>
      disturbed(targetOf(pair.b, runtime), (push: Push, go) => {
        sizes.push(push.docs.length);
        return go();
      });
    const running = start(pair.a, pair.b, { runtime, open });
    await until(
      async () => running.status().state === 'tailing' && (await differences(pair.a, pair.b)).length === 0,
      'all is copied',
    );
    t.ok(looks >= 2 * DOCS, `${looks} times, reading and applying`);
    t.equal(Math.max(...sizes), 100, 'in small batches, whose commits are short');
    const before = looks;
    await putArticles(pair.a, 'y', 50);
    await until(async () => (await pair.b.articles.count()) === DOCS + 50, 'what was written since is there');
    t.equal(looks, before);
    await running.stop();
  },
);
