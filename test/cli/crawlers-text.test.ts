import t from 'tap';
import { pauseProgressText, pauseText, resumeText, statusText } from '../../cli/crawlers-text.ts';
import type { Pause } from '../../crawler/pause/note.ts';
import type { AwaitedProcess } from '../../crawler/pause/wait.ts';

const NOON = Date.UTC(2026, 0, 5, 12);
const pause: Pause = {
  ...{ id: 'p1', state: 'paused', shut: true, since: NOON - 120_000, by: 'ops@db1', why: 'new\u001b[2J disks' },
  ...{ finishMsMax: 30_000, fencedAt: NOON, readOnly: [] },
};
const one = { id: 'a', command: 'serve', host: 'web1', pid: 12, inFlight: 0, inFlightThen: 3, givenBack: 1 };
const processes: AwaitedProcess[] = [
  { ...one, answer: 'stopped' },
  { ...one, host: 'web2', answer: 'silent' },
  { ...one, host: 'web3', answer: 'ending', inFlight: 2 },
];

t.test('a pause tells whom it waited for, what was in flight, and the proof', async (t) => {
  const slots = [
    { database: 'articles', slot: 1, epoch: 4, owner: '' },
    { database: 'feeds', slot: 2, epoch: 9, owner: 'feeds add' },
  ] as const;
  const fenced = [{ database: 'articles', slot: 1, epoch: 3, owner: 'crawler: serve' }] as const;
  const queue = { pausedBy: 'p1', claimed: 0, waiting: 1200, reclaimed: 2 } as const;
  const proof = { waited: { ms: 4_000, processes }, fenced, slots, queue, readOnly: ['articles', 'feeds'] } as const;
  t.equal(
    pauseText({ pause, isAlready: true, proof }, NOON),
    `The crawlers were paused already, 2 min ago by ops@db1: new [2J disks
waited 4 s for 3 crawlers with 6 in flight
  serve on web1 (process 12): stopped, 2 ended, 1 given back
  serve on web2 (process 12): said nothing: dead or stopped, and fenced
  serve on web3 (process 12): 2 still in flight: fenced
fenced 1 open writer
  articles slot 1, epoch 3: crawler: serve
slots now, none of them a crawler’s, and the store leases none to one
  articles slot 1, epoch 4: free
  feeds slot 2, epoch 9: feeds add
queue: paused, 0 in flight, 1,200 feeds waiting, 2 taken back
read-only: articles, feeds
No crawler can write until \`feedferry crawlers resume\`.
`,
  );
});

t.test('a pause without a proof says what is missing; one that was proven before says so', async (t) => {
  const unproven: Pause = { ...pause, why: '', state: 'pausing', fencedAt: null };
  t.match(
    pauseText({ pause: unproven, isAlready: false, proof: null }, NOON),
    /^The crawlers are paused\n.*--wait\n$/s,
  );
  t.match(pauseText({ pause, isAlready: true, proof: null }, NOON), /proven at 2026-01-05 12:00:00Z\.\n$/);
});

t.test('progress tells for how many it waits', async (t) => {
  const progress = { processes, inFlight: 2, waitedMs: 3_000, limitMs: 30_000 };
  t.equal(pauseProgressText(progress), 'waiting for 1 of 3 crawlers: 2 in flight, 3 s of 30 s');
  t.match(pauseProgressText({ ...progress, processes: [], inFlight: 0 }), /^looking for crawlers: 0 in flight/);
});

t.test('a resume tells what it set back, and what it left', async (t) => {
  const left = { databases: ['articles', 'feeds'], why: 'this site is a replica of abc, epoch 2' } as const;
  t.equal(
    resumeText({ ended: pause, readWrite: [], left, crawling: null }, NOON),
    'The crawlers go on; they were paused 2 min ago by ops@db1.\nleft read-only: articles, feeds, as this site is a replica of abc, epoch 2\n',
  );
  t.equal(
    resumeText({ ended: null, readWrite: [], left: null, crawling: null }, NOON),
    'The crawlers were not paused.\n',
  );
});

t.test('a status fits the terminal', async (t) => {
  const about = {
    version: '1.0.0',
    queue: 'local:',
    startedAt: NOON,
    pause: 'p1',
    waiting: 0,
    state: 'paused',
  } as const;
  const text = statusText(
    {
      ...{ state: 'pausing', sentence: 'pausing: nothing is claimed any more; '.repeat(3), note: pause, inFlight: 2 },
      ...{ nextDueAt: NOON + 60_000, modes: { articles: 'read-write', feeds: 'read-only' }, writers: [] },
      processes: [
        { ...one, ...about, seenAt: NOON - 2_000, isSeen: true },
        { ...one, ...about, host: 'a-machine-with-a-long-name.example', seenAt: NOON - 9e7, isSeen: false },
      ],
      queue: { waiting: 5, claimed: 0, isPaused: true },
      queueError: { code: 'CRAWL_QUEUE_UNREACHABLE', message: 'The queue does not answer '.repeat(4) },
    },
    80,
    NOON,
  );
  t.ok(
    text.split('\n').every((line) => line.length <= 80),
    text,
  );
  t.match(text, /Queue {6}paused, 0 in flight, 5 feeds waiting/);
  t.match(text, /CRAWL_QUEUE_UNREACHABLE: The queue does not answer/);
  t.match(text, /gone\?/);
});
