import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { openStore } from '../../../store/open.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { startTcpProxy } from '../../rig/tcp-proxy.ts';
import { until } from '../../rig/until.ts';
import { sqlite } from '../harness.ts';
import { complaints, ENTRIES, notFetched, type Publisher, publisher } from './access-log.ts';
import { addDue, flaws, mongodbStore, untilStored } from './stored.ts';
import { startWorker, type Worker, workerSettings } from './workers.ts';

const LONG = process.env.FEEDFERRY_TEST_LONG === '1';
/** 60 s is what an outage may take in life; here as long as the crawler's first waits. */
const OUTAGE_MS = LONG ? 60_000 : 4_000;
const HOSTS = 8;
const FEEDS = 12 * HOSTS;
const GAP_MS = 200;
const CONCURRENCY = 4;

interface Outage {
  begin(): Promise<void>;
  end(): Promise<void>;
}

t.test('MongoDB is cut off: nothing is fetched over and over, and nothing lost', async (t) => {
  const mongodb = await mongodbStore(t);
  if ('skip' in mongodb) return skipLoudly(t, mongodb.skip);
  for (const how of ['refused', 'silent'] as const) {
    const url = new URL(mongodb.url);
    await using proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
    await outage(t, {
      ...{ store: `${mongodb.url}-${how}`, what: how },
      workerStore: `mongodb://${proxy.host}:${proxy.port}${url.pathname}-${how}`,
      begin: async () => {
        if (how === 'silent') return proxy.behave({ mute: 'both' });
        await proxy.behave({ refuse: true });
        proxy.drop('reset');
      },
      end: async () => {
        await proxy.behave({ refuse: false, mute: 'none' });
        proxy.drop('cut');
      },
    });
    const { MongoClient } = await import('mongodb');
    await using client = new MongoClient(`${mongodb.url}-${how}`);
    await client.db().dropDatabase();
  }
});

/** Holds the file's write lock until its input ends. */
const LOCK = `import { DatabaseSync } from 'node:sqlite';
const db = new DatabaseSync(process.argv[1]);
db.exec('PRAGMA busy_timeout = 60000');
db.exec('BEGIN EXCLUSIVE');
console.log('locked');
process.stdin.resume();
process.stdin.once('end', () => { db.exec('ROLLBACK'); db.close(); });`;

t.test('another process locks the SQLite file: nothing is fetched over and over, and nothing lost', async (t) => {
  const { url, cleanup } = await sqlite.fresh();
  t.teardown(cleanup);
  let end = async (): Promise<void> => {};
  await outage(t, {
    ...{ store: url, workerStore: url, what: 'locked' },
    begin: async () => {
      const args = ['--input-type=module', '--eval', LOCK, url.replace('sqlite:', '')];
      const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      t.teardown(() => child.kill('SIGKILL'));
      const ended = once(child, 'exit');
      await once(child.stdout, 'data');
      end = async () => {
        child.stdin.end();
        await ended;
      };
    },
    end: () => end(),
  });
});

t.test('the disk is full: nothing is fetched over and over, and with room again nothing is lost', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'feedferry-full-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder], { stdio: 'pipe' });
  } catch {
    return skipLoudly(t, "a small disk can't be mounted here");
  }
  t.teardown(() => execFileSync('umount', ['-l', folder]));
  const url = `sqlite:${join(folder, 'feedferry.db')}`;
  await outage(t, {
    ...{ store: url, workerStore: url, what: 'full' },
    begin: async () => fill(join(folder, 'filler')),
    end: async () => rmSync(join(folder, 'filler')),
  });
});

/** Until there is no room left. */
function fill(path: string): void {
  for (;;) {
    try {
      appendFileSync(path, Buffer.alloc(4_096));
    } catch {
      return;
    }
  }
}

async function outage(
  t: Test,
  { store: url, workerStore, what, begin, end }: Outage & { store: string; workerStore: string; what: string },
): Promise<void> {
  await using world = await publisher(16, { feeds: FEEDS, hosts: HOSTS });
  world.answerAfter(() => 100);
  const store = await openStore(url);
  const ids = await addDue(store, world.urls);
  // SQLite: not there to wait for the lock.
  await store.close();
  const settings = { gapMs: GAP_MS, concurrency: CONCURRENCY, storeWaitMsMax: 500 };
  const worker = await startWorker(t, workerSettings(workerStore, null, settings));
  await until(() => world.log.length > HOSTS, 'a part is fetched');
  await begin();
  const asked = await askedMeanwhile(world, worker);
  t.ok(asked <= 3 * CONCURRENCY, `${what}: ${asked} requests until nothing more was asked`);
  await end();
  await using after = await openStore(url);
  await untilStored(after, ids);
  await worker.stop();
  t.same(complaints(world.log, { connections: 1, gapMs: GAP_MS }), [], what);
  const again = notFetched(world.log, world.names, 1);
  t.ok(again.length <= 3 * CONCURRENCY, `${what}: fetched again: ${again.join(', ')}`);
  t.notOk(
    again.some((line) => !/: 2$/.test(line)),
    `${what}: none more than twice`,
  );
  t.same(await flaws(url, ids, ENTRIES), [], what);
}

/** How many requests came in the outage; it begins when the worker says so. */
async function askedMeanwhile(world: Publisher, { lines }: Worker): Promise<number> {
  const before = world.log.length;
  await until(() => lines.some((line) => line.startsWith('trouble')), 'the worker says that it waits');
  await until(() => world.inFlight() === 0, 'nothing is in flight');
  const said = world.log.length;
  if (said === world.names.length) throw new Error('the outage came too late: all was fetched already');
  await sleep(OUTAGE_MS);
  // Once it has said so, it fetches nothing that could not be stored.
  return world.log.length > said ? Number.POSITIVE_INFINITY : said - before;
}
