/** Whom a destination admits, and what it becomes by that. */
import t from 'tap';
import { type Applicant, decideAdmission } from '../../../replicator/applying/admission.ts';
import { storeTarget } from '../../../replicator/applying/store-target.ts';
import { type Checkpoint, checkpointFrom } from '../../../replicator/checkpoint.ts';
import { demote, promote } from '../../../replicator/failover/failover.ts';
import { FENCED_NOTE } from '../../../replicator/failover/fence-source.ts';
import { DEFAULT_POLICIES } from '../../../replicator/policy.ts';
import type { ReplicatedDatabase, ReplicatedStore } from '../../../replicator/replicated-store.ts';
import { ROLE_NOTE, readRole, type SiteRole } from '../../../replicator/role.ts';
import { realRuntime } from '../../../replicator/runtime.ts';
import type { Hello } from '../../../replicator/target.ts';
import type { DigestQuery, SiteId, Store } from '../../../store/contract.ts';
import { article, user } from '../../contract/samples.ts';
import { failureOf, put } from '../../contract/with-store.ts';
import { until } from '../../rig/until.ts';
import { differences, putArticles, sqlitePair, start, targetOf } from '../sending/pair.ts';

const [SOURCE, STORE, OTHER] = ['ssssssss', 'dddddddd', 'oooooooo'] as SiteId[] as [SiteId, SiteId, SiteId];

function hello(over: Partial<Hello> = {}): Hello {
  return {
    ...{ session: 's', site: SOURCE, epoch: 0, direction: 'one-way', databases: ['articles'] },
    ...{ policies: DEFAULT_POLICIES, adopt: false, docsToDo: 0 },
    ...over,
  };
}

function role(over: Partial<SiteRole>): SiteRole {
  return { role: 'primary', epoch: 0, primary: null, since: 0, ...over };
}

const FRESH: Applicant = {
  site: STORE,
  role: null,
  isEmpty: true,
  isUntouched: true,
  untaken: ['articles'],
  knowsSource: false,
  hasUnseen: false,
};
const FULL: Applicant = { ...FRESH, isEmpty: false, isUntouched: false };
const REPLICA: Applicant = {
  ...{ site: STORE, isEmpty: false, isUntouched: false, untaken: [], knowsSource: true, hasUnseen: false },
  role: role({ role: 'replica', primary: SOURCE }),
};

