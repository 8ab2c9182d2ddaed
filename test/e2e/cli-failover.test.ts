import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openStore } from '../../store/open.ts';
import { article } from '../contract/samples.ts';
import { put } from '../contract/with-store.ts';
import { type Cli, cliFor } from './cli-process.ts';

const subscription = (title: string) => ({ user: 'reader', feed: 'abc', title, folder: null, addedAt: 1 });

async function write(cli: Cli, name: string, prefix: string, count: number, title: string): Promise<void> {
  await using store = await openStore(`sqlite:${join(cli.folder, name)}`);
  const ids = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  await put(store.articles, ...ids.map((id) => ({ id, content: article({ title: `About ${id}` }) })));
  await put(store.subscriptions, { id: 'reader.abc', content: subscription(title) });
}

/** `a.db` was the primary; `b.db`, its replica, was promoted, and both went on. */
async function replaced(t: Test): Promise<Cli> {
  const cli = await cliFor(t);
  await write(cli, 'a.db', 'x', 10, 'before');
  t.match(await cli.run(['replicate', '--from', 'sqlite:a.db', '--to', 'sqlite:b.db', '--once']), { code: 0 });
  await write(cli, 'a.db', 'unseen', 25, 'at the old one');
  const promoted = await cli.run(['promote', '--store', 'sqlite:b.db']);
  t.match(promoted, { code: 0, stdout: /is the primary now, with epoch 1.*feedferry demote --to sqlite:.*b\.db/s });
  await write(cli, 'b.db', 'new', 3, 'at the new one');
  return cli;
}

function widest(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length));
}

t.test('a primary that was replaced comes back by one command, and nothing of it is lost', async (t) => {
  const cli = await replaced(t);
  const rejoin = ['demote', '--store', 'sqlite:a.db', '--to', 'sqlite:b.db'];
  const dry = await cli.run([...rejoin, '--dry-run']);
  t.match(dry, {
    code: 0,
    stdout: /missing {5}articles {7}About unseen0\n.*\.\.\. and 6 more\n.*Nothing was changed/s,
  });
  t.ok(widest(dry.stdout) <= 90, 'fits a terminal');
  const done = await cli.run([...rejoin, '--export', 'unseen.jsonl']);
  t.match(done, {
    code: 0,
    stdout: /never seen 26 documents.*unseen\.jsonl\n.*25 written.*1 conflict.*replicate add --to/s,
  });
  t.equal((await readFile(join(cli.folder, 'unseen.jsonl'), 'utf8')).trimEnd().split('\n').length, 27);
  const again = await cli.run([...rejoin, '--export', 'unseen.jsonl', '--json']);
  t.match(JSON.parse(again.stdout), { unseen: 26, written: 0, refused: [] }, 'run again, it writes nothing');
  t.match(await cli.run(['replicate', '--from', 'sqlite:b.db', '--to', 'sqlite:a.db', '--once']), { code: 0 });
  t.match(await cli.run(['verify', '--from', 'sqlite:b.db', '--to', 'sqlite:a.db']), { code: 0, stdout: /Equal/ });
});

t.test('conflicts are listed, shown and settled', async (t) => {
  const cli = await replaced(t);
  t.match(await cli.run(['demote', '--store', 'sqlite:a.db', '--to', 'sqlite:b.db', '--json']), { code: 0 });
  const conflicts = (...args: string[]) => cli.run(['replicate', 'conflicts', ...args, '--store', 'sqlite:b.db']);
  const listed = await conflicts();
  t.match(listed, { code: 0, stdout: /1 conflict to settle: 1 in subscriptions.*\nsubscriptions\/reader\.abc@\S+\n/s });
  t.ok(widest(listed.stdout) <= 80);
  const [, key = ''] = /^(subscriptions\/\S+)$/m.exec(listed.stdout) ?? [];
  const shown = await conflicts('show', key);
  t.match(shown, { code: 0, stdout: /title\n {2}lost {3}"at the old one"\n {2}there {2}"at the new one"\n/ });
  t.match(JSON.parse((await conflicts('show', key, '--json')).stdout), {
    conflict: { database: 'subscriptions', loser: { content: { title: 'at the old one' } } },
    there: { content: { title: 'at the new one' } },
  });
  t.match(await conflicts('resolve', key), { code: 2, stderr: /--keep or --restore/ });
  t.match(await conflicts('settle'), { code: 2, stderr: /no action "settle"/ });
  t.match(await conflicts('show'), { code: 2 });
  t.match(await conflicts('resolve', 'states/nothing@1', '--keep'), { code: 1, stderr: /CONFLICT_UNKNOWN/ });
  t.match(await conflicts('resolve', key, '--restore'), { code: 0, stdout: /a new edit of this site/ });
  await using store = await openStore(`sqlite:${join(cli.folder, 'b.db')}`);
  t.match(await store.subscriptions.get('reader.abc'), { content: { title: 'at the old one' } });
  t.match(await conflicts('resolve', '--all', '--keep'), { code: 0, stdout: /^0 conflicts settled/ });
  t.match(await conflicts(), { stdout: /No conflicts to settle/ });
});

t.test('a planned change: demoted, drained, promoted', async (t) => {
  const cli = await cliFor(t);
  await write(cli, 'a.db', 'x', 10, 'before');
  t.match(await cli.run(['demote', '--store', 'sqlite:a.db']), {
    code: 0,
    stdout: /takes no edits any more.*promote/s,
  });
  t.match(await cli.run(['demote', '--store', 'sqlite:a.db']), { code: 0, stdout: /is no primary/ });
  t.match(await cli.run(['replicate', '--from', 'sqlite:a.db', '--to', 'sqlite:b.db', '--once']), { code: 0 });
  t.match(await cli.run(['promote', '--store', 'sqlite:b.db', '--json']), { code: 0, stdout: /"epoch":1/ });
  t.match(await cli.run(['replicate', '--from', 'sqlite:b.db', '--to', 'sqlite:a.db', '--once']), { code: 0 });
});

t.test('what makes no sense is refused, and says what to do', async (t) => {
  const cli = await cliFor(t);
  await write(cli, 'a.db', 'x', 1, 'a');
  await write(cli, 'b.db', 'x', 1, 'b');
  t.match(await cli.run(['promote', '--store', 'sqlite:none.db']), { code: 1, stderr: /STORE_MISSING/ });
  t.match(await cli.run(['promote', '--store', 'sqlite:a.db', '--epoch', '0']), { code: 2, stderr: /--epoch is "0"/ });
  t.match(await cli.run(['demote', '--store', 'sqlite:a.db', '--dry-run']), { code: 2, stderr: /go with --to only/ });
  const unplanned = await cli.run(['demote', '--store', 'sqlite:a.db', '--to', 'sqlite:b.db']);
  t.match(unplanned, { code: 1, stderr: /REJOIN_NOT_NEWER.*feedferry promote/s });
});
