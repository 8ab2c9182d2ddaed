/** One destination at work, between real stores. */

import t from 'tap';
import { type Checkpoint, checkpointFrom, checkpointTo } from '../../../replicator/checkpoint.ts';
import { addDestination, defaultConfig, removeDestination } from '../../../replicator/configuration.ts';
import { ROLE_NOTE } from '../../../replicator/role.ts';
import { DATABASE_NAMES } from '../../../store/documents.ts';
import { storeError } from '../../../store/errors.ts';
import { article, feed, user } from '../../contract/samples.ts';
import { failureOf, put } from '../../contract/with-store.ts';
import { until } from '../../rig/until.ts';
import { differences, disturbed, fastRuntime, putArticles, sqlitePair, start, targetOf } from './pair.ts';

t.test('a store is copied whole, deletions too, and the second time nothing is sent', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 1234);
  await put(a.articles, { id: 'x7', content: null }, { id: 'never', content: null });
  await put(a.feeds, { id: 'f', content: feed() });
  await put(a.users, { id: 'u', content: user() });
  const summary = await start(a, b, { once: true }).ended;
  t.strictSame(await differences(a, b), []);
  t.equal(summary.docs, 1237);
  t.match(summary.metrics, { written: 1237, stale: 0, failures: 0 });
  t.match((await b.control.get(ROLE_NOTE))?.value, { role: 'replica', epoch: 0, primary: a.site });
  for (const name of DATABASE_NAMES) {
    t.equal(await b.database(name).mode(), 'replica', `${name} takes no local edits there`);
    const here = (await a.control.get(checkpointTo(b.site, name)))?.value as Checkpoint;
    const there = (await b.control.get(checkpointFrom(a.site, name)))?.value as Checkpoint;
    t.strictSame(here.vector, there.vector, `${name}: both ends note the same`);
    t.equal(here.session, there.session);
  }
  const again = await start(a, b, { once: true }).ended;
  t.equal(again.docs, 0);
});

t.test('what is written while it runs arrives soon, and its lag is told', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'before', 300);
  const destination = start(a, b);
  await until(() => destination.status().state === 'tailing' && destination.status().docs === 300, 'it tails');
  await putArticles(a, 'after', 50);
  await put(a.articles, { id: 'before3', content: article({ title: 'changed' }) }, { id: 'before4', content: null });
  await until(async () => (await differences(a, b)).length === 0, 'they are equal');
  await until(() => destination.status().behindMs === 0, 'nothing is missing');
  const status = destination.status();
  t.match(status, { state: 'tailing', why: 'Up to date.', docsToDo: 0, retries: 0, lastError: null });
  t.ok(status.lagMs !== null && status.lagMs.p99 < 5000, JSON.stringify(status.lagMs));
  await destination.stop();
  t.equal(destination.status().state, 'stopped');
  t.equal((await destination.ended).docs, 352);
});

t.test('a destination that never answers is given up, shown, and tried again; then all arrives', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 900);
  let hangs = true;
  let pushes = 0;
  const open = async () =>
    disturbed(targetOf(b), (_, go) => {
      pushes += 1;
      return hangs && pushes > 1 ? new Promise(() => {}) : go();
    });
  const destination = start(a, b, { open, runtime: fastRuntime(100) });
  await until(() => destination.status().lastError !== null, 'it gives up');
  t.match(destination.status().lastError, { code: 'REPLICATION_STUCK', message: /30 s for the destination to/ });
  hangs = false;
  await until(async () => (await differences(a, b)).length === 0, 'they are equal');
  t.ok(destination.status().retries >= 1);
  await destination.stop();
});

t.test('acknowledgements that get lost cost repetition, and no document', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 2000);
  let pushes = 0;
  const open = async () =>
    disturbed(targetOf(b), async ({ docs }, go) => {
      if (docs.length > 0) pushes += 1;
      const lost = docs.length > 0 && pushes % 4 === 0;
      const pushed = await go();
      if (lost) throw storeError('STORE_UNREACHABLE', 'The answer was lost.', { retryable: true });
      return pushed;
    });
  const destination = start(a, b, { open, once: true, runtime: fastRuntime(50) });
  const { metrics } = await destination.ended;
  t.strictSame(await differences(a, b), []);
  t.ok(metrics.failures > 0);
  t.ok(metrics.stale > 0, 'sent twice, applied once');
});

t.test('after every failure at most 1,000 documents are sent again', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 6000);
  let pushes = 0;
  const open = async () =>
    disturbed(targetOf(b), async ({ docs }, go) => {
      if (docs.length > 0) pushes += 1;
      if (docs.length > 0 && pushes % 9 === 0) {
        throw storeError('STORE_UNREACHABLE', 'It went away.', { retryable: true });
      }
      return await go();
    });
  const destination = start(a, b, { open, once: true, runtime: fastRuntime(50) });
  const { metrics } = await destination.ended;
  t.strictSame(await differences(a, b), []);
  t.ok(metrics.failures >= 2, `${metrics.failures} failures`);
  t.ok(metrics.stale <= metrics.failures * 1000, `${metrics.stale} sent again after ${metrics.failures} failures`);
});

