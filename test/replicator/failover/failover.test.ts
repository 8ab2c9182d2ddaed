import { join } from 'node:path';
import t from 'tap';
import { demote, promote } from '../../../replicator/failover/failover.ts';
import { FENCED_NOTE, fenceSource } from '../../../replicator/failover/fence-source.ts';
import { rejoin } from '../../../replicator/failover/rejoin.ts';
import { DEFAULT_POLICIES } from '../../../replicator/policy.ts';
import type { ReplicatedStore } from '../../../replicator/replicated-store.ts';
import { ROLE_NOTE, readRole } from '../../../replicator/role.ts';
import { realRuntime as runtime } from '../../../replicator/runtime.ts';
import type { Hello } from '../../../replicator/target.ts';
import type { Store } from '../../../store/contract.ts';
import { DATABASE_NAMES } from '../../../store/documents.ts';
import { codeOf } from '../../../store/errors.ts';
import { article, user } from '../../contract/samples.ts';
import { failureOf, put } from '../../contract/with-store.ts';
import { differences, putArticles, sqlitePair, start, targetOf } from '../sending/pair.ts';

function helloOf(store: Store, over: Partial<Hello> = {}): Hello {
  return {
    ...{ session: 's', site: store.site, epoch: 0, direction: 'one-way', databases: DATABASE_NAMES },
    ...{ policies: DEFAULT_POLICIES, adopt: false, docsToDo: 0 },
    ...over,
  };
}

async function modesOf(store: Store): Promise<string[]> {
  return await Promise.all(DATABASE_NAMES.map((name) => store.database(name).mode()));
}

/** `a` with a replica `b` that has all of it. */
async function withReplica() {
  const pair = await sqlitePair();
  await putArticles(pair.a, 'x', 20);
  await start(pair.a, pair.b, { once: true }).ended;
  return pair;
}

t.test('a replica that is promoted lets edits in, and shuts its old primary out', async (t) => {
  await using pair = await withReplica();
  const { a, b } = pair;
  await using target = targetOf(b);
  await using session = await target.connect(helloOf(a));
  t.equal(await failureOf(put(b.users, { id: 'u', content: user() })), 'DATABASE_READ_ONLY', 'a replica');
  t.match(await promote(b, { runtime }), { site: b.site, epoch: 1, was: { role: 'replica' }, isAlready: false });
  t.match(await readRole(b.control), { role: 'primary', epoch: 1 });
  t.same(new Set(await modesOf(b)), new Set(['read-write']));
  await put(b.users, { id: 'u', content: user() });
  const late = session.push({
    ...{ database: 'articles', checkpoint: null, caughtUp: false },
    docs: [...(await a.articles.versions(['x1'])).values()].map((doc) => ({ ...doc, id: 'late' })),
  });
  t.equal(await failureOf(late), 'WRITER_FENCED', 'a sender that was admitted before');
  t.equal(await failureOf(target.connect(helloOf(a))), 'REPLICATION_EPOCH_OLDER', 'one that comes after');
  t.notOk(await b.articles.get('late'));
});

t.test('promoting twice raises the epoch once', async (t) => {
  await using pair = await withReplica();
  await promote(pair.b, { runtime });
  t.match(await promote(pair.b, { runtime }), { epoch: 1, isAlready: true });
  t.match(await promote(pair.a, { runtime }), { epoch: 0, isAlready: true }, 'and a primary stays what it is');
});

/** A store that dies at the nth change of a mode or role. */
function dying(store: Store, after: number): ReplicatedStore {
  let left = after;
  const count = () => {
    left -= 1;
    if (left < 0) throw new Error('killed');
  };
  return {
    ...{ url: store.url, site: store.site, control: watched(store.control, 'put', count) },
    database: (name) => watched(store.database(name), 'setMode', count) as ReturnType<ReplicatedStore['database']>,
  };
}

function watched<T extends object>(object: T, method: keyof T, before: () => void): T {
  return new Proxy(object, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (key !== method) return value.bind(target);
      return async (...args: unknown[]) => {
        before();
        return await value.apply(target, args);
      };
    },
  });
}

t.test('a promotion that was killed anywhere is finished by the next', async (t) => {
  for (let after = 0; after <= DATABASE_NAMES.length; after += 1) {
    await using pair = await withReplica();
    t.match(await failureOf(promote(dying(pair.b, after), { runtime })), /killed/);
    t.match(await promote(pair.b, { runtime }), { epoch: 1, isAlready: false });
    t.same(new Set(await modesOf(pair.b)), new Set(['read-write']));
  }
});

