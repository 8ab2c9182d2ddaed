import t from 'tap';
import { LocalQueue } from '../../crawler/queue/local.ts';
import { claimed, jobs, type QueueEngine, queueContract } from '../contract/queue.ts';
import { queueOnTheWay } from '../contract/queue-on-the-way.ts';

const local: QueueEngine = {
  gapMs: 1_000,
  jobs: 500,
  make(_t, options) {
    const time = { now: 1_000_000 };
    const queue = new LocalQueue({ clock: () => time.now, ...options });
    return {
      clients: [queue, queue, queue],
      now: () => time.now,
      async pass(ms) {
        time.now += ms;
      },
    };
  },
};

queueContract(t, local);
queueOnTheWay(t, local);

t.test('how long a host must wait is told to the millisecond', async (t) => {
  const { clients, pass } = local.make(t, { hosts: { connections: 1, gapMs: 1_000 } });
  const [queue] = clients;
  await queue.add(jobs('a/1', 'a/2'));
  await queue.done(await claimed(queue));
  await pass(400);
  t.same(await queue.claim(), { kind: 'wait', ms: 600 });
});

t.test('a clock that is set back by an hour keeps no host waiting', async (t) => {
  const { clients, pass } = local.make(t, { hosts: { connections: 1, gapMs: 1_000 } });
  const [queue] = clients;
  await queue.add(jobs('a/1', 'a/2'));
  await queue.done(await claimed(queue));
  await pass(-3_600_000);
  const answer = await queue.claim();
  t.ok(answer.kind === 'claimed' || (answer.kind === 'wait' && (answer.ms ?? 9e9) <= 1_000), JSON.stringify(answer));
  await pass(1_000);
  if (answer.kind !== 'claimed') t.equal((await claimed(queue)).job.feed, 'a/2');
});
