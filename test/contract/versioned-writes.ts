import type { Test } from 'tap';
import type { Outcome, Replica, SiteId, Version } from '../../store/contract.ts';
import type { User } from '../../store/documents.ts';
import { integerId } from '../../store/ids.ts';
import { writeVersion } from '../../store/version.ts';
import type { Engine } from './engine.ts';
import { article, NOON, user } from './samples.ts';
import { openWriter, put, rejectsWith, withStore, writtenVer } from './with-store.ts';

const ELSEWHERE = 'elsewher' as SiteId;
const YEAR = 365 * 86_400_000;

export async function versionedWrites(t: Test, engine: Engine): Promise<void> {
  await t.test('edit: compare-and-set', async (t) => {
    await withStore(engine, async (store) => {
      await using writer = await openWriter(store.users);
      const edit = async (id: string, name: string, ifVer?: Version | null) =>
        (await writer.edit([{ id, content: user({ name }), ...(ifVer === undefined ? {} : { ifVer }) }]))[0];
      const unknown = writeVersion(NOON, 0, ELSEWHERE);
      t.same(await edit('a', 'one', unknown), { id: 'a', result: 'conflict' }, 'nothing is there, a version is wanted');
      const one = writtenVer(await edit('a', 'one', null));
      t.same(await edit('a', 'two', null), { id: 'a', result: 'conflict' }, 'create only, but it is there');
      const two = writtenVer(await edit('a', 'two', one));
      t.ok(two > one);
      t.same(await edit('a', 'three', one), { id: 'a', result: 'conflict' }, 'an older version is wanted');
      t.equal((await store.users.get('a'))?.content.name, 'two');
      const three = writtenVer(await edit('a', 'three'));
      t.ok(three > two, 'without ifVer it always goes in');
      const [removed] = await writer.edit([{ id: 'a', content: null, ifVer: three }]);
      t.ok(writtenVer(removed) > three);
      t.ok(writtenVer(await edit('a', 'four', null)) > writtenVer(removed), 'create only, over a tombstone');
    });
  });

  await t.test('edit: outcomes come in the order of the edits, a conflict does not stop the others', async (t) => {
    await withStore(engine, async (store) => {
      await put(store.users, { id: 'b', content: user({ name: 'there' }) });
      const outcomes = await put(
        store.users,
        { id: 'c', content: user({ name: 'c' }) },
        { id: 'b', content: user({ name: 'no' }), ifVer: null },
        { id: 'a', content: user({ name: 'a' }) },
      );
      t.same(
        outcomes.map((outcome) => [outcome.id, outcome.result]),
        [
          ['c', 'written'],
          ['b', 'conflict'],
          ['a', 'written'],
        ],
      );
      t.equal((await store.users.get('b'))?.content.name, 'there');
      t.equal((await store.users.get('a'))?.content.name, 'a');
      t.same(await put(store.users), [], 'an empty batch is fine');
    });
  });

  await t.test('edit: always newer than what is there, whatever the clocks say', async (t) => {
    let now = NOON;
    await withStore(
      engine,
      async (store) => {
        const first = writtenVer((await put(store.users, { id: 'a', content: user({ name: 'noon' }) }))[0]);
        now -= YEAR;
        const second = writtenVer((await put(store.users, { id: 'a', content: user({ name: 'last year' }) }))[0]);
        t.ok(second > first, 'after this clock jumped back');
        const ahead = writeVersion(NOON + 10 * YEAR, 7, ELSEWHERE);
        await apply(store.users, replica('a', ahead, 'ahead'));
        t.equal((await store.users.get('a'))?.content.name, 'ahead');
        const third = writtenVer((await put(store.users, { id: 'a', content: user({ name: 'here' }) }))[0]);
        t.ok(third > ahead, 'over a version of a clock ten years ahead');
        const doc = await store.users.get('a');
        t.equal(doc?.content.name, 'here');
        t.equal(doc?.ver, third);
        t.equal(doc?.org, store.site);
        const [gone] = await put(store.users, { id: 'a', content: null });
        t.ok(writtenVer(gone) > third, 'and so is a deletion');
      },
      { clock: () => now },
    );
  });

  await t.test('edit: newer even in a store that was opened after the clock was set back', async (t) => {
    const { url, cleanup } = await engine.fresh();
    const before = await engine.open(url, { clock: () => NOON + YEAR });
    const first = writtenVer((await put(before.users, { id: 'a', content: user() }))[0]);
    await before.close();
    const after = await engine.open(url, { clock: () => NOON });
    const [outcome] = await put(after.users, { id: 'a', content: user({ name: 'later' }) });
    t.ok(writtenVer(outcome) > first);
    t.equal((await after.users.get('a'))?.content.name, 'later');
    await after.close();
    await cleanup();
  });

  await t.test('apply: keeps version and origin; stale ones are dropped', async (t) => {
    await withStore(engine, async (store) => {
      const old = writeVersion(NOON, 1, ELSEWHERE);
      const mid = writeVersion(NOON, 2, ELSEWHERE);
      const late = writeVersion(NOON + 1, 0, ELSEWHERE);
      const results = async (...replicas: Replica<User>[]) =>
        (await apply(store.users, ...replicas)).map((outcome) => outcome.result);
      t.same(await results(replica('a', mid, 'mid')), ['written']);
      t.same(await results(replica('a', mid, 'mid')), ['stale'], 'twice');
      t.same(await results(replica('a', old, 'old'), replica('b', old, 'other')), ['stale', 'written'], 'out of order');
      const doc = await store.users.get('a');
      t.same([doc?.ver, doc?.org, doc?.content.name], [mid, ELSEWHERE, 'mid']);
      t.same(await results({ id: 'a', ver: late, org: ELSEWHERE, vv: null, delAt: NOON + 5, content: null }), [
        'written',
      ]);
      t.equal(await store.users.get('a'), undefined, 'a deletion is applied');
      t.same(await results(replica('a', mid, 'mid')), ['stale'], 'and what it deleted does not come back');
      const [tombstone] = await store.users.scan({ limit: 1, deleted: true });
      t.same([tombstone?.ver, tombstone?.org, tombstone?.delAt], [late, ELSEWHERE, NOON + 5]);
    });
  });

  await t.test('apply: a version vector and a number of another site are kept as they are', async (t) => {
    await withStore(engine, async (store) => {
      const ver = writeVersion(NOON, 1, ELSEWHERE);
      const vv = { [ELSEWHERE]: ver.slice(0, 17), zzzzzzzz: '000000000001-0000' };
      await apply(store.users, { ...replica('a', ver, 'x', 77), vv });
      t.same((await store.users.get('a'))?.vv, vv);
      t.equal((await store.users.get('a'))?.content.num, 77);
      const mine = writtenVer((await put(store.users, { id: 'a', content: user({ num: 77, name: 'y' }) }))[0]);
      t.same((await store.users.get('a'))?.vv, { ...vv, [store.site]: mine.slice(0, 17) }, 'a local edit adds itself');
    });
  });

  await t.test('integer ids: 0 becomes a number that is unique and stays', async (t) => {
    await withStore(
      engine,
      async (store) => {
        const ids = Array.from({ length: 700 }, (_, i) => `f.${i}`);
        const outcomes = await put(store.articles, ...ids.map((id) => ({ id, content: article(), ifVer: null })));
        const docs = await store.articles.getMany(ids);
        const nums = ids.map((id) => docs.get(id)?.content.num ?? 0);
        t.ok(nums.every((num) => Number.isSafeInteger(num) && num >= integerId(NOON, 0, 0)));
        t.equal(new Set(nums).size, ids.length, 'unique');
        t.equal(outcomes.filter((outcome) => outcome.result === 'written').length, ids.length);
        const num = docs.get('f.3')?.content.num ?? 0;
        await put(store.articles, { id: 'f.3', content: article({ num, title: 'carried' }) });
        t.equal((await store.articles.get('f.3'))?.content.num, num, 'an edit that carries it keeps it');
        await put(store.articles, { id: 'f.3', content: article({ num: 0, title: 'not carried' }) });
        t.equal((await store.articles.get('f.3'))?.content.num, num, 'and so does one that says 0');
      },
      { clock: () => NOON },
    );
  });

  await t.test('integer ids grow with arrival, also where the clock jumps back or another store writes', async (t) => {
    await withStore(
      engine,
      async (store, url) => {
        const arrived: number[][] = [];
        const arrive = async (into: typeof store): Promise<void> => {
          const ids = Array.from({ length: 300 }, (_, i) => `f.${arrived.length}.${i}`);
          await put(into.articles, ...ids.map((id) => ({ id, content: article() })));
          const docs = await into.articles.getMany(ids);
          arrived.push(ids.map((id) => docs.get(id)?.content.num ?? 0).sort((a, b) => a - b));
        };
        await arrive(store);
        await using anHourBack = await engine.open(url, { clock: () => NOON - 3_600_000 });
        await arrive(anHourBack);
        await arrive(store);
        const nums = arrived.flat();
        t.same(
          nums,
          [...new Set(nums)].sort((a, b) => a - b),
          'each batch is above the one before',
        );
      },
      { clock: () => NOON },
    );
  });

  await t.test('concurrent edits of one document with ifVer: exactly one wins', async (t) => {
    await withStore(engine, async (store, url) => {
      const other = await engine.open(url);
      const writers = await Promise.all([store, store, other, other].map((s) => openWriter(s.users)));
      let ver: Version | null = null;
      for (let round = 0; round < 5; round += 1) {
        const tries = writers.flatMap((writer, w) =>
          [1, 2].map((k) => writer.edit([{ id: 'a', content: user({ name: `${round} ${w} ${k}` }), ifVer: ver }])),
        );
        const outcomes: Outcome[] = (await Promise.all(tries)).flat();
        const won = outcomes.filter((outcome) => outcome.result === 'written');
        t.equal(won.length, 1, `round ${round}`);
        ver = writtenVer(won[0]);
        t.equal((await store.users.get('a'))?.ver, ver);
      }
      for (const writer of writers) await writer.close();
      await other.close();
    });
  });

  await t.test('concurrent edits without ifVer all go in, and the last version is there', async (t) => {
    await withStore(engine, async (store, url) => {
      const other = await engine.open(url);
      const writers = await Promise.all([store, other].map((s) => openWriter(s.users)));
      const tries = Array.from({ length: 20 }, (_, i) =>
        writers[i % 2]?.edit([{ id: 'a', content: user({ name: `try ${i}` }) }]),
      );
      const outcomes = (await Promise.all(tries)).flatMap((batch) => batch ?? []);
      const vers = outcomes.map(writtenVer).sort();
      t.equal(vers.length, 20);
      t.equal((await store.users.get('a'))?.ver, vers.at(-1));
      for (const writer of writers) await writer.close();
      await other.close();
    });
  });

  await t.test('a batch that can’t be stored is refused whole', async (t) => {
    await withStore(engine, async (store) => {
      await using writer = await openWriter(store.users);
      const refused = (id: string, content: unknown, title: string) =>
        rejectsWith(
          t,
          writer.edit([
            { id: 'good', content: user() },
            { id, content: content as User },
          ]),
          'BATCH_INVALID',
          title,
        );
      await refused('good', user(), 'an id twice');
      await refused('', user(), 'an empty id');
      await refused('a\0b', user(), 'NUL in an id');
      await refused('\ud83d', user(), 'half a character in an id');
      await refused('x'.repeat(600), user(), 'a long id');
      await refused('a', { ...user(), ver: 'x' }, 'a field of the envelope');
      await refused('a', { ...user(), _id: 'x' }, 'another');
      await refused('a', { ...user(), name: undefined }, 'undefined');
      await refused('a', { ...user(), name: [Number.NaN] }, 'not a number');
      await refused('a', 'text', 'no object');
      await refused('a', user({ name: 'é'.repeat(4_200_000) }), 'above 8 MiB');
      const twice = replica('a', writeVersion(NOON, 1, ELSEWHERE), 'x');
      await rejectsWith(t, writer.apply([twice, twice]), 'BATCH_INVALID', 'a replica twice');
      const bad = { ...twice, ver: 'zzz' as Version };
      await rejectsWith(t, writer.apply([bad]), 'BATCH_INVALID', 'a malformed version');
      t.equal(await store.users.count(), 0, 'nothing was written');
      await writer.edit([{ id: 'good', content: user() }]);
      t.equal(await store.users.count(), 1, 'and the writer goes on');
    });
  });
}

function replica(id: string, ver: Version, name: string, num = 5): Replica<User> {
  return { id, ver, org: ELSEWHERE, vv: null, delAt: null, content: user({ num, name }) };
}

async function apply(
  database: Parameters<typeof openWriter<User>>[0],
  ...replicas: Replica<User>[]
): Promise<Outcome[]> {
  await using writer = await openWriter(database);
  return await writer.apply(replicas);
}
