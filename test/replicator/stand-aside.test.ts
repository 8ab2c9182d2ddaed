import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { type Requests, RequestsUnderWay, StandAside } from '../../replicator/stand-aside.ts';

const { href } = new URL('../../replicator/stand-aside.ts', import.meta.url);

t.test('a thread waits until the last request of another one was answered', async (t) => {
  const requests = new RequestsUnderWay();
  const [endFirst, endSecond] = [requests.begin(), requests.begin()];
  const code = `import(${JSON.stringify(href)}).then(({ RequestsUnderWay }) => {
    const { parentPort, workerData } = require('node:worker_threads');
    const requests = new RequestsUnderWay(workerData);
    parentPort.postMessage(requests.count);
    requests.waitUntilNone(60_000);
    parentPort.postMessage(requests.count);
  })`;
  const worker = new Worker(code, { eval: true, workerData: requests.cell });
  t.strictSame(await once(worker, 'message'), [2]);
  endFirst();
  endFirst();
  t.equal(requests.count, 1, 'ended twice it counts once');
  endSecond();
  t.strictSame(await once(worker, 'message'), [0]);
});

t.test('one that never ends is waited for no longer than was said', async (t) => {
  const requests = new RequestsUnderWay();
  requests.begin();
  const began = performance.now();
  requests.waitUntilNone(5);
  t.ok(performance.now() - began >= 5);
  t.equal(requests.count, 1);
});

/** Time that passes by working and by standing aside only. */
class Pretended implements Requests {
  count = 0;
  atMs = 0;
  /** How long requests take from here on. */
  takeMs = Number.POSITIVE_INFINITY;
  readonly aside = new StandAside(this, () => this.atMs);

  waitUntilNone(msMax: number): void {
    this.atMs += Math.min(msMax, this.takeMs);
  }

  /** A piece of work. Returns how long it stood aside after it. */
  work(ms: number): number {
    this.atMs += ms;
    const before = this.aside.asideMs;
    this.aside.now();
    return this.aside.asideMs - before;
  }
}

t.test('work that meets no request never stands aside', async (t) => {
  const pretended = new Pretended();
  for (let i = 0; i < 100; i += 1) t.equal(pretended.work(10), 0);
  t.notOk(pretended.aside.isBeside);
});

t.test('work stands aside for as long as a request takes, and knows for a while that there was one', async (t) => {
  const pretended = new Pretended();
  pretended.count = 1;
  pretended.takeMs = 3;
  t.equal(pretended.work(10), 3);
  pretended.count = 0;
  t.ok(pretended.aside.isBeside);
  t.equal(pretended.work(500), 0);
  t.ok(pretended.aside.isBeside);
  pretended.work(1000);
  t.notOk(pretended.aside.isBeside);
});

t.test('requests that never end leave an eighth of the time, and never stop the work for long', async (t) => {
  const pretended = new Pretended();
  pretended.count = 1;
  t.equal(pretended.work(1), 50);
  for (let i = 0; i < 100; i += 1) t.ok(Math.abs(pretended.work(1) - 7) < 1e-6);
  const began = pretended.atMs;
  for (let i = 0; i < 80_000; i += 1) pretended.work(0.01);
  const share = 800 / (pretended.atMs - began);
  t.ok(share > 0.12 && share < 0.13, `${share}`);
});