const CASES: readonly (readonly [string, Partial<Hello>, Applicant, string])[] = [
  ['an empty store becomes a replica', {}, FRESH, 'become'],
  ['so does an empty one that calls itself primary', {}, { ...FRESH, role: role({}) }, 'become'],
  ['the same site is no destination', { site: STORE }, FRESH, 'REPLICATION_SAME_SITE'],
  ['documents of unknown origin are not mixed in', {}, FULL, 'REPLICATION_TARGET_HAS_DATA'],
  ['unless it is to be adopted', { adopt: true }, FULL, 'become'],
  ['but not by its own replica', { adopt: true, follows: STORE }, FULL, 'REPLICATION_TARGET_PRIMARY'],
  ['unless that was promoted meanwhile', { adopt: true, epoch: 1 }, FULL, 'become'],
  ['a primary keeps its documents', {}, { ...FULL, role: role({ epoch: 0 }) }, 'REPLICATION_TARGET_PRIMARY'],
  ['even those of a former two-way', {}, { ...FULL, knowsSource: true }, 'REPLICATION_TARGET_PRIMARY'],
  ['a replica goes on', {}, REPLICA, 'admit'],
  [
    'a replica whose databases were opened for edits is closed first',
    {},
    { ...REPLICA, untaken: ['articles'] },
    'become',
  ],
  [
    'a replica follows the newer primary',
    { epoch: 3, site: OTHER },
    { ...REPLICA, knowsSource: false, hasUnseen: false },
    'become',
  ],
  [
    'a replica of another one stays so',
    { site: OTHER },
    { ...REPLICA, knowsSource: false, hasUnseen: false },
    'REPLICATION_TARGET_HAS_DATA',
  ],
  ['a replica may go back to whom it followed', { site: OTHER }, REPLICA, 'become'],
  ['but not if that became a replica', { site: OTHER, follows: SOURCE }, REPLICA, 'REPLICATION_REFUSED'],
  ['not even one of a newer primary', { site: OTHER, follows: SOURCE, epoch: 3 }, REPLICA, 'REPLICATION_REFUSED'],
  ['unless it is told to adopt what it finds', { site: OTHER, follows: SOURCE, adopt: true }, REPLICA, 'become'],
  [
    'nor does an empty replica go to another replica',
    { site: OTHER, follows: SOURCE },
    { ...REPLICA, isEmpty: true },
    'REPLICATION_REFUSED',
  ],
  [
    'which an empty one without a primary does',
    { follows: OTHER },
    { ...REPLICA, isEmpty: true, role: role({ role: 'replica' }) },
    'become',
  ],
  ['in a chain a replica goes on supplying its own', { follows: OTHER, epoch: 3 }, REPLICA, 'become'],
  [
    'a replica that was told no primary takes the first one',
    {},
    { ...REPLICA, role: role({ role: 'replica' }) },
    'become',
  ],
  [
    'but no replica, which may follow somebody else tomorrow',
    { follows: STORE },
    { ...REPLICA, role: role({ role: 'replica' }) },
    'REPLICATION_REFUSED',
  ],
  [
    'a source that was replaced is refused',
    {},
    { ...REPLICA, role: role({ role: 'replica', primary: SOURCE, epoch: 1 }) },
    'REPLICATION_EPOCH_OLDER',
  ],
  ['by the new primary, too', {}, { ...FULL, role: role({ epoch: 1 }) }, 'REPLICATION_EPOCH_OLDER'],
  ['and not even adopted', { adopt: true }, { ...FULL, role: role({ epoch: 1 }) }, 'REPLICATION_EPOCH_OLDER'],
  ['a repair makes no replica of an empty store', { isRepair: true }, FRESH, 'REPLICATION_REFUSED'],
  [
    'nor wins one over, even an empty one',
    { isRepair: true, site: OTHER },
    { ...REPLICA, isEmpty: true },
    'REPLICATION_REFUSED',
  ],
  ['nor one of other databases', { isRepair: true }, { ...REPLICA, untaken: ['articles'] }, 'REPLICATION_REFUSED'],
  ['but mends a replica of the source', { isRepair: true }, REPLICA, 'admit'],
  ['also of one that was promoted again', { isRepair: true, epoch: 2 }, REPLICA, 'become'],
  ['and a primary that goes both ways', { isRepair: true, direction: 'two-way' }, FULL, 'admit'],
  ['two primaries go both ways', { direction: 'two-way' }, FULL, 'admit'],
  ['a replica does not', { direction: 'two-way' }, REPLICA, 'REPLICATION_REFUSED'],
  [
    'nor with one that was replaced',
    { direction: 'two-way' },
    { ...FULL, role: role({ epoch: 2 }) },
    'REPLICATION_EPOCH_OLDER',
  ],
];

for (const [title, says, store, expected] of CASES) {
  t.test(title, async (t) => {
    const decision = decideAdmission(hello(says), store);
    t.equal(decision.kind === 'refuse' ? decision.code : decision.kind, expected);
    if (decision.kind === 'become') {
      t.match(decision.role, { role: 'replica', primary: says.site ?? SOURCE, epoch: says.epoch ?? 0 });
    }
  });
}

t.test('that a store heard of one sender only is said of one that was empty altogether', async (t) => {
  const roleOf = (store: Applicant) => {
    const decision = decideAdmission(hello(), store);
    return decision.kind === 'become' ? decision.role : null;
  };
  t.equal(roleOf(FRESH)?.only, SOURCE);
  t.equal(roleOf({ ...FRESH, isUntouched: false })?.only, undefined, 'other databases may be of another sender');
  const doubtful = ['articles', 'users'] as const;
  const inDoubt = { ...FRESH, role: role({ role: 'replica', doubtful }) };
  t.strictSame(roleOf(inDoubt)?.doubtful, ['users'], 'what is in doubt of databases that are not sent stays so');
});

t.test('a store with documents of its own is refused, and stays as it is', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 10);
  await putArticles(b, 'mine', 3);
  t.equal(await failureOf(start(a, b, { once: true }).ended), 'REPLICATION_TARGET_HAS_DATA');
  t.equal(await b.articles.mode(), 'read-write');
  t.equal(await b.articles.count(), 3);
  await start(a, b, { once: true, adopt: true }).ended;
  t.equal(await b.articles.count(), 13);
  t.equal(await failureOf(put(b.articles, { id: 'y', content: article() })), 'DATABASE_READ_ONLY');
});

