import t from 'tap';
import { addDestination, defaultConfig } from '../../replicator/configuration.ts';
import { type RunningReplicator, startReplicator } from '../../replicator/replicator.ts';
import type { Store } from '../../store/contract.ts';
import { until } from '../rig/until.ts';
import { differences, fastRuntime, type Pair, putArticles, sqlitePair, start, targetOf } from './sending/pair.ts';

const PROCESS = { pid: 1, host: 'test' };
/** So that the quiet time after a take-over passes soon. */
const RUNTIME = fastRuntime(20);

function replicatorOf(a: Store, b: Store): RunningReplicator {
  const options = { source: a, runtime: RUNTIME, process: PROCESS };
  return startReplicator({ ...options, open: async () => targetOf(b, RUNTIME) });
}

async function supplied({ a }: Pair): Promise<void> {
  await putArticles(a, 'x', 50);
  await addDestination(a.control, defaultConfig('b', 'sqlite:b.db'));
}

const stateOf = (replicator: RunningReplicator) => replicator.status()[0]?.state;

t.test('a destination goes on by itself after somebody else replicated to it once', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await supplied(pair);
  await using replicator = replicatorOf(a, b);
  await until(() => stateOf(replicator) === 'tailing' && replicator.status()[0]?.docs === 50, 'it has all');
  await start(a, b, { once: true }).ended;
  await putArticles(a, 'y', 50);
  await until(() => stateOf(replicator) === 'stopped', 'it finds that it was taken over');
  await putArticles(a, 'z', 50);
  await until(async () => (await differences(a, b)).length === 0, 'it goes on');
  t.equal(stateOf(replicator), 'tailing');
});

t.test('of two replicators of a site one works, and the other one when that has ended', async (t) => {
  await using pair = await sqlitePair();
  const { a, b } = pair;
  await supplied(pair);
  await using older = replicatorOf(a, b);
  await until(() => older.status()[0]?.docs === 50, 'the older one has sent all');
  const newer = replicatorOf(a, b);
  await until(() => stateOf(newer) === 'tailing', 'the newer one tails');
  await putArticles(a, 'y', 50);
  await until(() => stateOf(older) === 'stopped', 'the older one makes way');
  const quiet = RUNTIME.elapsed() + 40_000;
  await until(() => RUNTIME.elapsed() > quiet, 'time passes');
  t.equal(stateOf(older), 'stopped', 'as long as the newer one works');
  t.equal(stateOf(newer), 'tailing');
  await newer.stop();
  await putArticles(a, 'z', 50);
  await until(async () => (await differences(a, b)).length === 0, 'then it goes on');
});
