import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { pauseIn, readPause } from '../../../crawler/pause/note.ts';
import { type PausePoint, pauseCrawlers } from '../../../crawler/pause/pause.ts';
import { type ResumePoint, resumeCrawlers } from '../../../crawler/pause/resume.ts';
import { failureOf } from '../../contract/with-store.ts';
import { type Setting, setting } from '../harness.ts';

// Each waits more than it works.
t.jobs = 6;

const PAUSE_POINTS: readonly PausePoint[] = [
  'noted',
  'queue-paused',
  'waited',
  'shut',
  'fenced',
  'noted-read-only',
  'read-only',
];
const RESUME_POINTS: readonly ResumePoint[] = ['noted', 'read-write', 'resumed', 'queue-resumed'];

async function killedAt(t: Test, { url }: Setting, action: string, point: string): Promise<void> {
  const script = join(import.meta.dirname, 'pause-child.ts');
  const child = spawn(process.execPath, [script, url, action, point], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [, signal] = await once(child, 'exit');
  t.equal(signal, 'SIGKILL', `${action} was killed at ${point}`);
}

function pause({ store }: Setting): ReturnType<typeof pauseCrawlers> {
  const who = { by: 'second@test', why: 'again', finishMsMax: 10_000 };
  return pauseCrawlers({ store, clock: Date.now, ...who, wait: true, readOnly: true });
}

function resume({ store }: Setting): ReturnType<typeof resumeCrawlers> {
  return resumeCrawlers({ store, clock: Date.now, by: 'second@test', waitMsMax: 0 });
}

const openCrawler = (here: Setting) => here.store.articles.openWriter({ owner: 'crawler: test', durability: 'lazy' });

const modesOf = async ({ store }: Setting) => [await store.articles.mode(), await store.feeds.mode()];

for (const point of PAUSE_POINTS) {
  t.test(
    `a pause that is killed at "${point}" is in effect, and can be completed or ended by anybody`,
    { buffered: true },
    async (t) => {
      await using here = await setting();
      await using writer = await openCrawler(here);
      await killedAt(t, here, 'pause', point);
      const note = await readPause(here.store.control);
      t.match(note, { by: 'killed@test', why: 'a test' });
      t.not(pauseIn(note), null, 'crawlers that look at it stand still');
      t.match(await here.crawl(), { error: { code: 'CRAWL_PAUSED' } });
      const { pause: done, isAlready, proof } = await pause(here);
      t.match(done, { state: 'paused', by: 'killed@test', shut: true, readOnly: ['articles', 'feeds'] });
      t.equal(isAlready, true);
      t.ok(proof?.slots.every(({ owner }) => !owner.startsWith('crawler')));
      t.not(await failureOf(writer.edit([{ id: 'x', content: null }])), 'none', 'nobody can write');
      t.same(await modesOf(here), ['read-only', 'read-only']);
      await resume(here);
      t.same(await modesOf(here), ['read-write', 'read-write']);

      await killedAt(t, here, 'pause', point);
      t.match(await resume(here), { ended: { by: 'killed@test' } }, 'ended half-way');
      t.same(await modesOf(here), ['read-write', 'read-write']);
      t.match(await here.crawl(), { error: null });
    },
  );
}

for (const point of RESUME_POINTS) {
  t.test(
    `a resume that is killed at "${point}" can be completed, or undone by a pause`,
    { buffered: true },
    async (t) => {
      await using here = await setting();
      const isOver = point === 'resumed' || point === 'queue-resumed';
      await pause(here);
      await killedAt(t, here, 'resume', point);
      const failure = await failureOf(openCrawler(here).then((writer) => writer.close()));
      t.equal(failure === 'none', isOver, `a crawler that opens a writer meets: ${failure}`);
      await resume(here);
      t.same(await modesOf(here), ['read-write', 'read-write']);
      t.match(await here.crawl(), { error: null });

      await pause(here);
      await killedAt(t, here, 'resume', point);
      t.match(await pause(here), { isAlready: false, pause: { state: 'paused', by: 'second@test' } });
      t.same(await modesOf(here), ['read-only', 'read-only']);
      await resume(here);
      t.same(await modesOf(here), ['read-write', 'read-write'], 'what the first pause had set is not forgotten');
    },
  );
}
