import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { listDestinations, type ShownStatus } from '../../replicator/configuration.ts';
import type { BucketSum } from '../../store/contract.ts';
import { openStore } from '../../store/open.ts';
import { article, feed } from '../contract/samples.ts';
import { type Cli, cliFor, type Started } from './cli-process.ts';

const ARTICLES = 700;

/** A source with some of everything. */
async function madeStore(cli: Cli, name = 'source.db', articles = ARTICLES): Promise<string> {
  const url = `sqlite:${join(cli.folder, name)}`;
  await using store = await openStore(url);
  await using writer = await store.articles.openWriter({ owner: 'test', durability: 'lazy' });
  await writer.edit(Array.from({ length: articles }, (_, i) => ({ id: `a.${i}`, content: article({ guid: `${i}` }) })));
  await using feeds = await store.feeds.openWriter({ owner: 'test', durability: 'lazy' });
  await feeds.edit([{ id: 'a', content: feed() }]);
  return url;
}

async function sums(url: string): Promise<BucketSum[]> {
  await using store = await openStore(url, { mustExist: true });
  return await store.articles.bucketSums();
}

async function edit(url: string, ids: readonly string[], title: string): Promise<void> {
  await using store = await openStore(url);
  await using writer = await store.articles.openWriter({ owner: 'test', durability: 'lazy' });
  await writer.edit(ids.map((id) => ({ id, content: article({ title }) })));
}

async function isEqual(a: string, b: string): Promise<boolean> {
  return JSON.stringify(await sums(a)) === JSON.stringify(await sums(b));
}

