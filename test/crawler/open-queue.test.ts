import { registerHooks } from 'node:module';
import t from 'tap';

const imported: string[] = [];
registerHooks({
  resolve(specifier, context, next) {
    imported.push(specifier);
    return next(specifier, context);
  },
});

const OPTIONS = { clock: () => 0, hosts: { connections: 1, gapMs: 0 }, site: 'abcdefgh' };

t.test('neither BullMQ nor a Redis client is loaded where the queue is in memory', async (t) => {
  await Promise.all([import('../../crawler/run.ts'), import('../../cli/crawl.ts'), import('../../cli/doctor.ts')]);
  const { openQueue } = await import('../../crawler/queue/open.ts');
  await using local = await openQueue('local:', OPTIONS);
  t.equal(local.pollMs, null);
  const loaded = () => ['bullmq', 'ioredis'].filter((name) => imported.includes(name));
  t.same(loaded(), []);
  await using redis = await openQueue('redis://127.0.0.1:1', OPTIONS);
  t.ok((redis.pollMs ?? 0) > 0);
  t.same(loaded(), ['bullmq', 'ioredis']);
});

t.test('a queue that does not answer is named without its password', async (t) => {
  const { askQueueServer } = await import('../../crawler/queue/open.ts');
  const error = await askQueueServer('redis://:secret@127.0.0.1:1/3').catch((error) => error);
  t.match(error, { code: 'CRAWL_QUEUE_UNREACHABLE', input: 'redis://***@127.0.0.1:1/3' });
  t.notMatch(`${error.message} ${JSON.stringify(error)}`, /secret/);
});
