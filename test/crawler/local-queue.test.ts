import t from 'tap';
import type { Claim, Job } from '../../crawler/queue/contract.ts';
import { LocalQueue } from '../../crawler/queue/local.ts';

const SEED = Number(process.env.FEEDFERRY_TEST_SEED ?? Date.now() % 1_000_000);

function jobs(...urls: string[]): Job[] {
  return urls.map((url, i) => ({ feed: url, url: `http://${url}`, nextAt: i, urgent: false }));
}

function queue(hosts = { connections: 1, gapMs: 1_000 }, jobsMax?: number) {
  const time = { now: 1_000_000 };
  const local = new LocalQueue({ clock: () => time.now, hosts, ...(jobsMax === undefined ? {} : { jobsMax }) });
  return { local, time };
}

async function claim(local: LocalQueue): Promise<Claim> {
  const answer = await local.claim();
  if (answer.kind !== 'claimed') throw new Error(`not claimed: ${JSON.stringify(answer)}`);
  return answer.claim;
}

t.test('a feed is in the queue once, waiting or claimed', async (t) => {
  const { local } = queue();
  t.equal(await local.add(jobs('a/1', 'a/1', 'b/1')), 2);
  const first = await claim(local);
  t.equal(await local.add(jobs('a/1', 'b/1')), 0);
  t.same(await local.counts(), { waiting: 1, claimed: 1 });
  await local.done(first);
  t.equal(await local.add(jobs('a/1')), 1, 'and again when it is done');
});

t.test('a host that is being asked, or was just now, holds up no other', async (t) => {
  const { local, time } = queue();
  await local.add(jobs('a/1', 'a/2', 'b/1'));
  const a = await claim(local);
  t.equal(a.job.feed, 'a/1');
  t.equal((await claim(local)).job.feed, 'b/1', 'the other host');
  t.same(await local.claim(), { kind: 'wait', ms: null }, 'until the first has ended');
  time.now += 5_000;
  t.same(await local.claim(), { kind: 'wait', ms: null }, 'one at a time, however long it takes');
  await local.done(a);
  t.equal((await claim(local)).job.feed, 'a/2');
});

t.test('between two starts at a host lies the gap', async (t) => {
  const { local, time } = queue();
  await local.add(jobs('a/1', 'a/2'));
  await local.done(await claim(local));
  time.now += 400;
  t.same(await local.claim(), { kind: 'wait', ms: 600 });
  time.now += 600;
  t.equal((await claim(local)).job.feed, 'a/2');
  t.same(await local.claim(), { kind: 'empty' });
});

t.test('ports are the same host, addresses are not', async (t) => {
  const { local } = queue();
  await local.add(jobs('127.0.3.7:8088/a', '127.0.3.7:8089/b', '127.0.3.8:8088/c'));
  await claim(local);
  t.equal((await claim(local)).job.feed, '127.0.3.8:8088/c');
  t.equal((await local.claim()).kind, 'wait');
});

t.test('a feed that a reader waits for comes first, also where it waited already', async (t) => {
  const { local } = queue();
  await local.add(jobs('a/1', 'b/1', 'b/2', 'c/1'));
  await local.add([{ feed: 'b/2', url: 'http://b/2', nextAt: 9, urgent: true }]);
  t.equal((await claim(local)).job.feed, 'b/2');
  t.equal((await claim(local)).job.feed, 'a/1');
  await local.add([{ feed: 'd/1', url: 'http://d/1', nextAt: 9, urgent: true }]);
  t.equal((await claim(local)).job.feed, 'd/1');
});

t.test('what is given back waits again', async (t) => {
  const { local, time } = queue();
  await local.add(jobs('a/1'));
  const first = await claim(local);
  await local.giveBack(first);
  time.now += 1_000;
  t.equal((await claim(local)).job.feed, 'a/1');
});

t.test('a full queue takes nothing, and says so', async (t) => {
  const { local } = queue({ connections: 1, gapMs: 0 }, 2);
  await local.add(jobs('a/1', 'b/1'));
  await t.rejects(local.add(jobs('c/1')), { code: 'CRAWL_QUEUE_FULL', retryable: true });
  t.equal(await local.clear(), 2);
  t.equal(await local.add(jobs('c/1')), 1);
});

t.test('a clock that is set back by an hour keeps no host waiting', async (t) => {
  const { local, time } = queue();
  await local.add(jobs('a/1', 'a/2'));
  await local.done(await claim(local));
  time.now -= 3_600_000;
  const answer = await local.claim();
  t.ok(answer.kind === 'claimed' || (answer.kind === 'wait' && (answer.ms ?? 9e9) <= 1_000), JSON.stringify(answer));
  time.now += 1_000;
  if (answer.kind !== 'claimed') t.equal((await claim(local)).job.feed, 'a/2');
});

t.test('with any order of events, every job comes once and every host keeps its budget', async (t) => {
  t.comment(`seed ${SEED} (FEEDFERRY_TEST_SEED)`);
  let state = SEED;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  for (const hosts of [
    { connections: 1, gapMs: 100 },
    { connections: 3, gapMs: 10 },
    { connections: 2, gapMs: 0 },
  ]) {
    const { local, time } = queue(hosts);
    const all = Array.from({ length: 500 }, (_, i) => `h${random(20)}/${i}`);
    await local.add(jobs(...all));
    const finished: string[] = [];
    let open: Claim[] = [];
    const lastStart = new Map<string, number>();
    for (let steps = 0; finished.length < all.length; steps += 1) {
      if (steps > 100_000) return t.fail('stuck');
      const answer = await local.claim();
      if (answer.kind === 'claimed') {
        const { host } = answer.claim;
        const gap = time.now - (lastStart.get(host) ?? Number.NEGATIVE_INFINITY);
        if (gap < hosts.gapMs) t.fail(`${host} was started ${gap} ms after the last`);
        lastStart.set(host, time.now);
        open.push(answer.claim);
        if (open.filter((claim) => claim.host === host).length > hosts.connections) t.fail(`${host} has too many`);
        continue;
      }
      if (open.length > 0 && random(2) === 0) {
        const [ended] = open.splice(random(open.length), 1);
        if (ended === undefined) continue;
        if (random(10) === 0) await local.giveBack(ended);
        else {
          await local.done(ended);
          finished.push(ended.job.feed);
        }
      } else {
        time.now += answer.kind === 'wait' && answer.ms !== null ? answer.ms : 1;
      }
      open = [...open];
    }
    t.same(finished.toSorted(), all.toSorted());
    t.same(await local.counts(), { waiting: 0, claimed: 0 });
  }
});
