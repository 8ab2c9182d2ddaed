import t from 'tap';
import { codeOf } from '../../../store/errors.ts';
import { openMongodb } from '../../../store/mongodb/store.ts';
import { parseStoreUrl, withoutCredentials } from '../../../store/mongodb/url.ts';

const SHOWN: readonly (readonly [url: string, shown: string, databaseName: string])[] = [
  ['mongodb://db.example', 'mongodb://db.example/feedferry', 'feedferry'],
  ['mongodb://db.example/', 'mongodb://db.example/feedferry', 'feedferry'],
  ['mongodb://db.example:27018/reader', 'mongodb://db.example:27018/reader', 'reader'],
  ['mongodb://ada:p%40ss@db.example/reader', 'mongodb://db.example/reader', 'reader'],
  ['mongodb://ada:a@b@db.example/reader', 'mongodb://db.example/reader', 'reader'],
  [
    'mongodb://a.example,b.example:2/x?replicaSet=rs&tlsCertificateKeyFilePassword=secret',
    'mongodb://a.example,b.example:2/x',
    'x',
  ],
  ['mongodb+srv://u:p@cluster.example/?authSource=admin', 'mongodb+srv://cluster.example/feedferry', 'feedferry'],
  ['mongodb://[::1]:27017/x', 'mongodb://[::1]:27017/x', 'x'],
];

t.test('a store URL names hosts and database, and is shown without what is secret', (t) => {
  for (const [url, shown, databaseName] of SHOWN) {
    const parsed = parseStoreUrl(url);
    t.equal(parsed.shown, shown, url);
    t.equal(parsed.databaseName, databaseName, url);
    t.equal(parsed.full, url);
  }
  t.end();
});

const REFUSED = [
  'mongodb://',
  'mongodb:///x',
  'http://db.example/x',
  'mongodb://u:secret@/x',
  'mongodb://u:secret@db.example/a/b',
  'mongodb://u:secret@db.example/a b',
  'mongodb://u:secret@db.example/%zz',
  'mongodb://u:secret@db.example/admin',
  `mongodb://u:secret@db.example/${'x'.repeat(64)}`,
];

t.test('what is no store URL is refused, without telling the password', async (t) => {
  for (const url of [
    ...REFUSED,
    'mongodb://u:secret@db.example/x?nonsense=1',
    'mongodb://u:secret@db.example:99999/x',
  ]) {
    const error: unknown = await openMongodb(url).then(
      () => undefined,
      (reason) => reason,
    );
    t.equal(codeOf(error), 'STORE_URL_INVALID', url);
    t.notMatch(JSON.stringify(error), 'secret', `${JSON.stringify(error)}`);
  }
});

t.test('a server that is not there is unreachable, and the error tells why, but no password', async (t) => {
  const url = 'mongodb://ada:secret@127.0.0.1:1/x?authSource=other';
  const error: unknown = await openMongodb(url, { waitMsMax: 1_500 }).then(
    () => undefined,
    (reason) => reason,
  );
  t.equal(codeOf(error), 'STORE_UNREACHABLE');
  t.match(error, { retryable: true, input: 'mongodb://127.0.0.1:1/x', message: /ECONNREFUSED/ });
  t.notMatch(`${String(error)} ${JSON.stringify(error)}`, 'secret');
});

t.test('credentials go from any text', (t) => {
  t.equal(withoutCredentials('no: "mongodb://u:p@h/d?x=secret" is bad'), 'no: "mongodb://h/d" is bad');
  t.equal(withoutCredentials('mongodb+srv://u:p@h'), 'mongodb+srv://h');
  t.end();
});
