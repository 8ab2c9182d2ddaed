import t from 'tap';
import { ANSWER_MS_MAX, Deadlines } from '../../../replicator/sending/deadlines.ts';
import { codeOf } from '../../../store/errors.ts';
import { fastRuntime } from './pair.ts';

/** What becomes of a promise, as a word. */
async function fate(promise: Promise<unknown>): Promise<string> {
  return await promise.then(String, (error: unknown) => codeOf(error));
}

t.test('what never answers is given up after its time, one after the other; what answers is passed on', async (t) => {
  const runtime = fastRuntime(1000);
  const deadlines = new Deadlines(runtime);
  const end = new AbortController();
  const watching = deadlines.watch(end.signal);
  const began = runtime.elapsed();
  const never = [1, 2].map((i) => fate(deadlines.limit(new Promise(() => {}), `number ${i}`)));
  t.equal(await fate(deadlines.limit(Promise.resolve(7), 'an answer')), '7');
  t.equal(await fate(deadlines.limit(Promise.reject(new TypeError('no')), 'a failure')), 'INTERNAL');
  t.equal(deadlines.oldest()?.what, 'number 1');
  t.strictSame(await Promise.all(never), ['REPLICATION_STUCK', 'REPLICATION_STUCK']);
  t.ok(runtime.elapsed() - began >= ANSWER_MS_MAX);
  t.equal(deadlines.oldest(), undefined);
  end.abort();
  await watching;
});

t.test('at the end nothing is waited for any more, neither what is under way nor what comes later', async (t) => {
  const deadlines = new Deadlines(fastRuntime(1));
  const waiting = fate(deadlines.limit(new Promise(() => {}), 'something'));
  deadlines.end(new Error('over'));
  t.equal(await waiting, 'INTERNAL');
  t.equal(await fate(deadlines.limit(Promise.resolve(1), 'something later')), 'INTERNAL');
});
