/** The return of an old primary to new ones of other kinds: over HTTPS, cut off in the middle, and to MongoDB. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { countConflicts } from '../../../replicator/applying/conflicts.ts';
import { promote } from '../../../replicator/failover/failover.ts';
import { type Rejoined, rejoin } from '../../../replicator/failover/rejoin.ts';
import { DEFAULT_POLICIES } from '../../../replicator/policy.ts';
import { readRole } from '../../../replicator/role.ts';
import { realRuntime as runtime } from '../../../replicator/runtime.ts';
import type { Target } from '../../../replicator/target.ts';
import type { BucketSum, Store } from '../../../store/contract.ts';
import { DATABASE_NAMES, type DatabaseName } from '../../../store/documents.ts';
import { openStore } from '../../../store/open.ts';
import { failureOf, put } from '../../contract/with-store.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { mongodbEngine } from '../../store/mongodb/engine.ts';
import { proxyBefore, receiverFor, targetAt } from '../remote/receiving.ts';
import { putArticles, sqlitePair, start, targetOf } from '../sending/pair.ts';

const subscription = (title: string) => ({ user: 'r', feed: 'f', title, folder: null, addedAt: 1 });

/** `b` was promoted while `a` had 300 articles more, and both went on with one subscription. */
async function replaced(a: Store, b: Store): Promise<void> {
  await putArticles(a, 'x', 30);
  await start(a, b, { once: true }).ended;
  await putArticles(a, 'unseen', 300);
  await put(a.subscriptions, { id: 's', content: subscription('at a') });
  await promote(b, { runtime });
  await put(b.subscriptions, { id: 's', content: subscription('at b') });
}

function back(t: Test, a: Store, target: Target, exportPath = join(t.testdir(), 'unseen.jsonl')): Promise<Rejoined> {
  return rejoin({ store: a, target, policies: DEFAULT_POLICIES, runtime, exportPath });
}

async function agree(t: Test, a: Store, b: Store): Promise<void> {
  t.same(await countConflicts(b.control), { subscriptions: 1 });
  t.match(await readRole(a.control), { role: 'replica', epoch: 1, primary: b.site });
  await start(b, a, { once: true, name: 'a' }).ended;
  for (const name of DATABASE_NAMES) t.strictSame(await sumsOf(a, name), await sumsOf(b, name), name);
  t.equal(await a.articles.count(), 330);
}

/** Each engine has an order of its own. */
async function sumsOf(store: Store, name: DatabaseName): Promise<BucketSum[]> {
  return (await store.database(name).bucketSums()).toSorted((one, other) => one.b - other.b);
}

t.test('over HTTPS', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await replaced(a, b);
  const receiver = await receiverFor(t, b);
  t.match(await back(t, a, targetAt(t, receiver.url)), { unseen: 301, written: 300, conflicts: 1 });
  await agree(t, a, b);
});

t.test('over a line that breaks in the middle, and once more', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await replaced(a, b);
  const proxy = await proxyBefore(t, await receiverFor(t, b));
  const exportPath = join(t.testdir(), 'unseen.jsonl');
  const broken = rejoin({
    ...{ store: a, target: targetAt(t, proxy.url), policies: DEFAULT_POLICIES, runtime, exportPath },
    at: async (point) => {
      if (point !== 'merging') return;
      await proxy.behave({ refuse: true });
      proxy.drop('reset');
    },
  });
  t.match(await failureOf(broken), /^(?:RECEIVER|REPLICATION)_/);
  t.match(await readRole(a.control), { role: 'primary', epoch: 0 }, 'not yet a replica: nothing may be sent to it');
  await proxy.behave({ refuse: false });
  t.match(await back(t, a, targetAt(t, proxy.url), exportPath), { unseen: 301 });
  await agree(t, a, b);
});

for (const which of ['the old primary', 'the new primary'] as const) {
  t.test(`where ${which} keeps its documents in MongoDB`, async (t) => {
    const server = await mongodbUrl();
    if ('skip' in server) return skipLoudly(t, server.skip);
    const { url, cleanup } = await mongodbEngine(server.url).fresh();
    t.teardown(cleanup);
    await using pair = await sqlitePair();
    await using mongodb = await openStore(url);
    const [a, b] = which === 'the old primary' ? [mongodb, pair.b] : [pair.a, mongodb];
    await replaced(a, b);
    t.match(await back(t, a, targetOf(b)), { unseen: 301, written: 300, conflicts: 1 });
    await agree(t, a, b);
  });
}
