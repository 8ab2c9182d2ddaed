/** Verifying while writers write and a replicator runs: nothing may be taken for a difference. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Test } from 'tap';
import { storeEnd } from '../../../replicator/verify/ends.ts';
import type { VerifyReport } from '../../../replicator/verify/report.ts';
import { type VerifyOptions, verify } from '../../../replicator/verify/verify.ts';
import type { Store } from '../../../store/contract.ts';
import { type Random, seededRandom, testSeed } from '../../contract/random.ts';
import { article } from '../../contract/samples.ts';
import { until } from '../../rig/until.ts';
import { fastRuntime, putArticles, start } from '../sending/pair.ts';

const DOCS = 1500;
const BATCH = 10;
/** Pauses between looks are this much shorter. */
const HASTE = 5;

export interface LiveOptions {
  readonly twoWay: boolean;
  readonly rounds: number;
  /** Changes `x0` to `x9` behind the back of the stores; what is to be found then. */
  readonly tamper: () => Promise<string[]>;
}

/** `a` is written and goes to `b`; with `twoWay` both are written, and go to each other. */
export async function verifyLive(t: Test, a: Store, b: Store, options: LiveOptions): Promise<void> {
  const { twoWay, rounds, tamper } = options;
  const seed = testSeed();
  t.comment(`seed ${seed}`);
  await putArticles(a, 'x', DOCS);
  const direction = twoWay ? 'two-way' : 'one-way';
  const running = [start(a, b, { direction }), ...(twoWay ? [start(b, a, { direction, name: 'a' })] : [])];
  await until(
    async () => (await b.articles.count()) === DOCS && running.every((one) => one.status().state === 'tailing'),
    'both are alike',
  );
  const end = new AbortController();
  const writers = [a, ...(twoWay ? [b] : [])].map((store, i) => write(store, seededRandom(seed + i), end.signal));
  try {
    let moving = 0;
    for (let round = 0; round < rounds; round += 1) {
      const report = await compare(a, b, { deep: round % 3 === 0 });
      moving += report.databases[0]?.bucketsDiffering ?? 0;
      if (report.verdict === 'differing') t.fail(`round ${round}: ${namesIn(report).join(', ')}`);
    }
    t.ok(moving > rounds, `${moving} buckets differed at a first look, in ${rounds} rounds`);
    const planted = await tamper();
    t.same(namesIn(await compare(a, b, { deep: true })), planted, 'what is wrong is found while writing goes on');
  } finally {
    end.abort();
    t.comment(`${(await Promise.all(writers)).join(' and ')} documents were written meanwhile`);
    await Promise.all(running.map((one) => one.stop()));
  }
}

/** Changes, deletes and makes documents, but `x0` to `x9`, as fast as the store lets it. */
async function write(store: Store, random: Random, signal: AbortSignal): Promise<number> {
  let written = 0;
  await using writer = await store.articles.openWriter({ owner: 'test', durability: 'lazy' });
  for (; !signal.aborted; written += BATCH) {
    const ids = new Set(Array.from({ length: BATCH }, () => `x${10 + random.below(DOCS * 2)}`));
    const edits = [...ids].map((id) => ({
      id,
      content: random.chance(0.2) ? null : article({ guid: id, title: `Title ${random.below(1000)}` }),
    }));
    await writer.edit(edits);
    await turn();
  }
  return written;
}

function compare(a: Store, b: Store, over: Partial<VerifyOptions>): Promise<VerifyReport> {
  const ends = { source: storeEnd(a), destination: storeEnd(b) };
  return verify({ ...ends, databases: ['articles'], runtime: fastRuntime(HASTE), ...over });
}

export function namesIn({ databases }: VerifyReport): string[] {
  return databases.flatMap(({ findings }) => findings.map(({ kind, id, damaged }) => [kind, id, ...damaged].join(' ')));
}
