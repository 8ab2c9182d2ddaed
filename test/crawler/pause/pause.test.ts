import t from 'tap';
import { addFeed } from '../../../crawler/add-feed.ts';
import type { Pause } from '../../../crawler/pause/note.ts';
import { listProcesses } from '../../../crawler/pause/processes.ts';
import { crawlersStatus } from '../../../crawler/pause/status.ts';
import { until } from '../../rig/until.ts';
import { entries, feedSite } from '../feed-site.ts';
import { onEachEngine, setting } from '../harness.ts';
import { gate, pause, resume, start, twoFeeds } from './pausing.ts';

await onEachEngine(t, 'what is in flight ends, then nobody can write, and all goes on after', async (t, engine) => {
  const held = gate();
  await using site = await twoFeeds(held.before);
  await using here = await setting(engine);
  const [a] = await here.add(`${site.url}/a`);
  const told: (Pause | null)[] = [];
  await using crawler = start(here, { onPause: (one) => told.push(one) });
  await until(() => site.requests.length === 1, 'a is in flight');
  const progress: number[] = [];
  const paused = pause(here, { onProgress: ({ inFlight }) => progress.push(inFlight) });
  await until(() => crawler.status().state === 'pausing', 'it has seen the pause');
  t.match(crawler.status(), { inFlight: 1, pause: { by: 'ops@test', why: 'a test' }, why: /^the crawlers are paused/ });
  await here.add(`${site.url}/b`);
  crawler.wake();
  held.open();
  const { proof } = await paused;
  t.equal((await here.articles(a)).length, 2, 'what was in flight is stored');
  t.equal(site.requests.length, 1, 'nothing more was asked for');
  t.match(proof?.waited.processes, [{ answer: 'stopped', inFlight: 0, inFlightThen: 1, givenBack: 0 }]);
  t.ok(progress.includes(1), 'somebody was told that one was in flight');
  t.ok((proof?.slots.length ?? 0) >= 2);
  t.equal(crawler.status().state, 'paused');
  t.notMatch((await here.store.articles.changes.slots()).map(({ owner }) => owner).join(), 'crawler');
  t.match(await crawlersStatus({ store: here.store, clock: () => here.clock.now }), {
    ...{ state: 'paused', inFlight: 0, writers: [], note: { by: 'ops@test', why: 'a test' } },
    processes: [{ state: 'paused', isSeen: true }],
  });
  await resume(here);
  await until(async () => (await here.articles()).length === 5, 'b is fetched');
  await until(() => crawler.status().state === 'running', 'it runs');
  t.equal(site.requests.length, 2);
  t.same(
    told.map((one) => one?.why ?? null),
    ['a test', null],
  );
});

await onEachEngine(t, 'what does not end in time is given back, stays due, and is fetched after', async (t, engine) => {
  const held = gate();
  await using site = await twoFeeds(held.before);
  await using here = await setting(engine);
  const [a] = await here.add(`${site.url}/a`);
  await using crawler = start(here);
  await until(() => site.requests.length === 1, 'a is in flight');
  const { proof } = await pause(here, { finishMsMax: 100 });
  t.match(proof?.waited.processes, [{ answer: 'stopped', inFlight: 0, inFlightThen: 1, givenBack: 1 }]);
  t.equal((await here.feed(a)).triedAt, null, 'it is due');
  held.open();
  await resume(here);
  await until(async () => (await here.articles(a)).length === 2, 'it is fetched');
  t.equal(crawler.status().pause, null);
});

await onEachEngine(t, 'a crawler that starts during a pause begins when it ends', async (t, engine) => {
  await using site = await twoFeeds(async () => {});
  await using here = await setting(engine);
  await here.add(`${site.url}/a`);
  const { pause: first, isAlready } = await pause(here, { wait: false });
  t.equal(isAlready, false);
  await using crawler = start(here);
  await until(() => crawler.status().state === 'paused', 'it stands still');
  const again = await pause(here, { by: 'another', why: 'another reason' });
  t.match(again, { isAlready: true, pause: { id: first.id, by: 'ops@test', why: 'a test', state: 'paused' } });
  await t.rejects(crawler.refresh('any'), { code: 'CRAWL_PAUSED', message: /by ops@test: a test/ });
  t.match(await here.crawl(), { feeds: 0, error: { code: 'CRAWL_PAUSED' } }, 'a single pass ends at once');
  t.equal(site.requests.length, 0);
  t.match(await resume(here, { waitMsMax: 60_000 }), { ended: { id: first.id }, crawling: [{ pause: null }] });
  await until(async () => (await here.articles()).length === 2, 'it crawls');
  t.match(await resume(here), { ended: null }, 'once more: nothing');
});

await onEachEngine(t, 'a pass under way finishes what is in flight, and ends', async (t, engine) => {
  const held = gate();
  const one = { entries: entries(2), before: held.before };
  await using site = await feedSite({ a: one, b: one });
  await using here = await setting(engine);
  await here.add(`${site.url}/a`, `${site.url}/b`);
  const pass = here.crawl({ concurrency: 1, hostConnections: 1 });
  await until(() => site.requests.length === 1, 'one of them is in flight');
  await pause(here, { wait: false });
  await until(
    async () => (await listProcesses(here.store.control)).some((one) => one.pause !== null),
    'it has seen it',
  );
  held.open();
  t.match(await pass, { fetched: 1, unfinished: 1, error: { code: 'CRAWL_PAUSED' } });
  t.equal((await here.articles()).length, 2);
  t.equal(site.requests.length, 1);
  t.same(await listProcesses(here.store.control), [], 'a process that ends takes its note with it');
});

await onEachEngine(t, 'a feed that is added during a pause is recorded, due, and fetched after', async (t, engine) => {
  await using site = await twoFeeds(async () => {});
  await using here = await setting(engine);
  await pause(here);
  const add = { store: here.store, fetcher: here.fetcher, clock: () => here.clock.now, random: () => 0 };
  const added = await addFeed({ ...add, input: `${site.url}/a` });
  t.match(added, { created: true, articles: 0, waits: true, title: 'A feed' });
  t.match(await here.feed(added.id), { triedAt: null, etag: null, nextAt: here.clock.now });
  t.match(await addFeed({ ...add, input: `${site.url}/a` }), { created: false, id: added.id, waits: false });
  t.equal((await here.articles()).length, 0);
  await resume(here);
  await here.crawl();
  t.equal((await here.articles()).length, 2);
  await pause(here, { readOnly: true });
  await t.rejects(addFeed({ ...add, input: `${site.url}/b` }), { code: 'DATABASE_READ_ONLY' });
});
