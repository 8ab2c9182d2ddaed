import fc from 'fast-check';
import t from 'tap';
import { type Decision, decide, type Side } from '../../../replicator/applying/merge.ts';
import { mergeMarks, mergeStars } from '../../../replicator/applying/merge-states.ts';
import { dominates, union, vectorOf } from '../../../replicator/applying/version-vectors.ts';
import type { Policy } from '../../../replicator/policy.ts';
import { isRead } from '../../../site/marks.ts';
import type { SiteId, Version, Versioned } from '../../../store/contract.ts';
import type { DatabaseName, ReadMark, Star } from '../../../store/documents.ts';
import { canonicalJson } from '../../../store/envelope.ts';
import { writeVersion } from '../../../store/version.ts';
import { testSeed } from '../../contract/random.ts';
import { article } from '../../contract/samples.ts';

const seed = testSeed();
const SITES = ['aaaaaaaa', 'bbbbbbbb', 'cccccccc'] as SiteId[];
const NUM_MAX = 12;

t.before(() => t.comment(`FEEDFERRY_TEST_SEED=${seed}`));

function there(side: Side): Versioned<unknown> {
  return { ...side, slot: 1, n: 1 };
}

/** What stands there after `incoming` met `side`. */
function met(side: Side, incoming: Side, policy: Policy = 'merge', database: DatabaseName = 'states'): Side {
  return decide(there(side), incoming, policy, database).write ?? side;
}

/** An edit of one site that saw nothing of the others. */
function edited(site: number, ms: number, content: unknown): Side {
  const org = SITES[site] as SiteId;
  return { id: 'x', ver: writeVersion(ms, 0, org), org, vv: null, delAt: content === null ? ms : null, content };
}

const nums = fc.uniqueArray(fc.integer({ min: 1, max: NUM_MAX }), { maxLength: 6 });
const marks: fc.Arbitrary<ReadMark> = fc
  .record({ upTo: fc.integer({ min: 0, max: NUM_MAX }), some: nums })
  .map(({ upTo, some }) => ({
    ...{ kind: 'mark', user: 'reader', feed: 'f', upTo },
    read: some.filter((num) => num > upTo).sort((a, b) => a - b),
    unread: some.filter((num) => num <= upTo).sort((a, b) => a - b),
  }));
const stars: fc.Arbitrary<Star> = fc
  .record({ articleNum: fc.nat(3), articleAt: fc.nat(3), starredAt: fc.nat(3) })
  .map((some) => ({ kind: 'star', user: 'reader', feed: 'f', article: 'f.a', ...some }));
const times = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 3, maxLength: 3 });

/** Three edits of one document, of three sites that knew nothing of each other. */
function three<C>(contents: fc.Arbitrary<C>): fc.Arbitrary<[Side, Side, Side]> {
  return fc.tuple(times, contents, contents, contents).map(([at, a, b, c]) => {
    return [edited(0, at[0] ?? 1, a), edited(1, at[1] ?? 2, b), edited(2, at[2] ?? 3, c)];
  });
}

function check<T>(arbitrary: fc.Arbitrary<T>, holds: (value: T) => boolean): void {
  fc.assert(fc.property(arbitrary, holds), { seed, numRuns: 2000 });
}

t.test('two sites that meet the same two versions end with the very same document', async () => {
  for (const policy of ['keep', 'newest', 'merge'] as const) {
    for (const contents of [marks, stars, fc.option<ReadMark | Star>(fc.oneof(marks, stars))]) {
      check(three(contents), ([a, b]) => canonicalJson(met(a, b, policy)) === canonicalJson(met(b, a, policy)));
    }
  }
});

t.test('three concurrent marks or stars merge to the same content and vector in any order', async () => {
  for (const contents of [marks, stars]) {
    check(three<ReadMark | Star>(contents), ([a, b, c]) => {
      const [left, right] = [met(met(a, b), c), met(a, met(b, c))];
      return canonicalJson([left.content, vectorOf(left)]) === canonicalJson([right.content, vectorOf(right)]);
    });
  }
});

t.test('meeting a version again changes nothing', async () => {
  check(three(fc.option<ReadMark | Star>(fc.oneof(marks, stars))), ([a, b]) => {
    const both = met(a, b);
    return [a, b, both].every((seen) => met(both, seen) === both);
  });
});

t.test('what is read in either mark is read after the merge, and nothing else is', async () => {
  check(fc.tuple(marks, marks), ([a, b]) => {
    const { content } = mergeMarks(a, b);
    const all = Array.from({ length: NUM_MAX + 1 }, (_, num) => num);
    return all.every((num) => isRead(content, num) === (isRead(a, num) || isRead(b, num)));
  });
});

t.test('merged marks are in the order and in the places that the site expects', async () => {
  check(fc.tuple(marks, marks), ([a, b]) => {
    const { content } = mergeMarks(a, b);
    const isSorted = (list: number[]) => list.every((num, i) => i === 0 || num > (list[i - 1] ?? 0));
    const isPlaced = content.read.every((num) => num > content.upTo) && content.unread.every((n) => n <= content.upTo);
    return isSorted(content.read) && isSorted(content.unread) && isPlaced;
  });
});

t.test('an article set back to unread stays so, or both marks are listed', async () => {
  check(three(marks), ([a, b]) => {
    const decision = decide(there(a), b, 'merge', 'states');
    const content = (decision.write ?? a).content as ReadMark;
    const wishes = [a, b].flatMap((side) => (side.content as ReadMark).unread);
    return decision.losers.length === 2 || wishes.every((num) => !isRead(content, num));
  });
});

