/** The very same tests for a store at hand and for one behind a receiver. */
import t from 'tap';
import { targetOf } from '../sending/pair.ts';
import { receiverFor, targetAt } from './receiving.ts';
import { targetContract } from './target-contract.ts';

t.test('a store at hand', (t) =>
  targetContract(t, async (t, store) => {
    const target = targetOf(store);
    t.teardown(() => target.close());
    return target;
  }),
);

t.test('a store behind a receiver', (t) =>
  targetContract(t, async (t, store) => targetAt(t, (await receiverFor(t, store)).url)),
);
