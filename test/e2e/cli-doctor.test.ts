import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { TEST_CRAWL_NOTE } from '../../crawler/test-crawl/own-store.ts';
import { writeNote } from '../../crawler/websub/note.ts';
import { newFeedSubscription } from '../../crawler/websub/subscription.ts';
import type { Store } from '../../store/contract.ts';
import { openStore } from '../../store/open.ts';
import { redisUrl } from '../rig/redis.ts';
import { skipLoudly } from '../rig/skip.ts';
import { type Cli, cliFor } from './cli-process.ts';

interface Report {
  ok: boolean;
  checks: { name: string; status: string; message: string; advice: string }[];
}

async function doctor(cli: Cli, args: readonly string[] = [], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await cli.run(['doctor', '--json', '--listen', '0', ...args], { env });
  const report = JSON.parse(stdout) as Report;
  const of = (name: string) => report.checks.filter((check) => check.name === name);
  return { code, stderr, report, of };
}

t.test('on a fresh machine all is well, and doctor makes no store', async (t) => {
  const cli = await cliFor(t);
  const { code, stderr, report, of } = await doctor(cli);
  t.equal(code, 0);
  t.equal(stderr, '');
  t.equal(report.ok, true);
  t.strictSame(
    report.checks.map(({ name, status }) => `${name} ${status}`),
    ['runtime ok', 'settings ok', 'store warn', 'disk ok', 'queue ok', 'port ok', 'clock ok'],
  );
  t.match(of('store'), [{ message: /no store yet/ }]);
  t.notOk(existsSync(join(cli.folder, 'data')), 'nothing was made');
});

t.test('a store that is there is opened and described', async (t) => {
  const cli = await cliFor(t);
  await (await openStore(`sqlite:${join(cli.folder, 'a.db')}`)).close();
  const { of } = await doctor(cli, ['--store', 'sqlite:a.db']);
  t.match(of('store'), [{ status: 'ok', message: /SQLite \d.*0 feeds, 0 articles/ }]);
});

