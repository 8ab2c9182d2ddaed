import { MongoNetworkError, MongoServerError } from 'mongodb';
import t from 'tap';
import { codeOf, storeError } from '../../../store/errors.ts';
import { asStoreError, duplicateIndex, mayPass, wasNotSent } from '../../../store/mongodb/failures.ts';

const MESSAGES: readonly (readonly [message: string, index: 'id' | 'place' | undefined])[] = [
  ['E11000 duplicate key error collection: ff.articles index: _id_ dup key: { _id: "a" }', 'id'],
  ['E11000 duplicate key error collection: ff.articles index: slot_1_n_1 dup key: { slot: 1, n: 7 }', 'place'],
  ['E11000 duplicate key error collection: ff.articles index: _id_ dup key: { _id: "x index: slot_1_n_1" }', 'id'],
  ['E11000 duplicate key error collection: ff.articles index: num_1 dup key: { num: 7 }', undefined],
  ['E11000 duplicate key', undefined],
];

t.test('the index that refused a duplicate is told by the message, or not at all', (t) => {
  for (const [message, index] of MESSAGES) t.equal(duplicateIndex(message), index, message);
  t.end();
});

const SERVER: readonly (readonly [code: number, ours: string, retryable: boolean])[] = [
  [18, 'STORE_UNREACHABLE', false],
  [13, 'STORE_UNREACHABLE', false],
  [10107, 'STORE_UNREACHABLE', true],
  [189, 'STORE_UNREACHABLE', true],
  [11602, 'STORE_UNREACHABLE', true],
  [112, 'STORE_UNREACHABLE', true],
  [14031, 'STORE_FULL', true],
  [10334, 'BATCH_INVALID', false],
  [1, 'STORE_IO_FAILED', false],
];

t.test('each failure of the server has its code', (t) => {
  for (const [code, ours, retryable] of SERVER) {
    const error = asStoreError(new MongoServerError({ message: 'said', code }), 'mongodb://h/d');
    t.match(error, { code: ours, retryable, input: 'mongodb://h/d' }, `${code}`);
  }
  t.end();
});

t.test('a failure that may have reached the server is told from one that surely did not', (t) => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { syscall: 'connect', code: 'ECONNREFUSED' });
  const reset = Object.assign(new Error('read ECONNRESET'), { syscall: 'read', code: 'ECONNRESET' });
  t.ok(wasNotSent(new MongoNetworkError('connect ECONNREFUSED', { cause: refused })));
  t.ok(wasNotSent(new MongoNetworkError('handshake', { beforeHandshake: true })));
  t.notOk(wasNotSent(new MongoNetworkError('read ECONNRESET', { cause: reset })));
  t.notOk(wasNotSent(reset));
  t.notOk(wasNotSent(new MongoServerError({ message: 'stepped down', code: 189 })));
  for (const error of [refused, reset, new MongoNetworkError('x')]) {
    t.ok(mayPass(error));
    t.equal(codeOf(asStoreError(error, 's')), 'STORE_UNREACHABLE');
  }
  t.end();
});

t.test('what is no failure of the store stays what it is', (t) => {
  const bug = new TypeError('a bug');
  t.equal(asStoreError(bug, 's'), bug);
  t.notOk(mayPass(bug));
  const ours = storeError('STORE_GONE', 'gone');
  t.equal(asStoreError(ours, 's'), ours);
  t.end();
});
