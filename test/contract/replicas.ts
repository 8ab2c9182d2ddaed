import type { Test } from 'tap';
import type { Database, Outcome, Replica, SiteId, Version } from '../../store/contract.ts';
import type { Article, User } from '../../store/documents.ts';
import { canonicalJson } from '../../store/envelope.ts';
import { writeVersion } from '../../store/version.ts';
import type { Engine } from './engine.ts';
import { article, NOON, user } from './samples.ts';
import { openWriter, put, withStore, writtenVer } from './with-store.ts';

const ELSEWHERE = 'elsewher' as SiteId;
const at = (ms: number): Version => writeVersion(NOON + ms, 0, ELSEWHERE);

/** What replication needs of a store beyond reading its changes. */
export async function replicas(t: Test, engine: Engine): Promise<void> {
  await t.test('apply with ifVer replaces only the version that was decided upon', async (t) => {
    await withStore(engine, async (store) => {
      const results = (...docs: Replica<User>[]) => applied(store.users, ...docs);
      t.same(await results({ ...replica('a', at(1), 'one'), ifVer: at(0) }), ['conflict'], 'nothing is there');
      t.equal(await store.users.get('a'), undefined);
      t.same(await results({ ...replica('a', at(1), 'one'), ifVer: null }), ['written'], 'nothing, as expected');
      t.same(await results({ ...replica('a', at(3), 'three'), ifVer: null }), ['conflict'], 'something is there');
      t.same(await results({ ...replica('a', at(3), 'three'), ifVer: at(2) }), ['conflict'], 'another version is');
      t.equal((await store.users.get('a'))?.content.name, 'one');
      t.same(await results({ ...replica('a', at(3), 'three'), ifVer: at(1) }), ['written'], 'the very one');
      const [late] = await results({ ...replica('a', at(2), 'two'), ifVer: at(3) });
      t.equal(late, 'stale', 'the guard holds besides');
      const tombstone = { ...replica('a', at(5), ''), content: null, delAt: NOON, ifVer: at(3) };
      t.same(await results(tombstone), ['written'], 'a deletion');
      t.same(await results({ ...replica('a', at(6), 'six'), ifVer: null }), ['conflict'], 'a tombstone is a document');
      t.same(await results({ ...replica('a', at(6), 'six'), ifVer: at(5) }), ['written']);
      t.equal((await store.users.get('a'))?.content.name, 'six');
    });
  });

  await t.test('apply with ifVer: a conflict does not stop the others', async (t) => {
    await withStore(engine, async (store) => {
      await applied(store.users, replica('b', at(1), 'there'));
      const outcomes = await applied(
        store.users,
        { ...replica('c', at(2), 'c'), ifVer: null },
        { ...replica('b', at(2), 'no'), ifVer: null },
        replica('a', at(2), 'a'),
      );
      t.same(outcomes, ['written', 'conflict', 'written']);
      const names = (await store.users.scan({ limit: 9 })).map(({ content }) => content.name);
      t.same(names, ['a', 'there', 'c']);
    });
  });

  await t.test('of many that replace one version at once, one wins', async (t) => {
    await withStore(engine, async (store, url) => {
      const other = await engine.open(url);
      const writers = await Promise.all([store, other].map((each) => openWriter(each.users)));
      await writers[0]?.apply([replica('a', at(0), 'first')]);
      for (let round = 1; round < 5; round += 1) {
        const ifVer = at(10 * (round - 1));
        const tries = Array.from({ length: 6 }, (_, i) =>
          writers[i % 2]?.apply([{ ...replica('a', at(10 * round), `${round} ${i}`), ifVer }]),
        );
        const outcomes = (await Promise.all(tries)).flatMap((batch) => batch ?? []);
        t.equal(outcomes.filter(({ result }) => result === 'written').length, 1, `round ${round}`);
      }
      for (const writer of writers) await writer.close();
      await other.close();
    });
  });

  await t.test('a note is put with the last of the documents, and with none at all', async (t) => {
    await withStore(engine, async (store) => {
      await using writer = await openWriter(store.users);
      const docs = Array.from({ length: 700 }, (_, i) => replica(`u${i}`, at(i), `user ${i}`));
      await writer.apply(docs, { id: 'checkpoint/a', value: { slots: { 1: 700 } } });
      const first = await store.control.get('checkpoint/a');
      t.same(first?.value, { slots: { 1: 700 } });
      t.equal(await store.users.count(), 700);
      await writer.apply(docs.slice(0, 3), { id: 'checkpoint/a', value: 'again' });
      const second = await store.control.get('checkpoint/a');
      t.equal(second?.value, 'again', 'also where all of them are stale');
      t.ok((second?.rev ?? 0) !== first?.rev);
      t.same(await writer.apply([], { id: 'checkpoint/a', value: null }), []);
      t.same((await store.control.get('checkpoint/a'))?.value, null, 'without any document');
      t.equal(await store.control.put('checkpoint/a', 1, second?.rev ?? -1), null, 'it has a revision of its own');
    });
  });

  await t.test('a note is not put where the documents are refused', async (t) => {
    await withStore(engine, async (store) => {
      await using writer = await openWriter(store.users);
      const bad = { ...replica('a', at(1), 'x'), ver: 'zzz' as Version };
      await t.rejects(writer.apply([bad], { id: 'note', value: 1 }), { code: 'BATCH_INVALID' });
      await store.users.setMode('read-only');
      await t.rejects(writer.apply([replica('a', at(1), 'x')], { id: 'note', value: 1 }), {
        code: 'DATABASE_READ_ONLY',
      });
      await t.rejects(writer.apply([], { id: 'note', value: 1 }), { code: 'DATABASE_READ_ONLY' }, 'nor without any');
      await store.users.setMode('read-write');
      await t.rejects(writer.apply([replica('a', at(1), 'x')], { id: 'note', value: 1 }), { code: 'WRITER_FENCED' });
      await t.rejects(
        writer.apply([], { id: 'note', value: 1 }),
        { code: 'WRITER_FENCED' },
        'a fenced writer moves none',
      );
      t.equal(await store.control.get('note'), undefined);
    });
  });

  await t.test('versions finds what is there, tombstones too', async (t) => {
    await withStore(engine, async (store) => {
      const [a] = await put(store.users, { id: 'a', content: user({ name: 'a' }) });
      const vv = { [ELSEWHERE]: at(7).slice(0, 17), [store.site]: '000000000001-0000' };
      await applied(store.users, { ...replica('b', at(7), ''), content: null, delAt: NOON + 1, vv });
      const found = await store.users.versions(['b', 'a', 'nobody', 'a']);
      t.same([...found.keys()].sort(), ['a', 'b']);
      t.match(found.get('a'), { id: 'a', ver: writtenVer(a), org: store.site, vv: null, delAt: null });
      t.match(found.get('a')?.content, { name: 'a' });
      t.match(found.get('b'), { id: 'b', ver: at(7), org: ELSEWHERE, vv, delAt: NOON + 1, content: null });
      t.ok((found.get('b')?.n ?? 0) > 0);
      t.same(await store.users.versions([]), new Map());
    });
  });

  await t.test('a document that passes from store to store stays what it is', async (t) => {
    await withStore(engine, async (store) => {
      await withStore(engine, async (target) => {
        const text = 'Ünï\u2028 "quoted" \\ud800 \u{1f600}';
        await put(
          store.articles,
          ...Array.from({ length: 30 }, (_, i) => ({ id: `f.${i}`, content: article({ title: `${text} ${i}` }) })),
        );
        await put(store.articles, { id: 'f.3', content: null });
        const sums = await store.articles.bucketSums();
        for (const { slot } of await store.articles.changes.slots()) {
          const { docs } = await store.articles.changes.read(slot, 0, 100);
          for (const { body, content } of docs) {
            if (body !== undefined) t.equal(body, canonicalJson(content), 'a body says what the content says');
          }
          await applied(target.articles, ...docs);
        }
        t.same((await target.articles.bucketSums()).toSorted(byBucket), sums.toSorted(byBucket));
        const there = await target.articles.scan({ limit: 99, deleted: true });
        const here = await store.articles.scan({ limit: 99, deleted: true });
        t.same(there.map(comparable), here.map(comparable));
        t.equal((await target.articles.timeline({ limit: 99 })).length, 29, 'readers find them');
        const [last] = await target.articles.timeline({ limit: 1 });
        t.equal((await target.articles.byNum([last?.num ?? 0])).size, 1);
      });
    });
  });

  await t.test('a body that does not say what the content says is not believed', async (t) => {
    await withStore(engine, async (store) => {
      await put(store.users, { id: 'a', content: user({ name: 'before' }) });
      const doc = (await store.users.versions(['a'])).get('a');
      if (!doc) throw new Error('no document');
      const merged = { ...doc, ver: at(86_400_000 * 3650), content: user({ num: 9, name: 'merged' }) };
      t.same(await applied(store.users, merged), ['written']);
      t.equal((await store.users.get('a'))?.content.name, 'merged');
      const [digest] = (await store.users.digests({ limit: 1, deep: true })).digests;
      t.equal(digest?.sound, true);
    });
  });

  await t.test('an edit over another site’s version keeps its ancestry', async (t) => {
    await withStore(engine, async (store) => {
      await applied(store.users, replica('a', at(1), 'theirs'));
      const ours = writtenVer((await put(store.users, { id: 'a', content: user({ num: 5, name: 'ours' }) }))[0]);
      const doc = await store.users.get('a');
      t.equal(doc?.org, store.site);
      t.same(doc?.vv, { [ELSEWHERE]: at(1).slice(0, 17), [store.site]: ours.slice(0, 17) });
      const again = writtenVer((await put(store.users, { id: 'a', content: null }))[0]);
      const gone = (await store.users.versions(['a'])).get('a');
      t.same(gone?.vv, { [ELSEWHERE]: at(1).slice(0, 17), [store.site]: again.slice(0, 17) }, 'a deletion, too');
      await put(store.users, { id: 'b', content: user() });
      await put(store.users, { id: 'b', content: user({ name: 'mine' }) });
      t.equal((await store.users.get('b'))?.vv, null, 'what only this site edited needs none');
    });
  });

  await t.test('an edit is above the version that it was asked to be above', async (t) => {
    await withStore(engine, async (store) => {
      const above = at(10 * 365 * 86_400_000);
      const [outcome] = await put(store.users, { id: 'a', content: user(), above });
      t.ok(writtenVer(outcome) > above);
    });
  });

  await t.test('a bulk writer writes what any other does', async (t) => {
    await withStore(engine, async (store) => {
      await using writer = await store.articles.openWriter({ owner: 'load', durability: 'lazy', bulk: true });
      const docs = Array.from({ length: 1500 }, (_, i) => articleReplica(`f.${i}`, at(i), i + 1));
      const batches = [0, 500, 1000].map((from) => writer.apply(docs.slice(from, from + 500)));
      t.equal((await Promise.all(batches)).flat().filter(({ result }) => result === 'written').length, 1500);
      await writer.settle();
      let seen = 0;
      for (const { slot, stable } of await store.articles.changes.slots()) {
        const page = await store.articles.changes.read(slot, 0, 2000);
        seen += page.docs.length;
        t.equal(page.through, stable);
      }
      t.equal(seen, 1500);
    });
  });
}

function replica(id: string, ver: Version, name: string, num = 5): Replica<User> {
  return { id, ver, org: ELSEWHERE, vv: null, delAt: null, content: user({ num, name }) };
}

function articleReplica(id: string, ver: Version, num: number): Replica<Article> {
  return { id, ver, org: ELSEWHERE, vv: null, delAt: null, content: article({ num, at: NOON + num }) };
}

async function applied<C>(database: Database<C>, ...docs: Replica<C>[]): Promise<Outcome['result'][]> {
  await using writer = await openWriter(database);
  return (await writer.apply(docs)).map(({ result }) => result);
}

/** All that must be alike in both stores: not the place in their change feeds. */
function comparable({ id, ver, org, vv, delAt, content }: Replica<Article>): unknown {
  return { id, ver, org, vv, delAt, content };
}

function byBucket(x: { b: number }, y: { b: number }): number {
  return x.b - y.b;
}
