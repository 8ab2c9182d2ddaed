/** A replicator that is stopped, is replaced meanwhile, and wakes up as a zombie. */
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { FaultPoint } from '../../../replicator/sending/failpoints.ts';
import type { Store } from '../../../store/contract.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { until } from '../../rig/until.ts';
import { mongodbEngine } from '../../store/mongodb/engine.ts';
import { settingFor } from '../backup/backup-setting.ts';
import { putArticles } from '../sending/pair.ts';
import { equal, replicate } from './processes.ts';

/** FEEDFERRY_TEST_LONG=1: as long as the leases of a MongoDB store last; takes `tap run --timeout=900`. */
const STALL_MS = process.env.FEEDFERRY_TEST_LONG === '1' ? 60_000 : 500;

const MOMENTS: readonly FaultPoint[] = ['page-read', 'batch-sent', 'checkpoint-source'];

async function stalled(t: Test, urls: { from: string; to: string }, stores: Store[], point: FaultPoint): Promise<void> {
  const [a, b] = stores;
  if (!a || !b) throw new TypeError('two stores');
  await putArticles(a, 'x', 1500);
  const zombie = replicate(t, urls.from, urls.to, { point, times: 2, signal: 'SIGSTOP' });
  await zombie.said(new RegExp(`at ${point}`));
  const next = replicate(t, urls.from, urls.to);
  await next.said(/tailing 0/);
  await putArticles(a, 'x', 300, 'Changed meanwhile');
  await delay(STALL_MS);
  zombie.process.kill('SIGCONT');
  t.equal(await zombie.ended, 0);
  t.match(zombie.output(), /ended REPLICATION_TAKEN_OVER\n$/, 'the zombie stops');
  await putArticles(a, 'late', 200);
  await until(async () => (await b.articles.count()) === 1700, 'all is there');
  await next.finish();
  t.match(next.output(), /ended well\n$/, 'the newer one goes on to its end');
  await equal(t, a, b);
}

t.test('SQLite to SQLite: a replicator that was stopped while another one took over does no harm', async (t) => {
  for (const point of MOMENTS) {
    const setting = await settingFor(t);
    const urls = { from: await setting.freshUrl(), to: await setting.freshUrl() };
    await stalled(t, urls, [await setting.open(urls.from), await setting.open(urls.to)], point);
  }
});

t.test('SQLite to MongoDB and back: the same', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  const [sqlite, mongodb] = [await settingFor(t), await settingFor(t, mongodbEngine(server.url))];
  for (const [from, to] of [
    [sqlite, mongodb],
    [mongodb, sqlite],
  ] as const) {
    const urls = { from: await from.freshUrl(), to: await to.freshUrl() };
    await stalled(t, urls, [await from.open(urls.from), await to.open(urls.to)], 'batch-sent');
  }
});
