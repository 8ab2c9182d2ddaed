import t, { type Test } from 'tap';
import { newSiteMetrics } from '../../site/metrics.ts';
import { positionsFrom, positionsText } from '../../site/positions.ts';
import { ReadSpread } from '../../site/read-spread.ts';
import { ReaderToken, tokenCookie, tokenIn } from '../../site/reader-token.ts';
import type { Store } from '../../store/contract.ts';
import { codeOf } from '../../store/errors.ts';
import { type Random, seededRandom, testSchedules, testSeed } from '../contract/random.ts';
import { article } from '../contract/samples.ts';
import { emptyStore, NOON } from './made-up.ts';
import { cuttable, type SlowCopy, slowCopy } from './slow-copy.ts';

const SEED = testSeed();
const SCHEDULES = testSchedules(20);
const STEPS = 120;
const BOUND_MS = 5_000;
t.comment(`FEEDFERRY_TEST_SEED=${SEED}`);

/** A site with a primary, two copies and a clock, all in a test's hand. */
class Lab {
  now = NOON;
  primaryIsDown = false;
  readonly store: Store;
  readonly copies: readonly SlowCopy[];
  /** Of every article, when it was written. */
  readonly written = new Map<string, number>();

  constructor(store: Store, copies: readonly SlowCopy[]) {
    this.store = store;
    this.copies = copies;
  }

  spread(): ReadSpread {
    const primary = cuttable(this.store, () => this.primaryIsDown).articles;
    const replicas = this.copies.map(({ replica }) => replica);
    const clock = () => this.now;
    return new ReadSpread({ primary, replicas, stalenessMsMax: BOUND_MS, clock, metrics: newSiteMetrics() });
  }

  async write(id: string): Promise<void> {
    await using writer = await this.store.articles.openWriter({ owner: 'test', durability: 'lazy' });
    await writer.edit([{ id, content: article({ guid: id }) }]);
    this.written.set(id, this.now);
  }
}

async function lab(t: Test): Promise<Lab> {
  const store = await emptyStore(t);
  const copies = [slowCopy(store, await emptyStore(t)), slowCopy(store, await emptyStore(t))];
  return new Lab(store, copies);
}

/** One reader at one process. */
interface Reader {
  spread: ReadSpread;
  token: ReaderToken;
  cookie: string;
}

t.test('under any staleness a reader finds what they brought in, and nothing is older than the bound', async (t) => {
  const found = { primary: 0, replica: 0, checks: 0 };
  for (let i = 0; i < SCHEDULES; i += 1) {
    const violation = await schedule(t, seededRandom(SEED + i), found);
    if (violation !== null) return t.fail(`FEEDFERRY_TEST_SEED=${SEED + i} FEEDFERRY_TEST_SCHEDULES=1: ${violation}`);
  }
  t.ok(found.replica > SCHEDULES && found.primary > SCHEDULES, JSON.stringify(found));
});

async function schedule(t: Test, random: Random, found: Record<'primary' | 'replica' | 'checks', number>) {
  const made = await lab(t);
  const own = new Set<string>();
  const reader: Reader = { spread: made.spread(), token: new ReaderToken(), cookie: '' };
  const shown = { ids: new Set<string>(), asOf: 0 };
  // Whoever brings in nothing is held to the bound alone.
  const ownChance = random.pick([0, 0.05]);
  await reader.spread.look();
  for (let step = 0; step < STEPS; step += 1) {
    made.now += random.below(400);
    const what = random.next();
    if (what < 0.12) await made.write(`feed.crawled${step}`);
    else if (what < 0.12 + ownChance) {
      await made.write(`feed.own${step}`);
      own.add(`feed.own${step}`);
      reader.token.needs(await reader.spread.primaryPositions(), made.now);
      reader.cookie = tokenCookie(reader.token.positions, BOUND_MS);
    } else if (what < 0.42) {
      // One of them gets on not at all for some seconds, now this one, now that one.
      const stalled = made.copies[Math.floor(step / 40) % 3];
      const copy = random.pick(made.copies);
      if (copy !== stalled) await copy.copy(1 + random.below(20));
    } else if (what < 0.66) await reader.spread.look();
    else if (what < 0.69) {
      // A restart, or another process of the same site: only the cookie is left.
      Object.assign(reader, { spread: made.spread(), token: new ReaderToken() });
      reader.token.needs(tokenIn(reader.cookie.split(';')[0]) ?? {}, made.now);
      await reader.spread.look();
      Object.assign(shown, { ids: new Set<string>(), asOf: 0 });
    } else if (what < 0.71) {
      const one = random.pick(made.copies);
      one.isDown = !one.isDown && random.chance(0.5);
    } else {
      const violation = await readAndCheck(made, reader, own, shown, found);
      if (violation !== null) return `step ${step}: ${violation}`;
    }
  }
  return null;
}

/** Null: all is as it must be. */
async function readAndCheck(
  made: Lab,
  { spread, token }: Reader,
  own: ReadonlySet<string>,
  shown: { ids: Set<string>; asOf: number },
  found: Record<'primary' | 'replica' | 'checks', number>,
): Promise<string | null> {
  const { ids, replica } = await spread.read(token, async ({ articles, replica }) => {
    const docs = await articles.scan({ limit: 1_000 });
    return { ids: new Set(docs.map(({ id }) => id)), replica };
  });
  found[replica === null ? 'primary' : 'replica'] += 1;
  found.checks += own.size;
  for (const id of own) if (!ids.has(id)) return `${id}, which the reader brought in, is not at ${replica}`;
  for (const [id, at] of made.written) {
    if (at < made.now - BOUND_MS && !ids.has(id)) return `${id} is ${made.now - at} ms old and not at ${replica}`;
  }
  if (replica === null) return null;
  for (const id of shown.ids) if (!ids.has(id)) return `${id} was shown before and is not at ${replica}`;
  shown.ids = ids;
  return null;
}

