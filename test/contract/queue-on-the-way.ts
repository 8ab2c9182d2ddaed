/** What every crawl queue promises to feeds that redirects lead on, from host to host. */
import type { Test } from 'tap';
import type { Claim, Queue } from '../../crawler/queue/contract.ts';
import { claimed, jobs, type MadeQueue, type QueueEngine } from './queue.ts';

/** Within so many looks, for some clocks cannot be told exactly. */
const LOOKS_MAX = 100;

async function arrived(queue: Queue, claim: Claim, host: string, pass: MadeQueue['pass']): Promise<void> {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const ms = await queue.goOn(claim, host);
    if (ms === 0) return;
    await pass(ms);
  }
  throw new Error(`${claim.job.feed} does not get to ${host}`);
}

async function claimedWithin(queue: Queue, pass: MadeQueue['pass']): Promise<Claim> {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const answer = await queue.claim();
    if (answer.kind === 'claimed') return answer.claim;
    await pass(answer.kind === 'wait' ? (answer.ms ?? 10) : 10);
  }
  throw new Error('nothing is claimed');
}

export function queueOnTheWay(t: Test, engine: QueueEngine): void {
  const hosts = { connections: 1, gapMs: engine.gapMs };

  t.test('who is led to another host waits for it, before those in line there', async (t) => {
    const { clients, pass, now } = engine.make(t, { hosts });
    const [one, two] = clients;
    await one.add(jobs('a/1', 'b/1', 'b/2'));
    const a = await claimed(one);
    const b = await claimed(two);
    t.ok((await one.goOn(a, 'b')) > 0, 'b is being asked');
    const doneAt = now();
    await two.done(b);
    await one.goOn(a, 'b');
    t.equal((await two.claim()).kind, 'wait', 'nobody in line goes before');
    await arrived(one, a, 'b', pass);
    t.ok(now() - doneAt >= engine.gapMs - 1, 'a gap after the one before');
    await pass(engine.gapMs + 20);
    t.equal((await two.claim()).kind, 'wait', 'it is there now');
    const leftAt = now();
    await one.done(a);
    t.equal((await claimedWithin(two, pass)).job.feed, 'b/2');
    t.ok(now() - leftAt >= engine.gapMs - 1, 'a gap after it');
  });

  t.test('who is led on within a host waits for the gap there', async (t) => {
    const { clients, pass, now } = engine.make(t, { hosts });
    const [one] = clients;
    await one.add(jobs('a/1'));
    const a = await claimed(one);
    for (let hop = 0; hop < 2; hop += 1) {
      const from = now();
      await arrived(one, a, 'a', pass);
      t.ok(now() - from >= engine.gapMs - 1);
    }
    await one.done(a);
    await one.add(jobs('a/1'));
    t.equal((await claimedWithin(one, pass)).job.feed, 'a/1', 'nothing is left behind');
  });

  t.test('two that are led to each other’s hosts both get there', async (t) => {
    const { clients, pass } = engine.make(t, { hosts });
    const [one, two] = clients;
    await one.add(jobs('a/1', 'b/1'));
    const a = await claimed(one);
    const b = await claimed(two);
    await one.goOn(a, 'b');
    await two.goOn(b, 'a');
    await arrived(one, a, 'b', pass);
    await arrived(two, b, 'a', pass);
    await one.done(a);
    await two.giveBack(b);
    t.equal((await claimedWithin(one, pass)).job.feed, 'b/1');
  });
}