t.test('a source that was replaced fences itself, and stays fenced until an operator decides', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 10);
  const destination = start(a, b);
  await until(() => destination.status().docs === 10, 'it has all');
  const promoted = role({ epoch: 1 });
  await b.control.put(ROLE_NOTE, promoted);
  await b.articles.setMode('read-write');
  await put(a.articles, { id: 'late', content: article() });
  await until(() => destination.status().state === 'fenced', 'it is fenced');
  t.equal(await a.articles.mode(), 'read-only');
  t.equal(await failureOf(put(a.articles, { id: 'later', content: article() })), 'DATABASE_READ_ONLY');
  t.match((await a.control.get(FENCED_NOTE))?.value, { databases: ['articles'] });
  t.equal(await b.articles.count(), 10, 'nothing came after the promotion');
  t.equal(destination.status().lastError?.code, 'REPLICATION_EPOCH_OLDER');
  await destination.stop();
});

t.test('a sender that was admitted before a promotion gets nothing through after it', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await using target = targetOf(b);
  await using session = await target.connect(hello({ site: a.site }));
  await b.control.put(ROLE_NOTE, role({ epoch: 1 }));
  await b.articles.setMode('read-write');
  await putArticles(a, 'x', 1);
  const { docs } = await a.articles.changes.read(1, 0, 10);
  const pushed = session.push({ database: 'articles', docs, checkpoint: null, caughtUp: false });
  t.equal(await failureOf(pushed), 'WRITER_FENCED');
  t.equal(await b.articles.count(), 0);
});

t.test('a checkpoint that comes late does not set back the one that is kept', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await using target = targetOf(b);
  const session = await target.connect(hello({ site: a.site }));
  const push = async (vector: Record<string, number>): Promise<unknown> => {
    const checkpoint = { session: 's', vector, seed: {}, history: [], at: 0 };
    return await session.push({ database: 'articles', docs: [], checkpoint, caughtUp: false });
  };
  for (const n of [5, 9, 7]) await push({ 1: n });
  t.match((await b.control.get(checkpointFrom(a.site, 'articles')))?.value, { vector: { 1: 9 } });
  await session.close();
  t.equal(await failureOf(push({ 1: 10 })), 'WRITER_CLOSED');
});

t.test('two sites that both write converge, and neither gets back what it sent', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'a', 200);
  await putArticles(b, 'b', 100);
  const there = start(a, b, { direction: 'two-way' });
  const back = start(b, a, { name: 'a', direction: 'two-way' });
  await until(async () => (await differences(a, b)).length === 0, 'they are equal');
  await until(() => [there, back].every((each) => each.status().state === 'tailing'), 'both tail');
  const before = [there.status().docs, back.status().docs];
  await putArticles(a, 'later', 50);
  await until(async () => (await b.articles.count()) === 350, 'it is there');
  await putArticles(b, 'last', 1);
  await until(async () => (await a.articles.count()) === 351, 'and the other way');
  // What is there may not be acknowledged yet.
  await Promise.all([there.stop(), back.stop()]);
  t.equal(there.status().docs, (before[0] ?? 0) + 50);
  t.equal(back.status().docs, (before[1] ?? 0) + 1);
  t.strictSame(await differences(a, b), []);
});

t.test('what supplied the new primary before, and adopted it then, does not make a replica of it', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 20);
  await putArticles(b, 'y', 20);
  await start(a, b, { once: true, adopt: true }).ended;
  await promote(b, { runtime: realRuntime });
  await start(b, a, { once: true, adopt: true }).ended;
  t.equal(await failureOf(start(a, b, { once: true, adopt: true }).ended), 'REPLICATION_TARGET_PRIMARY');
  t.equal(await b.articles.mode(), 'read-write');
});

t.test('a demoted primary follows no replica that has lost what it acknowledged', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  const note = checkpointFrom(a.site, 'articles');
  await putArticles(a, 'x', 10);
  await start(a, b, { once: true }).ended;
  const before = (await b.control.get(note))?.value as Checkpoint;
  await putArticles(a, 'y', 10);
  await start(a, b, { once: true }).ended;
  const after = (await b.control.get(note))?.value as Checkpoint;
  await demote(a, { runtime: realRuntime });
  await promote(b, { runtime: realRuntime });
  // Power takes the last documents of a replica together with its checkpoint.
  await b.control.put(note, before);
  t.equal(await failureOf(start(b, a, { once: true }).ended), 'REPLICATION_REFUSED');
  await using target = targetOf(a);
  const says = { site: b.site, only: a.site, epoch: 1 };
  t.equal(await failureOf(target.connect(hello(says))), 'REPLICATION_REFUSED', 'an older sender does not say');
  const session = await target.connect(hello({ ...says, fromOnly: { articles: after } }));
  t.equal(session.info.role.primary, b.site, 'one that has all is followed');
  await session.close();
});