t.test(
  'where the primary does not answer, the freshest replica is read, and the primary again when it is back',
  async (t) => {
    const made = await lab(t);
    const [fresh, old] = made.copies;
    await made.write('feed.a');
    await fresh?.copy(10);
    await old?.copy(10);
    const spread = made.spread();
    const token = new ReaderToken();
    await spread.look();
    made.now += 60_000;
    await made.write('feed.b');
    await fresh?.copy(10);
    await spread.look();
    await made.write('feed.c');
    token.needs(await spread.primaryPositions(), made.now);
    const place = () => spread.read(token, async ({ articles, replica }) => [replica, await articles.count()]);
    t.strictSame(await place(), [null, 3], 'what the reader brought in is at the primary only');
    made.primaryIsDown = true;
    t.strictSame(await place(), [fresh?.store.url, 2], 'a read finds it gone, and goes on elsewhere');
    t.equal(spread.primaryAnswers, false);
    t.match(spread.notice(), /does not answer.*as of 0 s ago/);
    t.match(spread.status(), { primary: 'not answering', replicas: [{ state: 'read' }, { state: 'behind' }] });
    t.equal(codeOf(await spread.primaryPositions().catch((error: unknown) => error)), 'STORE_UNREACHABLE');
    made.now += 600_000;
    await spread.look();
    t.strictSame(await place(), [fresh?.store.url, 2], 'readers read on, however long it takes');
    t.match(spread.notice(), /as of 600 s ago/);
    if (fresh) fresh.isDown = true;
    t.strictSame(await place(), [old?.store.url, 1], 'then the other one');
    made.primaryIsDown = false;
    await spread.look();
    t.strictSame(await place(), [null, 3]);
    t.equal(spread.notice(), null);
  },
);

t.test('a primary that hangs is given up after a second, also by those who wait for it already', async (t) => {
  const made = await lab(t);
  await made.write('feed.a');
  const [copy] = made.copies;
  await copy?.copy(10);
  let hangs = false;
  const primary = cuttable(made.store, () => hangs, true).articles;
  const replicas = made.copies.map(({ replica }) => replica);
  const metrics = newSiteMetrics();
  const options = { primary, replicas, stalenessMsMax: BOUND_MS, clock: () => made.now, metrics, answerMsMax: 50 };
  using spread = new ReadSpread(options);
  await spread.look();
  hangs = true;
  const waiting = spread.orDown(primary.count()).catch(codeOf);
  await spread.look();
  t.equal(await waiting, 'STORE_UNREACHABLE');
  t.equal(await spread.read(new ReaderToken(), async ({ replica }) => replica), copy?.store.url);
});

t.test('within one request all is read at one store, and never half of it at an older one', async (t) => {
  const made = await lab(t);
  await made.write('feed.a');
  for (const copy of made.copies) await copy.copy(10);
  const spread = made.spread();
  const token = new ReaderToken();
  await spread.look();
  const where = () => spread.read(token, async ({ replica }) => replica);
  const apart = new Set([await where()]);
  made.now += 300;
  await spread.look();
  apart.add(await where());
  t.equal(apart.size, 2, 'requests take turns, from one look to the next');
  const places = await spread.asOne(async () => new Set([await where(), await where(), await where()]));
  t.equal(places.size, 1, 'one request does not');
  await made.write('feed.b');
  token.needs(await spread.primaryPositions(), made.now);
  const code = await spread.asOne(async () => {
    made.now += 1;
    t.equal(await where(), null);
    made.primaryIsDown = true;
    return await spread.read(token, async ({ articles }) => articles.count()).catch(codeOf);
  });
  t.equal(code, 'STORE_UNREACHABLE', 'a bound from the primary must not meet a list of an older state');
});

t.test(
  'a made-up token sends its reader to the primary until the next look, and a strange one is nothing',
  async (t) => {
    const made = await lab(t);
    await made.write('feed.a');
    for (const copy of made.copies) await copy.copy(10);
    const spread = made.spread();
    const token = new ReaderToken();
    await spread.look();
    t.not(spread.choose(token).replica, null);
    token.needs({ 1: 1e9, 77: 5 }, made.now);
    t.equal(spread.choose(token).replica, null);
    made.now += 300;
    await spread.look();
    t.not(spread.choose(token).replica, null);
    for (const text of ['', 'x', '1', '1.', '1.2.3', '1.-2', '-', '1.zzzzzzzzzzzz', `${'1.1-'.repeat(300)}1.1`]) {
      t.equal(positionsFrom(text), null, text.slice(0, 20));
    }
    const positions = { 1: 4711, 20: 2 ** 40 };
    t.strictSame(positionsFrom(positionsText(positions)), positions);
    t.strictSame(tokenIn(`a=b; ${tokenCookie(positions, 5_000).split(';')[0]}; c=d`), positions);
    t.equal(tokenIn(undefined), null);
  },
);
