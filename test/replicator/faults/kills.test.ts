/** A replicator that is killed at every named moment, while others write. */
import t, { type Test } from 'tap';
import { FAULT_POINTS } from '../../../replicator/sending/failpoints.ts';
import { UNCONFIRMED_DOCS_MAX } from '../../../replicator/sending/limits.ts';
import type { Store } from '../../../store/contract.ts';
import { DATABASE_NAMES } from '../../../store/documents.ts';
import { seededRandom, testSeed } from '../../contract/random.ts';
import { article } from '../../contract/samples.ts';
import { put } from '../../contract/with-store.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { mongodbEngine } from '../../store/mongodb/engine.ts';
import { sqliteEngine } from '../../store/sqlite/engine.ts';
import { settingFor } from '../backup/backup-setting.ts';
import { putArticles } from '../sending/pair.ts';
import { equal, replicate, write } from './processes.ts';
import type { Plan } from './replicating.ts';

/** What a kill may cost: what not both ends had noted yet. */
const RESENT_MAX = UNCONFIRMED_DOCS_MAX;
type Life = Pick<Plan, 'point' | 'times' | 'isTailing' | 'once'>;

/** Moments that come again and again, whether it fills a destination or follows. */
const RECURRING = [
  ...(['page-read', 'batch-sent', 'batch-acknowledged', 'checkpoint-source', 'checkpoint-source-saved'] as const),
];

const BACKFILLING: readonly Life[] = [
  ...(['connected', 'session-noted'] as const).map((point) => ({ point, times: 1, isTailing: false, once: false })),
  ...RECURRING.map((point) => ({ point, times: 3, isTailing: false, once: false })),
];

const TAILING: readonly Life[] = [
  ...(['checkpoint-destination', 'caught-up'] as const).map((point) => ({
    ...{ point, times: DATABASE_NAMES.length, isTailing: false, once: false },
  })),
  ...RECURRING.map((point) => ({ point, times: 2, isTailing: true, once: false })),
  { point: 'closing', times: 1, isTailing: false, once: true },
];

/** Each life ends at its moment; the next one goes on from there. `backlog`: documents that are there at the start. */
async function killed(
  t: Test,
  urls: { from: string; to: string },
  { a, backlog }: { a: Store; backlog: number },
  lives: readonly Life[],
): Promise<void> {
  const seed = testSeed();
  t.comment(`FEEDFERRY_TEST_SEED=${seed}`);
  await putArticles(a, 'x', backlog);
  const writer = write(t, urls.from, seed);
  const earlier = new Set<string>();
  const resent = (sent: readonly string[]) => sent.filter((one) => earlier.has(one)).length;
  for (const life of lives) {
    const running = replicate(t, urls.from, urls.to, { ...life, signal: 'SIGKILL' });
    await running.said(new RegExp(`at ${life.point}`));
    t.equal(await running.ended, 'SIGKILL');
    const sent = [...new Set(running.sent())];
    const again = resent(sent);
    t.ok(again <= RESENT_MAX, `${life.point}: ${sent.length} sent, ${again} of them again`);
    for (const one of sent) earlier.add(one);
  }
  await writer.finish();
  t.match(writer.output(), /acknowledged [1-9]/);
  const last = replicate(t, urls.from, urls.to, { once: true });
  t.equal(await last.ended, 0, last.output());
  t.match(last.output(), /ended well/);
  t.ok(resent([...new Set(last.sent())]) <= RESENT_MAX);
}

t.test('SQLite to SQLite: killed at every moment, while it fills the destination and while it follows', async (t) => {
  const setting = await settingFor(t);
  const urls = { from: await setting.freshUrl(), to: await setting.freshUrl() };
  const a = await setting.open(urls.from);
  await killed(t, urls, { a, backlog: 5000 }, [...BACKFILLING, ...TAILING]);
  const b = await setting.open(urls.to);
  await equal(t, a, b);
  const points = new Set([...BACKFILLING, ...TAILING].map(({ point }) => point));
  const missing = FAULT_POINTS.filter((point) => !points.has(point) && point !== 'put-aside');
  t.strictSame(missing, [], 'no moment is left out');
});

t.test('between SQLite and MongoDB', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  const [sqlite, mongodb] = [await settingFor(t, sqliteEngine), await settingFor(t, mongodbEngine(server.url))];
  const random = seededRandom(testSeed());

  await t.test('to MongoDB, which refuses a document', async (t) => {
    const urls = { from: await sqlite.freshUrl(), to: await mongodb.freshUrl() };
    const a = await sqlite.open(urls.from);
    await put(a.articles, { id: 'refused', content: { ...article(), ...{ 'a.b': 1 } } });
    const putAside: Life = { point: 'put-aside', times: 1, isTailing: false, once: false };
    await killed(t, urls, { a, backlog: 1500 }, [putAside, random.pick(BACKFILLING), random.pick(TAILING)]);
    const b = await mongodb.open(urls.to);
    t.equal(await b.articles.get('refused'), undefined);
    t.match(await a.control.list('replication/aside/b/articles/'), [{ value: { code: 'BATCH_INVALID' } }]);
    await put(a.articles, { id: 'refused', content: article() });
    const last = replicate(t, urls.from, urls.to, { once: true });
    t.equal(await last.ended, 0);
    await equal(t, a, b);
  });

  await t.test('from MongoDB', async (t) => {
    const urls = { from: await mongodb.freshUrl(), to: await sqlite.freshUrl() };
    const a = await mongodb.open(urls.from);
    await killed(t, urls, { a, backlog: 1500 }, [random.pick(BACKFILLING), random.pick(TAILING)]);
    const b = await sqlite.open(urls.to);
    await equal(t, a, b);
  });
});