t.test('a demoted primary follows no replica that refused some of its documents', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 3);
  await start(a, b, { once: true }).ended;
  const refused = 'replication/aside/b/articles/x1';
  await a.control.put(refused, { code: 'BATCH_INVALID' });
  await demote(a, { runtime: realRuntime });
  await promote(b, { runtime: realRuntime });
  t.equal(await failureOf(start(b, a, { once: true }).ended), 'REPLICATION_REFUSED');
  await a.control.delete(refused);
  await start(b, a, { once: true }).ended;
  t.match(await readRole(a.control), { primary: b.site });
});

/** Of which `articles` get an edit between the first look at them, and whatever comes of it. */
function editedMeanwhile(store: Store): ReplicatedStore {
  const articles = new Proxy(store.articles, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (key !== 'digests' || edited) return value.bind(target);
      edited = true;
      return async (query: DigestQuery) => {
        const page = await target.digests(query);
        await put(target, { id: 'mine', content: article() });
        return page;
      };
    },
  }) as unknown as ReplicatedDatabase;
  let edited = false;
  const { url, site, control } = store;
  return { url, site, control, database: (name) => (name === 'articles' ? articles : store.database(name)) };
}

t.test('an edit that lands in an empty store while that becomes a replica is not taken for the source’s', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  const store = editedMeanwhile(b);
  await using target = storeTarget(store, { engine: 'sqlite', runtime: realRuntime });
  t.equal(await failureOf(target.connect(hello({ site: a.site }))), 'REPLICATION_REFUSED');
  t.match(await readRole(b.control), { role: 'replica', primary: null, wrote: true });
  await putArticles(a, 'x', 10);
  t.equal(await failureOf(start(a, b, { once: true }).ended), 'REPLICATION_REFUSED', 'nor later');
  t.ok(await b.articles.get('mine'));
  t.equal(await b.articles.count(), 1, 'and nothing gets in before that was handed over');
  const c = await pair.another();
  await start(a, c, { once: true }).ended;
  const { since: _since, ...became } = await readRole(c.control);
  t.strictSame(
    became,
    { role: 'replica', epoch: 0, primary: a.site, only: a.site },
    'one that stays empty is a replica',
  );
});

t.test('a replica of some databases keeps what was written in the others, until that was handed over', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await put(a.users, { id: 'u', content: user() });
  await start(a, b, { once: true, databases: ['articles'] }).ended;
  await put(b.users, { id: 'u', content: user() });
  const mine = (await b.users.versions(['u'])).get('u')?.ver;
  t.equal(await failureOf(start(a, b, { once: true }).ended), 'REPLICATION_REFUSED');
  t.equal((await b.users.versions(['u'])).get('u')?.ver, mine);
  await put(b.users, { id: 'v', content: user() });
  await start(a, b, { once: true, databases: ['articles'] }).ended;
  await b.users.setMode('read-only');
  t.equal(await failureOf(start(a, b, { once: true }).ended), 'REPLICATION_REFUSED', 'nor while that is under way');
  t.equal((await b.users.versions(['u'])).get('u')?.ver, mine);
  await start(a, b, { once: true, adopt: true }).ended;
  t.equal(await failureOf(put(b.users, { id: 'w', content: user() })), 'DATABASE_READ_ONLY');
});

t.test('a demoted primary keeps what it wrote in databases that its successor does not supply', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await putArticles(a, 'x', 3);
  await start(a, b, { once: true }).ended;
  await put(a.users, { id: 'u', content: user() });
  const mine = (await a.users.versions(['u'])).get('u')?.ver;
  await demote(a, { runtime: realRuntime });
  await promote(b, { runtime: realRuntime });
  await put(b.users, { id: 'u', content: user() });
  await start(b, a, { once: true, databases: ['articles'] }).ended;
  t.match(await readRole(a.control), { role: 'replica', primary: b.site });
  await promote(b, { runtime: realRuntime, epoch: 5 });
  t.equal(await failureOf(start(b, a, { once: true }).ended), 'REPLICATION_REFUSED');
  t.equal((await a.users.versions(['u'])).get('u')?.ver, mine);
});
