import t from 'tap';
import type { Applied } from '../../../replicator/verify/ends.ts';
import { decideRepair } from '../../../replicator/verify/repair-rules.ts';
import { bucketGroups, differingBuckets, type Pair, standingOf } from '../../../replicator/verify/standing.ts';
import type { Digest, Version } from '../../../store/contract.ts';

const NOTHING: Applied = { there: null, back: null };

function digest(clock: number, over: Partial<Digest> = {}): Digest {
  const ver = `${String(clock).padStart(12, '0')}-0000-aaaaaaaa` as Version;
  return { id: 'x', ver, deleted: false, slot: 1, n: clock, h1: clock, h2: 2, h3: 3, sound: null, ...over };
}

const PAIRS: readonly [title: string, pair: Pair, applied: Applied, standing: string][] = [
  ['nowhere', { source: null, destination: null }, NOTHING, 'equal'],
  ['the same', { source: digest(5), destination: digest(5) }, NOTHING, 'equal'],
  ['at other places', { source: digest(5), destination: digest(5, { n: 9, slot: 2 }) }, NOTHING, 'equal'],
  ['not there', { source: digest(5), destination: null }, NOTHING, 'missing'],
  ['not there yet', { source: digest(5), destination: null }, { there: { 1: 4 }, back: null }, 'in-flight'],
  [
    'of a slot that nobody read',
    { source: digest(5), destination: null },
    { there: { 2: 9 }, back: null },
    'in-flight',
  ],
  ['not there any more', { source: digest(5), destination: null }, { there: { 1: 5 }, back: null }, 'missing'],
  ['a deletion not there', { source: digest(5, { deleted: true }), destination: null }, NOTHING, 'missing'],
  ['older', { source: digest(5), destination: digest(4) }, NOTHING, 'older'],
  ['older yet', { source: digest(5), destination: digest(4) }, { there: { 1: 4 }, back: null }, 'in-flight'],
  ['older and deleted', { source: digest(5), destination: digest(4, { deleted: true }) }, NOTHING, 'deleted'],
  ['deleted here only', { source: digest(5, { deleted: true }), destination: digest(5) }, NOTHING, 'undeleted'],
  ['not here', { source: null, destination: digest(5) }, { there: { 1: 9 }, back: null }, 'extra'],
  ['not here yet', { source: null, destination: digest(5) }, { there: null, back: { 1: 4 } }, 'in-flight'],
  ['newer', { source: digest(4), destination: digest(5) }, { there: { 1: 9 }, back: null }, 'newer'],
  [
    'newer, on its way back',
    { source: digest(4), destination: digest(5) },
    { there: null, back: { 1: 4 } },
    'in-flight',
  ],
  ['other words', { source: digest(5), destination: digest(5, { h3: 9 }) }, NOTHING, 'content'],
  ['not sound', { source: digest(5), destination: digest(5, { sound: false }) }, NOTHING, 'damaged'],
];

t.test('how a document stands', async (t) => {
  for (const [title, pair, applied, standing] of PAIRS) t.equal(standingOf(pair, applied), standing, title);
});

t.test('buckets that differ are listed in groups that fit', async (t) => {
  const sum = (b: number, count: number, s1 = 1) => ({ b, count, s1, s2: 2, s3: 3 });
  const differing = differingBuckets([sum(7, 3), sum(1, 4), sum(2, 5)], [sum(2, 5), sum(1, 4, 9), sum(9, 6)]);
  t.same(differing, [
    { b: 1, docs: 4 },
    { b: 7, docs: 3 },
    { b: 9, docs: 6 },
  ]);
  const groups = bucketGroups([...differing, { b: 10, docs: 100 }, { b: 11, docs: 1 }], 8);
  t.same(
    groups.map((group) => group.map(({ b }) => b)),
    [[1, 7], [9], [10], [11]],
  );
});

t.test('what repair does about each', async (t) => {
  const one = { isTwoWay: false, force: false, canEditSource: true };
  const seen = (pair: Pair) => ({ id: 'x', ...pair, standing: standingOf(pair, NOTHING), proven: true });
  const act = (pair: Pair, over: Partial<typeof one> = {}) => decideRepair(seen(pair), { ...one, ...over });
  const missing = { source: digest(5), destination: null };
  const newer = { source: digest(4), destination: digest(5) };
  t.equal(act(missing), 'send');
  t.equal(act({ source: digest(5, { sound: false }), destination: null }), 'damaged-source');
  t.equal(act({ source: digest(5, { sound: false }), destination: digest(4) }), 'damaged-source');
  t.equal(act({ source: digest(5, { sound: false }), destination: digest(5) }), 'heal');
  t.equal(
    act({ source: digest(5, { sound: false }), destination: digest(5) }, { canEditSource: false }),
    'source-remote',
  );
  t.equal(act({ source: digest(5), destination: digest(5, { sound: false }) }), 'send');
  t.equal(act(newer), 'only-at-destination');
  t.equal(act(newer, { force: true }), 'force');
  t.equal(act(newer, { force: true, canEditSource: false }), 'source-remote');
  t.equal(act(newer, { isTwoWay: true, force: true }), 'fetch');
  t.equal(act({ source: null, destination: digest(5, { sound: false }) }, { isTwoWay: true }), 'damaged-destination');
});
