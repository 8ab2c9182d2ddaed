import t from 'tap';
import { storeTarget } from '../../../replicator/applying/store-target.ts';
import { realRuntime } from '../../../replicator/runtime.ts';
import type { Push } from '../../../replicator/target.ts';
import { disturbed, putArticles, sqlitePair, start } from './pair.ts';

const DOCS = 2000;
const BATCH_DOCS = 50;

/** Batches that took a checkpoint along, of a copy to a store that says it is of this engine. */
async function takenAlong(engine: 'sqlite' | 'mongodb'): Promise<number> {
  await using pair = await sqlitePair();
  await putArticles(pair.a, 'x', DOCS);
  // No time passes, so that only documents count.
  const runtime = { ...realRuntime, elapsed: () => 0 };
  const pushes: Push[] = [];
  const target = disturbed(storeTarget(pair.b, { engine, runtime }), (push, go) => {
    pushes.push(push);
    return go();
  });
  const limits = { docsPerSecondMax: null, bytesPerSecondMax: null, batchDocs: BATCH_DOCS, concurrency: 1 };
  const copy = start(pair.a, pair.b, {
    open: async () => target,
    databases: ['articles'],
    runtime,
    limits,
    once: true,
  });
  await copy.ended;
  return pushes.filter(({ docs, checkpoint }) => docs.length > 0 && checkpoint !== null).length;
}

t.test('every batch takes a checkpoint along where it shares a transaction with it', async (t) => {
  t.ok((await takenAlong('sqlite')) >= DOCS / BATCH_DOCS - 2);
});

t.test('elsewhere only one of many does, as it costs more than the batch', async (t) => {
  const taken = await takenAlong('mongodb');
  t.ok(taken >= 2 && taken <= DOCS / 400 + 1, `${taken}`);
});
