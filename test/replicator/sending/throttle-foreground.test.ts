import { existsSync } from 'node:fs';
import { getPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { foregroundOf } from '../../../replicator/foreground.ts';
import { GiveWay } from '../../../replicator/sending/throttle-foreground.ts';

const LOOK_MS = 100;

/** A backfill that is busy all the time it does not rest, beside a thread that serves readers. */
class Beside {
  readonly giveWay: GiveWay;
  #now = 0;
  #served = { ranMs: 0, waitedMs: 0 };
  #workedMs = 0;

  constructor() {
    this.giveWay = new GiveWay({ served: () => this.#served, workedMs: () => this.#workedMs });
    this.giveWay.restMs(0);
  }

  /** A look later: the thread ran and waited so long, and the backfill worked so long. Returns its rest. */
  after({ ran = 0, waited = 0, worked = 20 }): number {
    this.#now += LOOK_MS;
    this.#served = { ranMs: this.#served.ranMs + ran, waitedMs: this.#served.waitedMs + waited };
    this.#workedMs += worked;
    return this.giveWay.restMs(this.#now);
  }

  untilHeldBack(): void {
    for (let i = 0; i < 10; i += 1) this.after({ ran: 10, waited: 3 });
  }

  untilFree(): void {
    for (let i = 0; i < 10; i += 1) this.after({});
  }
}

t.test('a backfill beside nobody, and beside readers who wait for nothing, works all the time', async (t) => {
  t.equal(new GiveWay(undefined).restMs(1000), 0);
  const beside = new Beside();
  t.ok(beside.after({}) > 0, 'but for the first moments, when it does not know yet');
  beside.untilFree();
  for (let i = 0; i < 10; i += 1) t.equal(beside.after({}), 0);
  for (let i = 0; i < 10; i += 1) t.equal(beside.after({ ran: 30, waited: 0.3 }), 0);
  t.notOk(beside.giveWay.isHeldBack);
});

t.test('where readers wait for a processor it works an eighth of the time, and no less', async (t) => {
  const beside = new Beside();
  beside.untilFree();
  t.equal(beside.after({ ran: 10, waited: 3, worked: 20 }), 20, 'half of the time at first');
  beside.untilHeldBack();
  t.equal(beside.after({ ran: 10, waited: 10, worked: 20 }), 140);
  t.equal(beside.after({ ran: 10, waited: 10, worked: 2000 }), 250, 'no rest is long');
  t.ok(beside.giveWay.isHeldBack);
});

t.test('it goes faster little by little while readers are served, and soon where nobody is', async (t) => {
  const beside = new Beside();
  beside.untilHeldBack();
  const [before, after] = [beside.after({ ran: 10 }), beside.after({ ran: 10 })];
  t.ok(after < before && after > before * 0.9, `${before} ms, then ${after} ms`);
  for (let i = 0; i < 3; i += 1) beside.after({});
  t.equal(beside.after({}), 0);
  t.notOk(beside.giveWay.isHeldBack);
});

t.test('where it can see requests it stands aside for them, and makes its batches small', async (t) => {
  let looks = 0;
  const now = () => {
    looks += 1;
  };
  const aside = { asideMs: 0, isBeside: false, now };
  const giveWay = new GiveWay({ served: () => undefined, workedMs: () => 0, aside });
  giveWay.between?.();
  giveWay.restMs(0);
  t.equal(looks, 2);
  t.equal(giveWay.batchDocs(500), 500);
  aside.isBeside = true;
  t.equal(giveWay.batchDocs(500), 100);
  t.equal(giveWay.batchDocs(60), 60);
  const blind = new GiveWay(undefined);
  t.equal(blind.between, undefined);
  t.equal(blind.batchDocs(500), 500);
});

t.test('a system that does not tell how long a thread waits holds nothing back', async (t) => {
  let workedMs = 0;
  const giveWay = new GiveWay({ served: () => undefined, workedMs: () => workedMs });
  for (let now = 0; now < 1000; now += LOOK_MS) {
    t.equal(giveWay.restMs(now), 0);
    workedMs += 20;
  }
});

t.test('Linux tells of a thread of any process, and lets one thread alone go last', async (t) => {
  if (!existsSync('/proc/thread-self/schedstat')) return t.pass('elsewhere nothing is told');
  t.ok((foregroundOf(process.pid).served()?.ranMs ?? 0) > 0);
  t.equal(foregroundOf(2 ** 30).served(), undefined, 'a process that is not there');
  const before = getPriority();
  const { href } = new URL('../../../replicator/foreground.ts', import.meta.url);
  const code = `import(${JSON.stringify(href)}).then(({ letOthersGoFirst }) => {
    letOthersGoFirst();
    const thread = Number(require('node:fs').readlinkSync('/proc/thread-self').split('/').at(-1));
    require('node:worker_threads').parentPort.postMessage(require('node:os').getPriority(thread));
  })`;
  const worker = new Worker(code, { eval: true });
  const priority = await new Promise((resolve) => worker.once('message', resolve));
  t.ok(Number(priority) >= Math.max(before, 5), `${priority}`);
  t.equal(getPriority(), before, 'this one is as before');
});
