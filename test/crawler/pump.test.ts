import { setImmediate as breathe } from 'node:timers/promises';
import t from 'tap';
import { Pump } from '../../crawler/pump.ts';
import type { Job } from '../../crawler/queue/contract.ts';
import { LocalQueue } from '../../crawler/queue/local.ts';

const JOB: Job = { feed: 'a', url: 'http://a.example/', nextAt: 0, urgent: false };

t.test('what is added just when the pump has found nothing is claimed at once', async (t) => {
  for (let steps = 0; steps < 12; steps += 1) {
    const queue = new LocalQueue({ clock: () => 0, hosts: { connections: 1, gapMs: 0 } });
    const worked: string[] = [];
    const pump = new Pump({
      queue,
      concurrency: 2,
      work: async ({ job }) => {
        worked.push(job.feed);
        return 'done';
      },
      onFailure: (error) => t.fail(String(error)),
    });
    pump.start();
    for (let step = 0; step < steps; step += 1) await Promise.resolve();
    void queue.add([JOB]);
    pump.kick();
    await breathe();
    t.strictSame(worked, ['a'], `after ${steps} steps`);
    pump.stop();
  }
});