t.test(
  'a copy made once ends at the first failure that does not pass by itself, and tries again after others',
  async (t) => {
    await using pair = await sqlitePair();
    const { a, b } = pair;
    await putArticles(a, 'x', 10);
    for (const code of ['STORE_CORRUPT', 'STORE_FILE_READ_ONLY', 'DATABASE_READ_ONLY', 'STORE_UNREACHABLE'] as const) {
      let opened = 0;
      const open = async () => {
        opened += 1;
        throw storeError(code, 'It will be so tomorrow, too.');
      };
      t.equal(await failureOf(start(a, b, { open, once: true, runtime: fastRuntime(50) }).ended), code);
      t.equal(opened, 1, `${code}: it was not tried again`);
    }
    const troubles = [
      storeError('STORE_UNREACHABLE', 'It does not answer.', { retryable: true }),
      storeError('WRITER_FENCED', 'Somebody else writes.'),
      new Error('Nobody knows.'),
    ];
    const open = async () => {
      const trouble = troubles.pop();
      if (trouble) throw trouble;
      return targetOf(b);
    };
    t.match(await start(a, b, { open, once: true, runtime: fastRuntime(50) }).ended, {
      docs: 10,
      metrics: { failures: 3 },
    });
  },
);

t.test('one document that the destination refuses is put aside, and the others arrive', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 700);
  let refuses = true;
  const open = async () =>
    disturbed(targetOf(b), (push, go) => {
      const poisoned = refuses && push.docs.some(({ id }) => id === 'x333' || id === 'x334');
      return poisoned ? Promise.reject(storeError('BATCH_INVALID', 'No such thing here.')) : go();
    });
  const destination = start(a, b, { open });
  await until(() => destination.status().aside === 2 && destination.status().docsToDo === 0, 'two are put aside');
  await until(async () => (await b.articles.count()) === 698, 'the others are there');
  const notes = await a.control.list('replication/aside/b/articles/');
  t.match(notes, [
    { id: 'replication/aside/b/articles/x333', value: { code: 'BATCH_INVALID', message: 'No such thing here.' } },
    { id: 'replication/aside/b/articles/x334' },
  ]);
  await destination.stop();
  refuses = false;
  const later = await start(a, b, { open, once: true }).ended;
  t.equal(later.aside, 0);
  t.strictSame(await differences(a, b), [], 'it is offered again with the next session');
  t.strictSame(await a.control.list('replication/aside/'), []);
});

t.test(
  'what was put aside comes over as well once the destination was removed, and added by another name',
  async (t) => {
    await using pair = await sqlitePair();
    const { a, b } = pair;
    await putArticles(a, 'x', 20);
    let refuses = true;
    const open = async () =>
      disturbed(targetOf(b), (push, go) => {
        const poisoned = refuses && push.docs.some(({ id }) => id === 'x3');
        return poisoned ? Promise.reject(storeError('BATCH_INVALID', 'No such thing here.')) : go();
      });
    await addDestination(a.control, defaultConfig('b', 'sqlite:elsewhere'));
    t.match(await start(a, b, { open, once: true }).ended, { aside: 1 });
    refuses = false;
    await removeDestination(a.control, 'b');
    t.strictSame(await a.control.list('replication/aside/'), []);
    await start(a, b, { open, once: true, name: 'other' }).ended;
    t.strictSame(await differences(a, b), []);
  },
);

t.test('pause, resume and limits take effect at once', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 5000);
  const destination = start(a, b, {
    limits: { docsPerSecondMax: 500, bytesPerSecondMax: null, batchDocs: 200, concurrency: 4 },
  });
  await until(() => destination.status().docs > 0, 'it sends');
  await until(() => /documents a second/.test(destination.status().throttle ?? ''), 'it waits, and says for what');
  destination.pause('maintenance');
  t.match(destination.status(), { state: 'paused', why: 'Paused: maintenance' });
  // What was on its way arrives, and then nothing more.
  let seen = { docs: -1, at: 0 };
  await until(() => {
    const { docs } = destination.status();
    if (docs !== seen.docs) seen = { docs, at: performance.now() };
    return performance.now() - seen.at > 500;
  }, 'nothing is sent in a pause');
  t.ok(seen.docs < 5000, `${seen.docs} documents`);
  destination.setLimits({ docsPerSecondMax: null });
  destination.resume();
  await until(() => destination.status().docs === 5000, 'all are sent');
  t.equal(destination.status().limits.docsPerSecondMax, null);
  await until(() => destination.status().state === 'tailing', 'it tails');
  await destination.stop();
});