t.test('replicate --once makes a copy, and the next time sends what changed', async (t) => {
  const cli = await cliFor(t);
  const source = await madeStore(cli);
  const copy = `sqlite:${join(cli.folder, 'copy.db')}`;
  const first = await cli.run(['replicate', '--from', source, '--to', copy, '--once']);
  t.match(first, { code: 0, stdout: /^701 documents \(.* sent to / });
  t.ok(await isEqual(source, copy));
  await edit(source, ['a.1', 'a.new'], 'changed');
  const second = await cli.run(['replicate', '--from', source, '--to', copy, '--once', '--json']);
  const lines = second.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(lines.at(-1), { ended: true, stopped: false, docs: 2, docsToDo: 0 });
  t.ok(await isEqual(source, copy));
});

t.test('a destination with documents of its own is refused, and left as it was', async (t) => {
  const cli = await cliFor(t);
  const source = await madeStore(cli);
  const other = await madeStore(cli, 'other.db', 3);
  const before = await sums(other);
  const { code, stderr } = await cli.run(['replicate', '--from', source, '--to', other, '--once']);
  t.equal(code, 1);
  t.match(stderr, /^error REPLICATION_TARGET_HAS_DATA: /m);
  t.strictSame(await sums(other), before);
});

t.test('a copy is a replica: nothing is written into it but by replication', async (t) => {
  const cli = await cliFor(t);
  const source = await madeStore(cli);
  const copy = `sqlite:${join(cli.folder, 'copy.db')}`;
  await cli.run(['replicate', '--from', source, '--to', copy, '--once']);
  await t.rejects(edit(copy, ['a.1'], 'mine'), { code: 'DATABASE_READ_ONLY' });
});

t.test('a mistyped destination is wrong use, and leaves no trace in the status', async (t) => {
  const cli = await cliFor(t);
  const source = await madeStore(cli);
  for (const to of ['b.db', 'ftp://b', 'sqlite:', 'https://']) {
    const wrong = await cli.run(['replicate', '--from', source, '--to', to, '--once']);
    t.match(wrong, { code: 2, stderr: /^error USAGE_INVALID: --to is ".*It must be sqlite:PATH/ }, to);
  }
  t.match(await cli.run(['replicate', 'status', '--store', source]), { stdout: /^No destinations/ });
});

t.test('a mistyped source is no new store', async (t) => {
  const cli = await cliFor(t);
  const { code, stderr } = await cli.run([
    'replicate',
    '--from',
    'sqlite:nowhere.db',
    '--to',
    'sqlite:copy.db',
    '--once',
  ]);
  t.equal(code, 1);
  t.match(stderr, /^error STORE_MISSING: /);
  t.notOk(existsSync(join(cli.folder, 'nowhere.db')));
  t.notOk(existsSync(join(cli.folder, 'copy.db')));
});

t.test('replicate goes on until it is stopped, and ends with 0', async (t) => {
  const cli = await cliFor(t);
  const source = await madeStore(cli);
  const copy = `sqlite:${join(cli.folder, 'copy.db')}`;
  const running = cli.start(['replicate', '--from', source, '--to', copy]);
  await running.until(/tailing/);
  await edit(source, ['a.5'], 'later');
  while (!(await isEqual(source, copy)));
  running.child.kill('SIGTERM');
  // The last one is there before its acknowledgement is back: it counts only after that.
  t.match(await running.ended, { code: 0, stdout: /70[12] documents/ });
});

async function serve(t: Test, cli: Cli, store: string): Promise<Started & { url: string }> {
  const served = cli.start(['serve', '--listen', '127.0.0.1:0', '--no-crawler', '--store', store]);
  const [, url = ''] = await served.until(/ready at (http:\/\/localhost:\d+)/);
  t.teardown(() => served.child.kill('SIGTERM'));
  return { ...served, url };
}

async function statusOf(cli: Cli, source: string, name: string): Promise<ShownStatus['status'] | undefined> {
  const { stdout } = await cli.run(['replicate', 'status', '--store', source, '--json']);
  return (JSON.parse(stdout) as ShownStatus[]).find(({ status }) => status.name === name)?.status;
}

t.test('serve keeps destinations supplied that are added while it runs, each by itself', async (t) => {
  const cli = await cliFor(t);
  const source = await madeStore(cli);
  const [one, two] = ['one', 'two'].map((name) => `sqlite:${join(cli.folder, `${name}.db`)}`);
  if (one === undefined || two === undefined) throw new Error('no names');
  const served = await serve(t, cli, source);
  t.match(await cli.run(['replicate', 'add', '--to', one, '--store', source]), { code: 0, stdout: /^Added one: / });
  while ((await statusOf(cli, source, 'one'))?.state !== 'tailing');
  t.match(await cli.run(['replicate', 'add', '--to', one, '--store', source]), {
    code: 1,
    stderr: /DESTINATION_EXISTS/,
  });
  await cli.run(['replicate', 'add', '--to', two, '--store', source, '--docs-per-second', '5000']);
  while ((await statusOf(cli, source, 'two'))?.state !== 'tailing');

  await t.test('one that is paused waits, the other goes on; both are seen by HTTP', async (t) => {
    const paused = await cli.run(['replicate', 'pause', 'one', '--store', source, '--why', 'its disk is replaced']);
    t.match(paused, { code: 0, stdout: /one is paused/ });
    const states = async () => (await (await fetch(`${served.url}/replication`)).json()) as ShownStatus['status'][];
    while (!(await states()).some(({ name, state }) => name === 'one' && state === 'paused'));
    t.match((await states()).find(({ name }) => name === 'one')?.why, /its disk is replaced/);
    const before = await sums(one);
    await edit(source, ['a.1'], 'while paused');
    while (!(await isEqual(source, two)));
    t.strictSame(await sums(one), before);
  });

  await t.test('it is resumed and changed by HTTP', async (t) => {
    const body = new URLSearchParams({ action: 'resume' });
    const answer = await fetch(`${served.url}/replication/one`, { method: 'POST', body });
    t.match(await answer.json(), { name: 'one', wish: { paused: null } });
    while (!(await isEqual(source, one)));
    const set = new URLSearchParams({ action: 'set', docsPerSecond: '77' });
    await fetch(`${served.url}/replication/one`, { method: 'POST', body: set });
    while ((await statusOf(cli, source, 'one'))?.limits.docsPerSecondMax !== 77);
    const wrong = await fetch(`${served.url}/replication/none`, { method: 'POST', body });
    t.equal(wrong.status, 404);
    t.match(await wrong.json(), { error: { code: 'DESTINATION_UNKNOWN' } });
    const html = { accept: 'text/html,*/*;q=0.8' };
    const shown = await fetch(`${served.url}/replication/none`, { method: 'POST', body, headers: html });
    t.match(await shown.text(), /^<!doctype html>/, 'a browser shows a page');
  });

  await t.test('one that is removed is forgotten, the other goes on', async (t) => {
    t.match(await cli.run(['replicate', 'remove', 'one', '--store', source]), { code: 0 });
    while (!/DESTINATION_UNKNOWN/.test((await cli.run(['replicate', 'pause', 'one', '--store', source])).stderr));
    await edit(source, ['a.2'], 'after the removal');
    while (!(await isEqual(source, two)));
    t.match(await (await fetch(`${served.url}/metrics`)).text(), /feedferry_replication_up\{destination="two"\} 1/);
    t.match(await (await fetch(`${served.url}/status`)).text(), /Replication/);
  });

  served.child.kill('SIGTERM');
  t.equal((await served.ended).code, 0);
});

t.test('what is added keeps whole paths, and is refused where it would replicate to itself or twice', async (t) => {
  const cli = await cliFor(t);
  const source = await madeStore(cli);
  const add = (...args: string[]) => cli.run(['replicate', 'add', '--store', source, ...args]);
  t.match(await add('--to', 'sqlite:copy.db'), { code: 0 });
  const config = async () => {
    await using store = await openStore(source);
    return await listDestinations(store.control);
  };
  t.match(await config(), [{ name: 'copy', to: `sqlite:${join(cli.folder, 'copy.db')}` }]);
  t.match(await add('--to', 'sqlite:./source.db'), { code: 1, stderr: /^error REPLICATION_SAME_SITE: / });
  t.match(await add('--to', 'sqlite:copy.db', '--name', 'again'), { code: 1, stderr: /^error DESTINATION_EXISTS: / });
  t.equal((await config()).length, 1);
  const status = await cli.run(['replicate', 'status', 'copy', '--store', source]);
  t.match(status, { code: 0, stdout: /^copy {2}was added/ }, 'known before anybody worked on it');
  const json = await cli.run(['replicate', 'status', '--store', source, '--json']);
  const never = { name: 'copy', url: `sqlite:${join(cli.folder, 'copy.db')}`, state: 'stopped', why: /was added/ };
  t.match(JSON.parse(json.stdout), [{ status: { ...never, limits: { batchDocs: 500 } }, process: null, at: null }]);
  t.match(await cli.run(['replicate', 'status', 'none', '--store', source]), {
    code: 1,
    stderr: /DESTINATION_UNKNOWN/,
  });
});

t.test('--once that is stopped before the destination was reached is no success', async (t) => {
  const cli = await cliFor(t);
  const source = await madeStore(cli);
  const to = 'mongodb://who:secret@127.0.0.1:1/none';
  const once = cli.start(['replicate', '--from', source, '--to', to, '--name', 'gone', '--once']);
  await once.until(/waiting: /);
  once.child.kill('SIGTERM');
  const { code, stdout, stderr } = await once.ended;
  t.equal(code, 1);
  t.match(stdout, /sent to mongodb:\/\/\*\*\*@127/);
  t.match(stderr, /error INTERRUPTED: /);
  t.notMatch(stdout + stderr, /secret/);

  await t.test('and what it left in the status can be removed', async (t) => {
    t.equal((await statusOf(cli, source, 'gone'))?.state, 'stopped');
    t.match(await cli.run(['replicate', 'remove', 'gone', '--store', source]), { code: 0 });
    t.equal(await statusOf(cli, source, 'gone'), undefined);
  });
});