t.test('no concurrent edit is dropped but by the policy `newest`', async () => {
  const contents = fc.option<ReadMark | Star>(fc.oneof(marks, stars));
  check(fc.tuple(three(contents), fc.constantFrom<Policy>('keep', 'merge')), ([[a, b], policy]) => {
    const decision = decide(there(a), b, policy, 'states');
    const after = decision.write ?? a;
    const listed = decision.losers.map(({ ver }) => ver);
    return [a, b].every((side) => isIn(side, after) || listed.includes(side.ver));
  });
});

function isIn(side: Side, after: Side): boolean {
  if (side.ver === after.ver || canonicalJson(side.content) === canonicalJson(after.content)) return true;
  return dominates(vectorOf(after), vectorOf(side));
}

t.test('stars merge to one that is the same whichever comes first', async (t) => {
  check(fc.tuple(stars, stars), ([a, b]) => canonicalJson(mergeStars(a, b)) === canonicalJson(mergeStars(b, a)));
  check(stars, (a) => canonicalJson(mergeStars(a, a)) === canonicalJson(a));
  t.pass();
});

t.test('one version after another is taken without a conflict, whatever the policy', async (t) => {
  const a1 = edited(0, 1, { title: 'one' });
  const b2 = { ...edited(1, 2, { title: 'two' }), vv: union(vectorOf(a1), { bbbbbbbb: '000000000002-0000' }) };
  for (const policy of ['keep', 'newest', 'merge'] as const) {
    t.match(decide(there(a1), b2, policy, 'users'), { write: { ver: b2.ver }, losers: [], isConflict: false });
    t.match(decide(there(b2), a1, policy, 'users'), { write: null, losers: [], isConflict: false });
  }
});

t.test('of two concurrent versions the greater wins, and the policy tells what becomes of the other', async (t) => {
  const [low, high] = [edited(0, 1, { title: 'low' }), edited(1, 2, { title: 'high' })];
  const kept = decide(there(low), high, 'keep', 'subscriptions');
  t.match(kept, { write: { ver: high.ver }, losers: [{ ver: low.ver }], isConflict: true }, 'it was there');
  const came = decide(there(high), low, 'keep', 'subscriptions');
  t.match(came, { write: null, losers: [{ ver: low.ver }], isConflict: true }, 'it came');
  t.match(decide(there(high), low, 'newest', 'feeds'), { write: null, losers: [], isConflict: true });
  t.match(decide(there(low), high, 'merge', 'users').losers, [{ ver: low.ver }], 'no rule to merge users');
});

t.test('a deletion and an edit that knew nothing of each other are a conflict', async (t) => {
  const [star, gone] = [edited(0, 1, { kind: 'star', user: 'reader' }), edited(1, 2, null)];
  t.match(decide(there(star), gone, 'merge', 'states'), { write: { content: null }, losers: [{ ver: star.ver }] });
  t.match(decide(there(gone), star, 'merge', 'states'), { write: null, losers: [{ ver: star.ver }] });
});

t.test('saying the same is no conflict', async (t) => {
  const quiet = { losers: [], isConflict: false };
  t.match(decide(there(edited(0, 1, { a: 1, b: 2 })), edited(1, 2, { b: 2, a: 1 }), 'keep', 'users'), quiet);
  t.match(decide(there(edited(0, 1, null)), edited(1, 2, null), 'keep', 'users'), quiet, 'two deletions');
  const [one, other] = [article({ num: 1, html: '<p>x</p>' }), article({ num: 2, html: '<p>x </p>' })];
  t.match(decide(there(edited(0, 1, one)), edited(1, 2, other), 'keep', 'articles'), quiet, 'one fingerprint');
  const changed = { ...other, fingerprint: 'f1' };
  t.match(decide(there(edited(0, 1, one)), edited(1, 2, changed), 'keep', 'articles'), { isConflict: true });
});

t.test('a merged document is newer than both, knows both, and seems to come from neither site', async (t) => {
  const mark = (upTo: number, read: number[]) => ({ kind: 'mark', user: 'r', feed: 'f', upTo, read, unread: [] });
  const [a, b] = [edited(0, 5, mark(1, [3])), edited(1, 5, mark(1, [4]))];
  const { write } = decide(there(a), b, 'merge', 'states') as Decision & { write: Side };
  t.same(write.content, mark(1, [3, 4]));
  t.ok(write.ver > a.ver && write.ver > b.ver);
  t.same(vectorOf(write), union(vectorOf(a), vectorOf(b)));
  t.notOk(SITES.includes(write.org), 'else the site it names would not be sent it');
  t.match(write.org, /^[a-z0-9]{8}$/);
  t.equal(write.ver.slice(18), write.org);
  const full = edited(1, 5, mark(1, [4]));
  const last = { ...full, ver: writeVersion(5, 0xff80, 'bbbbbbbb' as SiteId) as Version };
  t.match(met(a, last).ver, /^000000000006-0080-/, 'a counter that is full borrows the next millisecond');
});

t.test('a version that knows more wins over one that was merged to a greater number', async (t) => {
  const mark = (read: number[]) => ({ kind: 'mark', user: 'r', feed: 'f', upTo: 0, read, unread: [] });
  const [a, b, c] = [edited(0, 1, mark([1])), edited(1, 5, mark([2])), edited(2, 1, mark([3]))];
  const [all, two] = [met(met(a, c), b), met(b, c)];
  const [less, more] = all.ver > two.ver ? [{ ...two, ver: above(all) }, all] : [two, all];
  const [here, elsewhere] = [met(less, more), met(more, less)];
  t.same(here, elsewhere);
  t.same(here.content, mark([1, 2, 3]));
  t.same(vectorOf(here), vectorOf(more));
  t.ok(here.ver > less.ver && less.ver > more.ver);
});

function above({ ver }: Side): Version {
  return `${ver.slice(0, 18)}zzzzzzzz` as Version;
}
