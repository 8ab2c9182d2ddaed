import t from 'tap';
import { crawlerError } from '../../../crawler/errors.ts';
import { crawlersStatus } from '../../../crawler/pause/status.ts';
import { LocalQueue } from '../../../crawler/queue/local.ts';
import { until } from '../../rig/until.ts';
import { feedSite } from '../feed-site.ts';
import { onEachEngine, setting } from '../harness.ts';
import { start } from './pausing.ts';

function queue(): LocalQueue {
  return new LocalQueue({ clock: Date.now, hosts: { connections: 1, gapMs: 0 } });
}

await onEachEngine(
  t,
  'a queue that does not answer is told of, and the rest is told all the same',
  async (t, engine) => {
    await using site = await feedSite({ a: { entries: [] } });
    await using here = await setting(engine);
    await here.add(`${site.url}/a`);
    await using _crawler = start(here);
    const look = (over: Partial<LocalQueue>, queueMsMax?: number) =>
      crawlersStatus({
        store: here.store,
        clock: () => here.clock.now,
        queue: Object.assign(queue(), over),
        queueMsMax,
      });
    await until(async () => (await look({})).processes.length === 1, 'the crawler shows itself');
    const well = { queue: { waiting: 0, claimed: 0, isPaused: false }, queueError: null };
    t.match(await look({}), { state: 'running', ...well });
    const gone = async () => {
      throw crawlerError('CRAWL_QUEUE_UNREACHABLE', 'Nobody is there');
    };
    const told = { state: 'running', queue: null, processes: [{ isSeen: true }] };
    t.match(await look({ counts: gone }), {
      ...{ ...told, queueError: { code: 'CRAWL_QUEUE_UNREACHABLE', message: 'Nobody is there' } },
    });
    const silent = await look({ pausedBy: () => new Promise(() => {}) }, 20);
    t.match(silent, { ...told, queueError: { code: 'CRAWL_QUEUE_UNREACHABLE', message: /within 0.02 s/ } });
    const broken = async () => {
      throw new TypeError('a fault');
    };
    await t.rejects(look({ counts: broken }), { message: 'a fault' });
  },
);

await onEachEngine(t, 'crawlers that all wait are not said to crawl', async (t, engine) => {
  await using here = await setting(engine);
  const about = { host: 'h', pid: 1, command: 'serve', version: '1', queue: 'local:', startedAt: 0, pause: null };
  const counts = { seenAt: here.clock.now, inFlight: 0, inFlightThen: 0, givenBack: 0, waiting: 0 };
  const look = () => crawlersStatus({ store: here.store, clock: () => here.clock.now });
  const put = (id: string, state: string) =>
    here.store.control.put(`crawlers/process/${id}`, { ...about, ...counts, id, state }, 0);
  t.match(await look(), { sentence: /no crawler was seen/ });
  await put('a', 'waiting');
  t.match(await look(), { state: 'running', sentence: /^not paused; its crawlers wait for the store or the queue$/ });
  await put('b', 'crawling');
  t.match(await look(), { sentence: 'crawling' });
});
