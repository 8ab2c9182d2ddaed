import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { CheckedQueue } from '../../../crawler/pause/checked-queue.ts';
import type { Pause } from '../../../crawler/pause/note.ts';
import { PauseWatch } from '../../../crawler/pause/watch.ts';
import { LocalQueue } from '../../../crawler/queue/local.ts';
import { jobs } from '../../contract/queue.ts';

/** Longer than an answer counts as fresh. */
const STALE_MS = 700;

function note(state: Pause['state'], id = 'p1'): Pause {
  const who = { by: 'ops@test', why: '', since: 0, finishMsMax: 0, fencedAt: null, readOnly: [] };
  return { ...who, id, state, shut: state === 'paused' };
}

/** A watch over a note that the test changes; `reads` counts the questions. */
function watched(read?: () => Promise<Pause | undefined>) {
  const there: { note: Pause | undefined; reads: number; told: (string | null)[] } = {
    ...{ note: undefined, reads: 0, told: [] },
  };
  const watch = new PauseWatch({
    read: async () => {
      there.reads += 1;
      return read === undefined ? there.note : await read();
    },
    onChange: (pause) => there.told.push(pause?.id ?? null),
  });
  return { watch, there };
}

function queueOf(watch: PauseWatch): { queue: LocalQueue; checked: CheckedQueue } {
  const queue = new LocalQueue({ clock: Date.now, hosts: { connections: 4, gapMs: 0 } });
  return { queue, checked: new CheckedQueue(queue, watch) };
}

t.test('what was asked a moment ago is not asked for the next claim', async (t) => {
  const { watch, there } = watched();
  const { checked } = queueOf(watch);
  await checked.add(jobs('a/1', 'b/1', 'c/1'));
  for (let i = 0; i < 3; i += 1) t.equal((await checked.claim()).kind, 'claimed');
  t.equal(there.reads, 1);
});

t.test('who did not look for a while asks before the next claim', async (t) => {
  const { watch, there } = watched();
  const { checked } = queueOf(watch);
  await checked.add(jobs('a/1', 'b/1'));
  t.equal((await checked.claim()).kind, 'claimed');
  there.note = note('pausing');
  await sleep(STALE_MS);
  t.same(await checked.claim(), { kind: 'wait', ms: null });
  t.same(there.told, ['p1']);
  t.equal(there.reads, 2);
});

t.test('an answer that lay here while the process was stopped is asked again', async (t) => {
  const answers = [undefined, note('paused')];
  const { watch, there } = watched(async () => {
    // The first took as long as if the process had been stopped.
    if (there.reads === 1) await sleep(STALE_MS);
    return answers[there.reads - 1];
  });
  t.equal(await watch.mayClaim(), false);
  t.equal(there.reads, 2);
});

t.test('a store that always takes long is believed in the end', async (t) => {
  const { watch, there } = watched(async () => {
    await sleep(STALE_MS);
    return undefined;
  });
  t.equal(await watch.mayClaim(), true);
  t.equal(there.reads, 3);
});

t.test('nobody claims who can’t ask', async (t) => {
  const { watch } = watched(async () => {
    throw new Error('no store');
  });
  const { checked, queue } = queueOf(watch);
  await checked.add(jobs('a/1'));
  await t.rejects(checked.claim(), { message: 'no store' });
  t.same(await queue.counts(), { waiting: 1, claimed: 0 });
});

t.test('a claim during which the store went away is given back', async (t) => {
  let isGone = false;
  const { watch } = watched(async () => {
    if (isGone) throw new Error('no store');
    return undefined;
  });
  const { checked, queue } = queueOf(watch);
  const claim = queue.claim.bind(queue);
  queue.claim = async () => {
    isGone = true;
    await sleep(STALE_MS);
    return claim();
  };
  await checked.add(jobs('a/1'));
  await t.rejects(checked.claim(), { message: 'no store' });
  t.same(await queue.counts(), { waiting: 1, claimed: 0 });
});

t.test('a pause that comes during a claim has it given back', async (t) => {
  const { watch, there } = watched();
  const { checked, queue } = queueOf(watch);
  const claim = queue.claim.bind(queue);
  queue.claim = async () => {
    const answer = await claim();
    there.note = note('pausing');
    await watch.look();
    return answer;
  };
  await checked.add(jobs('a/1'));
  t.same(await checked.claim(), { kind: 'wait', ms: null });
  t.same(await queue.counts(), { waiting: 1, claimed: 0 });
});

t.test('another pause is told as one, the same is not told twice', async (t) => {
  const { watch, there } = watched();
  for (const next of [note('pausing'), note('fencing'), note('paused'), note('resuming'), note('pausing', 'p2')]) {
    there.note = next;
    await watch.look();
  }
  there.note = note('running', 'p2');
  await watch.look();
  t.same(there.told, ['p1', 'p2', null]);
});

t.test('a queue that a resume could not reach is let go by whoever finds it', async (t) => {
  const { watch, there } = watched();
  const { checked, queue } = queueOf(watch);
  await checked.add(jobs('a/1'));
  await queue.pause('p1');
  t.equal((await checked.claim()).kind, 'wait');
  t.equal(await queue.pausedBy(), null);
  t.equal((await checked.claim()).kind, 'claimed');

  await queue.pause('p2');
  there.note = note('pausing', 'p2');
  t.same(await checked.claim(), { kind: 'wait', ms: null }, 'but not while there is a pause');
  t.equal(await queue.pausedBy(), 'p2');
});
