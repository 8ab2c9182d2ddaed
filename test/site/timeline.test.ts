import t from 'tap';
import { slice } from '../../site/timeline.ts';
import type { Position, Store } from '../../store/contract.ts';
import { addArticles, emptyStore, feedOf } from './made-up.ts';

async function walk(store: Store, feeds: readonly string[], accept: (num: number) => boolean, lookedAtMax: number) {
  const nums: number[] = [];
  let pages = 0;
  let cuts = 0;
  for (let before: Position | null = null; ; pages += 1) {
    const query = { feeds, before, limit: 4, accept: (ref: Position) => accept(ref.num), lookedAtMax };
    const page = await slice(store.articles, query);
    nums.push(...page.refs.map((ref) => ref.num));
    cuts += page.cutShort ? 1 : 0;
    if (page.next === null) return { nums, pages, cuts };
    before = page.next;
  }
}

t.test('a page that has looked at enough ends there, and the next one goes on from there', async (t) => {
  const store = await emptyStore(t);
  const names = Array.from({ length: 40 }, (_, i) => `f${i}`);
  for (const name of names) {
    await addArticles(
      store,
      name,
      Array.from({ length: 25 }, (_, i) => [`a${i}`]),
    );
  }
  const rare = (num: number) => num % 97 === 0;
  for (const feeds of [names, names.slice(0, 5), names.slice(0, 1)]) {
    const ids = feeds.map(feedOf);
    const whole = await walk(store, ids, rare, Number.POSITIVE_INFINITY);
    const cut = await walk(store, ids, rare, 30);
    t.strictSame(cut.nums, whole.nums, `${feeds.length} feeds`);
    t.equal(whole.cuts, 0);
    t.ok(feeds.length === 1 || cut.cuts > 0, `${cut.cuts} pages were cut short`);
  }
});

t.test('nothing is read where nothing can be found', async (t) => {
  const store = await emptyStore(t);
  await addArticles(store, 'one', [['a'], ['b'], ['c']]);
  let looked = 0;
  const accept = () => {
    looked += 1;
    return true;
  };
  const all = { before: null, limit: 10, accept };
  t.strictSame((await slice(store.articles, { ...all, feeds: [] })).refs, []);
  t.equal(looked, 0);
  const one = await slice(store.articles, { ...all, feeds: [feedOf('one')], atMost: 2 });
  t.equal(one.refs.length, 2);
  t.equal(looked, 2, 'it stops when it has found all there are');
  t.equal(one.next, null);
});
