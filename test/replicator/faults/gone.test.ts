/** A destination that is not there for a while. */
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { storeTarget } from '../../../replicator/applying/store-target.ts';
import { openTarget } from '../../../replicator/open-target.ts';
import { realRuntime as runtime } from '../../../replicator/runtime.ts';
import type { Target } from '../../../replicator/target.ts';
import { openStore } from '../../../store/open.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { startTcpProxy } from '../../rig/tcp-proxy.ts';
import { until } from '../../rig/until.ts';
import { mongodbEngine } from '../../store/mongodb/engine.ts';
import { settingFor } from '../backup/backup-setting.ts';
import { fastRuntime, putArticles, start } from '../sending/pair.ts';
import { equal } from './processes.ts';

/** How patient the store is by itself, before the replicator takes note. */
const WAIT_MS_MAX = 1500;

async function impatient(url: string): Promise<Target> {
  const store = await openStore(url, { waitMsMax: WAIT_MS_MAX });
  return storeTarget(store, { engine: 'mongodb', runtime, close: () => store.close() });
}

t.test('a MongoDB destination that is gone and comes back has everything afterwards', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  const [sqlite, mongodb] = [await settingFor(t), await settingFor(t, mongodbEngine(server.url))];
  const url = await mongodb.freshUrl();
  const { hostname, port, pathname } = new URL(url);
  await using proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  const proxied = `mongodb://${proxy.host}:${proxy.port}${pathname}?directConnection=true`;
  const [a, b] = [await sqlite.open(), await mongodb.open(url)];
  await putArticles(a, 'x', 1000);
  const running = start(a, b, { open: () => impatient(proxied) });
  t.teardown(() => running.stop());
  await until(async () => (await b.articles.count()) >= 200, 'it has begun');
  await proxy.behave({ refuse: true });
  proxy.drop('reset');
  await putArticles(a, 'y', 300);
  const since = performance.now();
  await until(() => running.status().lastError !== null, 'it is noticed');
  t.comment(`noticed after ${Math.round(performance.now() - since)} ms`);
  t.match(running.status().lastError, { code: /^(STORE_UNREACHABLE|WRITE_UNRESOLVED)$/ });
  await proxy.behave({ refuse: false });
  await until(async () => (await b.articles.count()) === 1300, 'all is there');
  proxy.drop('cut');
  await putArticles(a, 'z', 100);
  await until(async () => (await b.articles.count()) === 1400, 'all is there again');
  await running.stop();
  await equal(t, a, b);
});

t.test('a SQLite destination whose folder is moved away and back has everything afterwards', async (t) => {
  const setting = await settingFor(t);
  const [home, away] = [join(setting.folder, 'home'), join(setting.folder, 'away')];
  await mkdir(home);
  const url = `sqlite:${home}/b.db`;
  await (await openStore(url)).close();
  const a = await setting.open();
  await putArticles(a, 'x', 500);
  // Pauses after failures pass ten times as fast.
  const runtime = fastRuntime(10);
  const running = start(a, a, { open: () => openTarget(url, { runtime, mustExist: true }), runtime });
  t.teardown(() => running.stop());
  await until(() => running.status().state === 'tailing' && running.status().docsToDo === 0, 'it tails');
  await rename(home, away);
  await putArticles(a, 'y', 300);
  let more = 0;
  await until(async () => {
    // A file that is gone shows when it is written to.
    if (running.status().lastError === null) await putArticles(a, `z${more++}.`, 1);
    return running.status().state === 'waiting' && running.status().lastError?.code === 'STORE_MISSING';
  }, 'it is noticed, and not made anew');
  await rename(away, home);
  await until(() => running.status().state === 'tailing' && running.status().docsToDo === 0, 'it tails again');
  await running.stop();
  await equal(t, a, await setting.open(url));
});