t.test('a black hole among the destinations disturbs neither the other one nor the writer', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  const hole = start(a, b, { name: 'hole', open: () => new Promise(() => {}) });
  const well = start(a, b);
  await putArticles(a, 'x', 300);
  await until(async () => (await differences(a, b)).length === 0, 'they are equal');
  t.equal(hole.status().state, 'connecting');
  await until(() => /Waits for the destination to open, for \d/.test(hole.status().why), 'it tells what it waits for');
  const began = performance.now();
  await Promise.all([hole.stop(), well.stop()]);
  t.ok(performance.now() - began < 5000, 'it ends at once');
});

t.test('what a destination lacks is told while it is away, and while it is paused', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 10);
  let isAway = false;
  const gone = storeError('STORE_UNREACHABLE', 'Nobody answers.', { retryable: true });
  const open = async () => {
    if (isAway) throw gone;
    return disturbed(targetOf(b), (_, go) => (isAway ? Promise.reject(gone) : go()));
  };
  const destination = start(a, b, { open, runtime: fastRuntime(10) });
  await until(() => destination.status().docs === 10 && destination.status().behindMs === 0, 'it has all');
  isAway = true;
  await putArticles(a, 'y', 30);
  await until(() => destination.status().state === 'waiting', 'it waits');
  const why = /Nobody answers\. \(STORE_UNREACHABLE\) Tries again in \d/;
  await until(() => why.test(destination.status().why), 'it tells why, and for how long');
  await putArticles(a, 'z', 20);
  await until(() => destination.status().docsToDo === 50 && destination.status().behindMs > 0, 'it tells so');
  isAway = false;
  await until(() => destination.status().docsToDo === 0 && destination.status().behindMs === 0, 'it has all');
  destination.pause('night');
  await putArticles(a, 'w', 5);
  await until(() => destination.status().docsToDo === 5 && destination.status().behindMs > 0, 'it tells so');
  t.equal(await b.articles.count(), 60);
  destination.resume();
  await until(async () => (await b.articles.count()) === 65, 'it has all');
  await destination.stop();
});

t.test('a process that finds nobody there knows from the one before what the destination lacks', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 20);
  await start(a, b, { once: true }).ended;
  await putArticles(a, 'y', 7);
  const gone = storeError('STORE_UNREACHABLE', 'Nobody answers.', { retryable: true });
  const later = start(a, b, { open: () => Promise.reject(gone) });
  await until(() => later.status().docsToDo === 7 && later.status().behindMs > 0, 'it tells so');
  await later.reseed();
  await later.stop();
  t.equal((await start(a, b, { once: true }).ended).docs, 27, 'and a wish to reseed outlives it');
  const never = start(a, await pair.another(), { name: 'new', open: () => Promise.reject(gone) });
  await until(() => never.status().docsToDo === 27, 'a destination that never answered lacks everything');
  await never.stop();
});

t.test('stopping ends in time even if what is under way never does', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 10);
  const open = async () => disturbed(targetOf(b), () => new Promise(() => {}));
  const destination = start(a, b, { open, runtime: fastRuntime(20) });
  await until(() => (destination.status().behindMs ?? 0) > 0, 'something is under way');
  await destination.stop();
  t.equal(destination.status().state, 'stopped');
});

t.test('the newer of two replicators of the same pair works, the older one stops', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 100);
  const older = start(a, b);
  await until(() => older.status().docs === 100 && older.status().state === 'tailing', 'the older one tails');
  const newer = start(a, b);
  await until(() => newer.status().state === 'tailing', 'the newer one tails');
  await putArticles(a, 'y', 100);
  t.equal(await failureOf(older.ended), 'REPLICATION_TAKEN_OVER');
  await until(async () => (await differences(a, b)).length === 0, 'they are equal');
  t.equal(newer.status().lastError, null);
  await newer.stop();
});

t.test('reseeding sends everything again', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 400);
  const destination = start(a, b);
  await until(() => destination.status().docs === 400 && destination.status().behindMs === 0, 'it has all');
  await destination.reseed();
  await until(() => destination.status().docs === 800, 'all is sent again');
  t.equal(destination.status().retries, 0, 'which is no failure');
  await destination.stop();
  t.equal((await start(a, b, { once: true }).ended).docs, 0, 'once');
});

t.test('a destination that was set back to an earlier state gets again what it lost', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 300);
  await start(a, b, { once: true }).ended;
  const kept = await b.control.get(checkpointFrom(a.site, 'articles'));
  await putArticles(a, 'y', 300);
  await start(a, b, { once: true }).ended;
  await b.control.put(checkpointFrom(a.site, 'articles'), kept?.value);
  const { metrics } = await start(a, b, { once: true }).ended;
  t.equal(metrics.docs, 300, 'what came after the last session that both remember');
});

t.test('an error at the source is told as well, and gone over', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 500);
  let failures = 3;
  const faults = {
    at: (point: string) => {
      if (point !== 'page-read' || failures === 0) return;
      failures -= 1;
      throw storeError('STORE_LOCKED', 'Somebody holds the lock.', { retryable: true });
    },
  };
  const summary = await start(a, b, { faults, once: true, runtime: fastRuntime(50) }).ended;
  t.equal(summary.metrics.failures, 3);
  t.strictSame(await differences(a, b), []);
});
