import t from 'tap';
import { readPause } from '../../../crawler/pause/note.ts';
import { listProcesses } from '../../../crawler/pause/processes.ts';
import { openStore } from '../../../store/open.ts';
import { seededRandom, testSeed } from '../../contract/random.ts';
import { until } from '../../rig/until.ts';
import { onEachEngine, setting } from '../harness.ts';
import { pause, resume, start } from './pausing.ts';

await onEachEngine(
  t,
  'writers that are open are fenced and named; those of others are left alone',
  async (t, engine) => {
    await using here = await setting(engine);
    await using other = await openStore(here.url);
    const owner = { durability: 'lazy' } as const;
    await using crawler = await other.articles.openWriter({ ...owner, owner: 'crawler: crawl' });
    await using add = await other.feeds.openWriter({ ...owner, owner: 'feeds add' });
    await using states = await other.states.openWriter({ ...owner, owner: 'crawler: merge' });
    const { proof } = await pause(here);
    t.match(proof?.fenced, [
      { database: 'articles', owner: 'crawler: crawl' },
      { database: 'states', owner: 'crawler: merge' },
    ]);
    t.match(proof?.waited.processes, []);
    const edits = [{ id: 'x', content: null }];
    for (const edit of [() => crawler.edit(edits), () => states.edit(edits)]) {
      await t.rejects(edit(), { code: 'WRITER_SHUT_OUT' });
    }
    t.match(await add.edit([{ id: 'x', content: null }]), [{ result: 'written' }]);
    t.match((await pause(here)).proof?.fenced, [], 'once more: none is left');
  },
);

await onEachEngine(t, 'databases are set read-only with the proof, and set back', async (t, engine) => {
  await using here = await setting(engine);
  const { articles, feeds, states } = here.store;
  const modes = async () => [await articles.mode(), await feeds.mode(), await states.mode()];
  await pause(here);
  t.same(await modes(), ['read-write', 'read-write', 'read-write']);
  t.match(await pause(here, { readOnly: true }), { isAlready: true, proof: { readOnly: ['articles', 'feeds'] } });
  t.same(await modes(), ['read-only', 'read-only', 'read-write']);
  t.match(await pause(here), { pause: { readOnly: ['articles', 'feeds'] } }, 'again without: they stay so');
  t.match(await resume(here), { readWrite: ['articles', 'feeds'], left: null });
  t.same(await modes(), ['read-write', 'read-write', 'read-write']);

  await feeds.setMode('replica');
  t.match(await pause(here, { readOnly: true }), { proof: { readOnly: ['articles'] } }, 'a copy is left as it is');
  const why = 'this site was replaced';
  t.match(await resume(here, { whyNotOpen: async () => why }), {
    ...{ readWrite: [], left: { databases: ['articles'], why } },
  });
  t.same(await modes(), ['read-only', 'replica', 'read-write']);
});

t.test('a process that says nothing is not waited for', async (t) => {
  await using here = await setting();
  const about = { id: 'gone', host: 'web9', pid: 1, command: 'serve', version: '1', queue: 'local:' };
  const state = { state: 'crawling', inFlight: 7, waiting: 0, pause: null, inFlightThen: 0, givenBack: 0 };
  await here.store.control.put('crawlers/process/gone', { ...about, ...state, startedAt: 0, seenAt: Date.now() });
  const { proof } = await pause(here);
  t.match(proof?.waited.processes, [{ id: 'gone', answer: 'silent' }]);
  t.ok((proof?.waited.ms ?? 0) < 20_000, 'much sooner than what is in flight may take');
});

t.test('a process that was killed long ago is forgotten by the next that crawls', async (t) => {
  await using here = await setting();
  const seenAt = here.clock.now - 25 * 3_600_000;
  await here.store.control.put('crawlers/process/old', { id: 'old', seenAt });
  await using _ = start(here);
  await until(async () => {
    const ids = (await listProcesses(here.store.control)).map(({ id }) => id);
    return ids.length === 1 && ids[0] !== 'old';
  }, 'the new one only');
  t.pass('and the new one shows itself');
});

t.test('a wait can be stopped; the pause stays', async (t) => {
  await using here = await setting();
  const stop = new AbortController();
  await t.rejects(pause(here, { signal: stop.signal, onProgress: () => stop.abort() }), { code: 'CRAWLERS_UNPROVEN' });
  t.match(await readPause(here.store.control), { state: 'pausing', shut: false });
});

await onEachEngine(t, 'operators who pause and resume at once leave one state, whole', async (t, engine) => {
  const seed = testSeed();
  t.comment(`seed ${seed} (FEEDFERRY_TEST_SEED)`);
  const random = seededRandom(seed);
  await using here = await setting(engine);
  const stores = [here.store, await openStore(here.url), await openStore(here.url)];
  const codes = new Set<string>();
  for (let round = 0; round < 3; round += 1) {
    const calls = Array.from({ length: 5 }, () => {
      const store = random.pick(stores);
      const call = random.chance(0.6) ? pause({ store }, { readOnly: random.chance(0.5) }) : resume({ store });
      return call.then(
        () => codes.add('done'),
        (error) => codes.add(error.code),
      );
    });
    await Promise.all(calls);
  }
  t.comment([...codes].join(' '));
  t.same(
    [...codes].filter((code) => !['done', 'CRAWLERS_RESUMED', 'CRAWLERS_CONTENDED'].includes(code)),
    [],
  );
  await pause(here, { readOnly: true });
  t.match(await readPause(here.store.control), { state: 'paused', shut: true, readOnly: ['articles', 'feeds'] });
  t.same([await here.store.articles.mode(), await here.store.feeds.mode()], ['read-only', 'read-only']);
  await resume(here);
  t.same([await here.store.articles.mode(), await here.store.feeds.mode()], ['read-write', 'read-write']);
  t.match(await here.crawl(), { error: null });
  for (const store of stores.slice(1)) await store.close();
});