t.test('hubs that cannot call back, or never did, are worth a warning', async (t) => {
  const cli = await cliFor(t);
  const url = `sqlite:${join(cli.folder, 'a.db')}`;
  const state = newFeedSubscription('abc', { hubs: ['https://hub.example/'], topic: 'https://x.example/' }, 0);
  const lastError = { code: 'WEBSUB_NOT_VERIFIED', message: 'It never asked back', at: 0 };
  {
    await using store = await openStore(url);
    await writeNote(store.control, { ...state, lastError }, 0);
  }
  const far = { FEEDFERRY_ALLOW_PRIVATE_NETWORKS: '' };
  const hubs = async (publicUrl: string, env: Record<string, string> = far) =>
    (await doctor(cli, ['--store', url, '--public-url', publicUrl], env)).of('hubs');
  t.same((await doctor(cli, ['--store', url])).of('hubs'), [], 'nothing is said where no hub is to push');
  t.match(await hubs('http://localhost:8080'), [{ status: 'warn', message: /can't call back at/ }]);
  t.match(await hubs('https://192.168.1.5'), [{ status: 'warn', message: /can't call back at/ }]);
  const home = { FEEDFERRY_ALLOW_PRIVATE_NETWORKS: '192.168.1.0/24' };
  t.match(await hubs('http://192.168.1.5', home), [{ status: 'warn', message: /can be read and changed/ }]);
  t.match(await hubs('https://reader.example.org'), [
    { status: 'warn', message: /hubs push 0 feeds, 1 wait for one: WEBSUB_NOT_VERIFIED/, advice: /asked back/ },
  ]);
});

t.test('a database that is read-only is worth a warning', async (t) => {
  const cli = await cliFor(t);
  {
    await using store = await openStore(`sqlite:${join(cli.folder, 'a.db')}`);
    await store.articles.setMode('read-only');
  }
  const { code, of } = await doctor(cli, ['--store', 'sqlite:a.db']);
  t.equal(code, 0, 'a warning is no failure');
  t.match(of('store'), [{ status: 'warn', message: /read-only: articles/, advice: /on purpose/ }]);
});

t.test('it says what has set databases read-only, and that a test crawl wrote into a store', async (t) => {
  const cli = await cliFor(t);
  const url = `sqlite:${join(cli.folder, 'a.db')}`;
  const edited = async (edit: (store: Store) => Promise<unknown>) => {
    await using store = await openStore(url);
    await edit(store);
  };
  await edited((store) => store.control.put(TEST_CRAWL_NOTE, { startedAt: 0, source: 'feeds.opml' }, 0));
  t.match((await doctor(cli, ['--store', url])).of('store'), [
    { status: 'warn', message: /A test crawl of feeds\.opml wrote into this store/, advice: /can be thrown away/ },
  ]);
  t.equal((await cli.run(['crawlers', 'pause', '--read-only', '--store', url])).code, 0);
  t.match((await doctor(cli, ['--store', url])).of('store'), [
    { status: 'warn', message: /read-only: articles, feeds/, advice: /pause of the crawlers did that.*resume/ },
  ]);
});

t.test('a replica says whose it is, and a primary that was replaced what to do', async (t) => {
  const cli = await cliFor(t);
  await (await openStore(`sqlite:${join(cli.folder, 'a.db')}`)).close();
  await cli.run(['replicate', '--from', 'sqlite:a.db', '--to', 'sqlite:b.db', '--once']);
  const replica = await doctor(cli, ['--store', 'sqlite:b.db']);
  t.equal(replica.code, 0);
  t.match(replica.of('role'), [{ status: 'ok', message: /^replica of [a-z2-7]{8}, epoch 0$/ }]);
  await cli.run(['promote', '--store', 'sqlite:b.db']);
  t.match((await doctor(cli, ['--store', 'sqlite:b.db'])).of('role'), [{ message: 'primary, epoch 1' }]);
  await cli.run(['replicate', '--from', 'sqlite:a.db', '--to', 'sqlite:b.db', '--once']);
  const replaced = await doctor(cli, ['--store', 'sqlite:a.db']);
  t.equal(replaced.code, 3);
  t.match(replaced.of('store'), [{ status: 'warn', advice: /until this site is brought back/ }]);
  t.match(replaced.of('role'), [
    { status: 'fail', message: /^replaced as the primary/, advice: /feedferry demote --to/ },
  ]);
});

t.test('what is no store is a failure with exit code 3 and advice', async (t) => {
  const cli = await cliFor(t);
  await writeFile(join(cli.folder, 'a.db'), 'This is something else entirely.');
  const { code, report, of } = await doctor(cli, ['--store', 'sqlite:a.db']);
  t.equal(code, 3);
  t.equal(report.ok, false);
  t.match(of('store'), [{ status: 'fail', message: /STORE_NOT_OURS/, advice: /./ }]);
});

t.test('wrong settings are failed checks, and the others are made all the same', async (t) => {
  const cli = await cliFor(t);
  const env = { FEEDFERRY_CONCURRENCY: 'many', FEEDFERRY_TIMEOUT: 'soon', FEEDFERRY_STOR: 'x' };
  const { code, of } = await doctor(cli, [], env);
  t.equal(code, 3);
  t.match(of('settings'), [
    { status: 'fail', message: /FEEDFERRY_CONCURRENCY is "many"/ },
    { status: 'fail', message: /FEEDFERRY_TIMEOUT is "soon"/ },
    { status: 'warn', message: /FEEDFERRY_STOR .*did you mean FEEDFERRY_STORE/ },
  ]);
  t.match(of('queue'), [{ status: 'ok' }]);
});

t.test(
  'a queue in Redis is asked; one that does not answer, or refuses, is a failure that shows no password',
  async (t) => {
    const cli = await cliFor(t);
    const nobody = await doctor(cli, ['--queue', 'redis://me:secret@127.0.0.1:1/0']);
    t.equal(nobody.code, 3);
    t.match(nobody.of('queue'), [{ status: 'fail', message: /CRAWL_QUEUE_UNREACHABLE.*127\.0\.0\.1:1/ }]);
    const redis = await redisUrl();
    if ('skip' in redis) return skipLoudly(t, redis.skip);
    t.match((await doctor(cli, ['--queue', redis.url])).of('queue'), [{ status: 'ok', message: /Redis \d.* answers/ }]);
    const stranger = await doctor(cli, ['--queue', redis.url.replace('://', '://me:secret@')]);
    t.match(stranger.of('queue'), [{ status: 'fail', message: /CRAWL_QUEUE_REFUSED/ }]);
    t.notMatch(JSON.stringify([nobody.report, nobody.stderr, stranger.report, stranger.stderr]), /secret/);
  },
);

t.test('a port that another program holds is a failure; one that Feedferry holds is not', async (t) => {
  const cli = await cliFor(t);
  const other = createServer((_request, response) => response.end('{"hello": 1}'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise((resolve) => other.close(resolve)));
  const { port } = other.address() as AddressInfo;
  const taken = await doctor(cli, ['--listen', String(port)]);
  t.equal(taken.code, 3);
  t.match(taken.of('port'), [{ status: 'fail', message: /PORT_IN_USE/, advice: /--listen/ }]);

  const served = cli.start(['serve', '--listen', '0', '--no-crawler']);
  const [, own] = await served.until(/ready at http:\/\/localhost:(\d+)/);
  const { of } = await doctor(cli, ['--listen', own ?? '']);
  t.match(of('port'), [{ status: 'ok', message: /Feedferry is running/ }]);
});

t.test('a clock behind the newest write is worth a warning', async (t) => {
  const cli = await cliFor(t);
  {
    const clock = () => Date.now() + 86_400_000;
    await using store = await openStore(`sqlite:${join(cli.folder, 'a.db')}`, { clock });
    await using writer = await store.users.openWriter({ owner: 'test', durability: 'sync' });
    await writer.edit([{ id: 'ada', content: { num: 0, name: 'Ada', addedAt: 1 } }]);
  }
  const { of } = await doctor(cli, ['--store', 'sqlite:a.db']);
  t.match(of('clock'), [{ status: 'warn', message: /24 h behind the newest write/ }]);
});

t.test('a password in the store URL is shown nowhere', async (t) => {
  const cli = await cliFor(t);
  const args = [
    'doctor',
    '--store',
    'mongodb://me:hunter2@127.0.0.1:1/db?serverSelectionTimeoutMS=200',
    '--listen',
    '0',
  ];
  for (const format of [[], ['--json']]) {
    const { code, stdout, stderr } = await cli.run([...args, ...format]);
    t.equal(code, 3);
    t.notMatch(stdout + stderr, /hunter2/);
  }
});

t.test('people get lines that fit 80 columns', async (t) => {
  const cli = await cliFor(t);
  const { stdout } = await cli.run(['doctor', '--listen', '0'], { env: { FEEDFERRY_LOG_LEVEL: 'loud' } });
  t.match(stdout, /FAIL {2}settings {2}SETTING_INVALID/);
  t.match(stdout, /-> Correct the value/);
  for (const line of stdout.split('\n')) t.ok(line.length <= 80 || line.includes('feedferry-cli-'), line);
});
