import type { Test } from 'tap';
import type { ArticleRef, Position } from '../../store/contract.ts';
import type { Engine } from './engine.ts';
import { article, NOON } from './samples.ts';
import { put, withStore } from './with-store.ts';

export async function articleQueries(t: Test, engine: Engine): Promise<void> {
  await t.test('known tells version, number, time and fingerprint of those that are there', async (t) => {
    await withStore(engine, async (store) => {
      await put(
        store.articles,
        { id: 'f.a', content: article({ num: 11, at: NOON + 1, fingerprint: 'fa' }) },
        { id: 'f.b', content: article({ num: 12, fingerprint: 'fb' }) },
        { id: 'f.c', content: article({ num: 13 }) },
      );
      await put(store.articles, { id: 'f.b', content: null });
      const known = await store.articles.known(['f.a', 'f.b', 'f.x']);
      const ver = (await store.articles.get('f.a'))?.ver;
      t.same([...known], [['f.a', { id: 'f.a', ver, num: 11, at: NOON + 1, fingerprint: 'fa' }]]);
      t.equal((await store.articles.known([])).size, 0);
      const many = Array.from({ length: 3000 }, (_, i) => `x${i}`);
      t.equal((await store.articles.known([...many, 'f.c'])).size, 1);
    });
  });

  await t.test(
    'the timeline goes newest first, by time and then number, and pages without gap or repeat',
    async (t) => {
      await withStore(engine, async (store) => {
        const placed: ArticleRef[] = [];
        for (let i = 0; i < 40; i += 1)
          placed.push({ id: `f${i % 3}.${i}`, feed: `f${i % 3}`, num: 1000 + i, at: NOON + ((i * 7) % 5) });
        await put(store.articles, ...placed.map(({ id, ...place }) => ({ id, content: article(place) })));
        const gone = placed[8];
        await put(store.articles, { id: gone?.id ?? '', content: null });
        const expected = placed.filter((ref) => ref !== gone).toSorted((x, y) => y.at - x.at || y.num - x.num);
        const walk = async (feed?: string) => {
          const walked: ArticleRef[] = [];
          let before: Position | undefined;
          for (;;) {
            const page = await store.articles.timeline({
              limit: 7,
              ...(feed === undefined ? {} : { feed }),
              ...(before ? { before } : {}),
            });
            walked.push(...page);
            const last = page.at(-1);
            if (!last) return walked;
            before = { at: last.at, num: last.num };
          }
        };
        t.same(await walk(), expected);
        const ofOne = expected.filter((ref) => ref.feed === 'f1');
        t.same(await walk('f1'), ofOne);
        t.same(await walk('nobody'), []);
        const moved = expected.at(-1);
        if (moved) await put(store.articles, { id: moved.id, content: article({ ...moved, at: NOON + 99 }) });
        t.equal((await store.articles.timeline({ limit: 1 }))[0]?.id, moved?.id, 'an edit moves it');
      });
    },
  );

  await t.test('countAbove counts by feed what came after a mark', async (t) => {
    await withStore(engine, async (store) => {
      const numbers = { f1: [1, 5, 9], f2: [2, 3], f3: [4] };
      for (const [feed, nums] of Object.entries(numbers))
        await put(store.articles, ...nums.map((num) => ({ id: `${feed}.${num}`, content: article({ feed, num }) })));
      await put(store.articles, { id: 'f1.9', content: null });
      const marks = [
        { feed: 'f1', num: 1 },
        { feed: 'f2', num: 0 },
        { feed: 'f3', num: 4 },
        { feed: 'f4', num: 0 },
      ];
      t.same([...(await store.articles.countAbove(marks))].sort(), [
        ['f1', 1],
        ['f2', 2],
        ['f3', 0],
        ['f4', 0],
      ]);
      t.equal((await store.articles.countAbove([])).size, 0);
      const many = Array.from({ length: 3000 }, (_, i) => ({ feed: `x${i}`, num: 0 }));
      t.equal((await store.articles.countAbove(many)).size, 3000);
    });
  });

  await t.test('byNum finds articles by their integer ids', async (t) => {
    await withStore(engine, async (store) => {
      const big = 2 ** 53 - 1;
      await put(
        store.articles,
        { id: 'f.a', content: article({ feed: 'f', num: big, at: 5 }) },
        { id: 'f.b', content: article({ feed: 'f', num: 7 }) },
      );
      await put(store.articles, { id: 'f.b', content: null });
      t.same([...(await store.articles.byNum([big, 7, 8]))], [[big, { id: 'f.a', feed: 'f', num: big, at: 5 }]]);
      t.equal((await store.articles.byNum([])).size, 0);
    });
  });
}