t.test('nobody comes back to a primary whose promotion was killed, until that was run again', async (t) => {
  await using pair = await withReplica();
  const { a, b } = pair;
  t.match(await failureOf(promote(dying(b, 3), { runtime })), /killed/);
  t.match(await readRole(b.control), { role: 'primary', unfinished: true });
  await using target = targetOf(b);
  const exportPath = join(t.testdir(), 'unseen.jsonl');
  const back = () => rejoin({ store: a, target, exportPath, policies: DEFAULT_POLICIES, runtime });
  t.equal(await failureOf(back()), 'REJOIN_NOT_PRIMARY');
  await promote(b, { runtime });
  t.notOk((await readRole(b.control)).unfinished);
  t.match(await back(), { primary: b.site });
});

t.test('a demotion that was killed anywhere is finished by the next', async (t) => {
  for (let after = 0; after <= DATABASE_NAMES.length; after += 1) {
    await using pair = await withReplica();
    t.match(await failureOf(demote(dying(pair.a, after), { runtime })), /killed/);
    t.match(await demote(pair.a, { runtime }), { was: { role: 'primary' }, isAlready: false });
    t.same(new Set(await modesOf(pair.a)), new Set(['read-only']));
  }
});

t.test('a primary that was replaced is promoted only above the one that replaced it', async (t) => {
  await using pair = await withReplica();
  const { a } = pair;
  await fenceSource(a, DATABASE_NAMES, 'the destination has epoch 1', 0);
  t.equal(await failureOf(promote(a, { runtime })), 'PROMOTE_FENCED');
  t.equal(await failureOf(promote(a, { runtime, epoch: 0 })), 'PROMOTE_EPOCH_LOW');
  t.equal(await failureOf(promote(a, { runtime, epoch: 1.5 })), 'PROMOTE_EPOCH_LOW');
  t.same(new Set(await modesOf(a)), new Set(['read-only']), 'until then it writes nothing');
  t.match(await promote(a, { runtime, epoch: 2 }), { epoch: 2, isAlready: false });
  t.same(new Set(await modesOf(a)), new Set(['read-write']));
  t.equal(await a.control.get(FENCED_NOTE), undefined);
  await put(a.articles, { id: 'y', content: article() });
});

t.test('raising the epoch of a primary fences who wrote there, too', async (t) => {
  await using pair = await sqlitePair();
  await using writer = await pair.a.articles.openWriter({ owner: 'a sender', durability: 'lazy' });
  await promote(pair.a, { runtime, epoch: 5 });
  t.equal(await failureOf(writer.edit([{ id: 'x', content: article() }])), 'WRITER_FENCED');
});

t.test('planned: demoted, drained, the other promoted, and replicated back', async (t) => {
  await using pair = await withReplica();
  const { a, b } = pair;
  await putArticles(a, 'y', 5);
  await using writer = await a.users.openWriter({ owner: 'site', durability: 'sync' });
  await demote(a, { runtime });
  t.match(await failureOf(writer.edit([{ id: 'u', content: user() }])), /DATABASE_READ_ONLY|WRITER_FENCED/);
  t.equal(await failureOf(put(a.users, { id: 'u', content: user() })), 'DATABASE_READ_ONLY');
  await start(a, b, { once: true }).ended;
  t.strictSame(await differences(a, b), [], 'everything that was written before got there');
  await promote(b, { runtime });
  await putArticles(b, 'z', 5);
  await start(b, a, { once: true, name: 'a' }).ended;
  t.strictSame(await differences(a, b), []);
  t.match(await readRole(a.control), { role: 'replica', epoch: 1, primary: b.site });
  const gone = await start(a, b, { once: true }).ended.catch((error: unknown) => codeOf(error));
  t.equal(gone, 'REPLICATION_TARGET_PRIMARY', 'the old direction is refused');
});

t.test('two promotions at once agree on one role', async (t) => {
  await using pair = await withReplica();
  const done = await Promise.all([promote(pair.b, { runtime }), promote(pair.b, { runtime })]);
  t.same(
    done.map(({ epoch }) => epoch),
    [1, 1],
  );
  t.match((await pair.b.control.get(ROLE_NOTE))?.value, { role: 'primary', epoch: 1 });
});
