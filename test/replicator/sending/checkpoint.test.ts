import t from 'tap';
import {
  type Checkpoint,
  checkpointOf,
  HISTORY_MAX,
  historyBefore,
  resumeFrom,
} from '../../../replicator/checkpoint.ts';
import type { Vector } from '../../../replicator/vector.ts';

/** What one end kept of these sessions, the newest first. */
function kept(...sessions: readonly (readonly [string, Vector])[]): Checkpoint | null {
  const [newest, ...older] = sessions;
  if (!newest) return null;
  const before = older.map(([session, vector]) => ({ session, vector, at: 0 }));
  return checkpointOf(newest[0], newest[1], {}, before, 0);
}

const CASES: readonly (readonly [string, Checkpoint | null, Checkpoint | null, Vector | null])[] = [
  ['neither end knows anything: from the beginning', null, null, null],
  ['a destination that lost everything', null, kept(['s', { 1: 9 }]), null],
  ['a source that forgot, or wants it so', kept(['s', { 1: 9 }]), null, null],
  ['both know the session: where both have been', kept(['s', { 1: 9 }]), kept(['s', { 1: 7 }]), { 1: 7 }],
  ['each slot for itself', kept(['s', { 1: 9, 2: 3 }]), kept(['s', { 1: 7, 2: 5 }]), { 1: 7, 2: 3 }],
  ['a slot that one end does not know', kept(['s', { 1: 9, 2: 3 }]), kept(['s', { 1: 9 }]), { 1: 9 }],
  [
    'a destination that was set back: the last session that it remembers',
    kept(['one', { 1: 5 }]),
    kept(['three', { 1: 30 }], ['two', { 1: 20 }], ['one', { 1: 6 }]),
    { 1: 5 },
  ],
  [
    'a source that was set back',
    kept(['three', { 1: 30 }], ['two', { 1: 20 }], ['one', { 1: 10 }]),
    kept(['two', { 1: 12 }], ['one', { 1: 10 }]),
    { 1: 12 },
  ],
  ['ends that never met', kept(['mine', { 1: 5 }]), kept(['yours', { 1: 6 }]), null],
];

for (const [title, atDestination, atSource, expected] of CASES) {
  t.test(title, async (t) => t.strictSame(resumeFrom(atDestination, atSource), expected));
}

t.test('the history holds each session once, the newest first, and no more than it may', async (t) => {
  let note: Checkpoint | null = null;
  for (let i = 0; i < HISTORY_MAX + 10; i += 1) {
    for (const n of [i, i + 0.5]) note = checkpointOf(`s${i}`, { 1: n }, {}, historyBefore(`s${i}`, note), n);
  }
  t.equal(note?.history.length, HISTORY_MAX);
  t.strictSame(
    note?.history.slice(0, 2).map(({ session, vector }) => [session, vector]),
    [
      ['s29', { 1: 29.5 }],
      ['s28', { 1: 28.5 }],
    ],
  );
});
